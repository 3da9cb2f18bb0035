"""``goodcall audit``: what is wrong with a dataset, row by row and as a whole."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from goodcall.cli.audit_findings import AuditFinding, Kind, Level, found
from goodcall.cli.audit_rows import AUDITED_FIELDS, AuditedRow, audit_chunk
from goodcall.cli.chunks import map_chunks
from goodcall.cli.failures import THRESHOLD_MISSED, CommandFailed
from goodcall.cli.options import Workers
from goodcall.cli.progress import progress_through
from goodcall.cli.rows import RowFile, open_rows, with_list_as_rows
from goodcall.cli.tables import add_number_column, add_text_column, plain_table
from goodcall.cli.visible import plain, visible

NO_CALL = "[]"
"""The answer that calls nothing."""


def audit(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="JSON lines or one JSON list, gzipped or not, or Parquet; - is standard input.",
            show_default=False,
        ),
    ],
    *,
    constant_share: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SHARE", help="Warn when one constant completion is right on more rows."),
    ] = 0.1,
    errors_only: Annotated[
        bool, typer.Option("--errors-only", help="Leave warnings out, of the exit code too.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Findings to list; 0 lists all.")] = 20,
    workers: Workers = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object instead.")] = False,
) -> None:
    """Find what is wrong with a dataset before anything trains on it.

    DATASET holds rows with `id`, `tools` and `ground_truth`, and whatever else there is; or rows as ToolRL published
    them, with tools in the prose of the prompt and calls in the text of the answer. Errors are rows that get no score,
    or that no completion can earn its reward on. Warnings are duplicates, and constant completions that are right on
    many rows.

    Exits with 1 when something was found.
    """
    with open_rows(dataset, columns=AUDITED_FIELDS) as rows:
        audited = _audit_all(with_list_as_rows(rows), workers)
    findings = [
        finding for finding in audited.all_findings(constant_share) if finding.level == Level.ERROR or not errors_only
    ]
    if as_json:
        typer.echo(json.dumps(_as_json(audited, findings)))
    else:
        _show(Console(highlight=False), audited, findings, limit)
    if findings:
        raise typer.Exit(THRESHOLD_MISSED)


@dataclass(slots=True)
class AuditedDataset:
    """What is known of a dataset after its last row."""

    rows: int = 0
    findings: list[AuditFinding] = field(default_factory=list)
    """With single rows, in their order."""
    fields: Counter[str] = field(default_factory=Counter)
    answers: Counter[bytes] = field(default_factory=Counter)
    answer_texts: dict[bytes, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    identities: dict[bytes, int] = field(default_factory=dict)

    def add(self, row: AuditedRow) -> None:
        """Takes the next row in."""
        self.rows += 1
        self.fields.update(row.fields)
        self.findings += [*row.findings, *self._repetitions(row)]
        if row.answer is not None:
            self.answers[row.answer] += 1
            self.answer_texts.setdefault(row.answer, row.answer_text)

    def _repetitions(self, row: AuditedRow) -> Iterator[AuditFinding]:
        if row.id is not None and (first := self.ids.setdefault(row.id, row.number)) != row.number:
            yield found(Kind.DUPLICATE_ID, line=row.number, row_id=row.id, pointer="/id", got=f"the id of line {first}")
        if (first := self.identities.setdefault(row.identity, row.number)) != row.number:
            yield found(Kind.DUPLICATE_ROW, line=row.number, row_id=row.id, pointer="", got=f"the same as line {first}")

    def constant_answers(self) -> list[tuple[str, int]]:
        """The completion without a call and the most frequent calls, as text, with the rows where each is right.

        What is right on one row alone is no constant answer.
        """
        answers = [(self.answer_texts[answer], count) for answer, count in self.answers.most_common()]
        no_call = [(text, count) for text, count in answers if text == NO_CALL]
        calls = [(text, count) for text, count in answers if text != NO_CALL]
        return [(text, count) for text, count in no_call + calls[:1] if count > 1]

    def all_findings(self, constant_share: float) -> list[AuditFinding]:
        """Every finding, those with the dataset as a whole last."""
        constant = [
            found(Kind.CONSTANT_ANSWER, got=f"{_answer(text)} is right on {count:,} rows, {count / self.rows:.1%}")
            for text, count in self.constant_answers()
            if count / self.rows > constant_share
        ]
        return [*self.findings, *constant]


def _answer(text: str) -> str:
    return "no call" if text == NO_CALL else f"the call {text}"


def _audit_all(file: RowFile, workers: int | None) -> AuditedDataset:
    dataset = AuditedDataset()
    with closing(map_chunks(audit_chunk, file, workers)) as chunks, progress_through(file, "rows") as advance:
        for chunk in chunks:
            for row in chunk:
                dataset.add(row)
            advance(len(chunk))
    if not dataset.fields["ground_truth"]:
        _refuse(file, dataset)
    return dataset


def _refuse(file: RowFile, dataset: AuditedDataset) -> NoReturn:
    """Says why nothing in a file could be audited."""
    if not dataset.rows:
        raise CommandFailed(f"{file.name} has no rows")
    fields = file.columns or dataset.fields
    if not fields:
        raise CommandFailed(f"{file.name} holds no JSON objects, neither one a line nor a list of them")
    raise CommandFailed(
        f"no row of {file.name} has a ground_truth; what they have is {', '.join(fields)}. "
        "Convert them to rows of id, tools and ground_truth"
    )


def _counts(findings: list[AuditFinding], level: Level) -> dict[str, int]:
    of_level = [finding for finding in findings if finding.level == level]
    rows = {finding.line for finding in of_level if finding.line is not None}
    return {"rows": len(rows), "findings": len(of_level)}


def _kinds(findings: list[AuditFinding]) -> list[dict[str, Any]]:
    kinds = []
    for kind in Kind:
        of_kind = [finding for finding in findings if finding.kind == kind]
        if of_kind:
            rows = len({finding.line for finding in of_kind} - {None})
            kinds.append(
                {
                    "kind": kind.value,
                    "level": kind.level.value,
                    "rows": rows,
                    "findings": len(of_kind),
                    "what": kind.sentence,
                }
            )
    return kinds


def _as_json(dataset: AuditedDataset, findings: list[AuditFinding]) -> dict[str, Any]:
    return {
        "rows": dataset.rows,
        "errors": _counts(findings, Level.ERROR),
        "warnings": _counts(findings, Level.WARNING),
        "kinds": _kinds(findings),
        "constant_answers": [
            {"answer": text, "rows": count, "share": count / dataset.rows} for text, count in dataset.constant_answers()
        ],
        "findings": [msgspec.to_builtins(finding) for finding in findings],
    }


def _show(console: Console, dataset: AuditedDataset, findings: list[AuditFinding], limit: int) -> None:
    shown = findings[:limit] if limit else findings
    if shown:
        console.print(_findings_table(shown, len(findings)))
        console.print(_kinds_table(findings, dataset.rows))
    errors, warnings = _counts(findings, Level.ERROR), _counts(findings, Level.WARNING)
    for text, count in dataset.constant_answers():
        console.print(Text(f"{_constant(text)} is right on {count:,} rows, {count / dataset.rows:.1%}.", style="dim"))
    console.print(
        f"{dataset.rows:,} rows: {errors['rows']:,} with errors, {warnings['rows']:,} with warnings.",
        style="bold red" if errors["findings"] else "bold yellow" if findings else "bold green",
    )


def _constant(text: str) -> str:
    return "A completion without a call" if text == NO_CALL else f"The most frequent call, {visible(text)},"


def _findings_table(shown: list[AuditFinding], findings: int) -> Table:
    first = "" if len(shown) == findings else f", the first {len(shown)} of {findings:,}; --limit 0 lists all"
    table = plain_table(f"Findings{first}")
    add_number_column(table, "line")
    add_text_column(table, "id")
    add_text_column(table, "what")
    for finding in shown:
        table.add_row("" if finding.line is None else f"{finding.line}", plain(finding.id or ""), _finding(finding))
    return table


def _finding(finding: AuditFinding) -> Text:
    text = Text()
    text.append(finding.kind, style="red" if finding.level == Level.ERROR else "yellow")
    if finding.pointer:
        text.append(f" {visible(finding.pointer)}")
    if finding.expected is not None:
        text.append(f"\nexpected {visible(finding.expected)}", style="dim")
    if finding.got is not None:
        text.append(f"\n{'got ' if finding.expected is not None else ''}{visible(finding.got)}", style="dim")
    return text


def _kinds_table(findings: list[AuditFinding], rows: int) -> Table:
    table = plain_table("By kind")
    add_number_column(table, "rows")
    add_number_column(table, "share")
    add_text_column(table, "kind")
    add_text_column(table, "what")
    for kind in _kinds(findings):
        style = "red" if kind["level"] == Level.ERROR else "yellow"
        share = f"{kind['rows'] / rows:.1%}" if kind["rows"] else ""
        table.add_row(f"{kind['rows'] or ''}", share, Text(kind["kind"], style=style), kind["what"])
    return table

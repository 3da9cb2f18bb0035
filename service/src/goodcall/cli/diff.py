"""``goodcall diff``: two rewards, or two versions of one, on the same completions."""

import json
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from typing import Annotated, Any, BinaryIO, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from goodcall.bulk.item_rows import ITEM_FIELDS
from goodcall.bulk.judging import Judging, Stop, judge_rows
from goodcall.bulk.rows import Row
from goodcall.cli.chunks import map_chunks
from goodcall.cli.disagreements import Comparison, Disagreement, Given, GivenBody, only_a_pays
from goodcall.cli.failures import THRESHOLD_MISSED, CommandFailed
from goodcall.cli.named_reward import named_reward
from goodcall.cli.options import AssistantPrefix, IgnoreUnknown, InputFile, JSONSummary, Workers
from goodcall.cli.output import STDOUT, OutputFile, open_output
from goodcall.cli.progress import progress_through
from goodcall.cli.rows import RowFile, open_rows
from goodcall.cli.tables import add_number_column, add_text_column, plain_table
from goodcall.cli.visible import plain
from goodcall.items import encode

KINDS_SHOWN = 30
"""Pairs of verdicts in the table; rewards with many scores have many."""


def diff(  # noqa: PLR0913 - one parameter an option
    reward_a: Annotated[str, typer.Argument(help="A reward of the catalogue; see `goodcall rewards`.")],
    reward_b: Annotated[str, typer.Argument(help="Another one, or another version of it.")],
    file: InputFile,
    *,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Disagreements to list.")] = 20,
    output: OutputFile = None,
    assistant_prefix: AssistantPrefix = "",
    workers: Workers = None,
    fail_over: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="SHARE", help="Exit with 1 if a greater share of completions differs."),
    ] = None,
    ignore_unknown: IgnoreUnknown = False,
    json_summary: JSONSummary = False,
) -> None:
    """Show where two rewards disagree on the same completions.

    FILE is what `goodcall score` reads. Two verdicts disagree when their scores differ; reasons are for people.

    `goodcall diff tool_n1/released tool_n1/hardened FILE` is the alarm for reward hacking: what the first pays and
    the second does not, marked `only A pays`, is what a policy could learn to get paid for without doing the task.
    """
    judging = Judging(
        rewards=(named_reward(reward_a).id, named_reward(reward_b).id),
        assistant_prefix=assistant_prefix,
        ignore_unknown=ignore_unknown,
    )
    columns = ITEM_FIELDS if ignore_unknown else None
    destination: AbstractContextManager[BinaryIO | None] = open_output(output, file) if output else nullcontext()
    with open_rows(file, columns=columns) as rows, destination as lines:
        comparison, listed = _compare_all(rows, judging, lines, workers, limit)
    missed = fail_over is not None and comparison.share > fail_over
    to_stderr = str(output) == STDOUT
    if json_summary:
        gate = {"fail_over": fail_over, "passed": None if fail_over is None else not missed}
        typer.echo(json.dumps({**_as_json(judging, comparison, listed), **gate}), err=to_stderr)
    else:
        _show(Console(stderr=to_stderr, highlight=False), judging, comparison, listed)
    if missed:
        typer.echo(f"Missed: {comparison.share:.1%} differ, and --fail-over allows {fail_over:.1%}.", err=True)
        raise typer.Exit(THRESHOLD_MISSED)


class ComparedChunk(NamedTuple):
    """What became of a chunk of rows."""

    comparison: Comparison
    disagreements: list[Disagreement]
    stop: Stop | None


def compare_chunk(judging: Judging, rows: list[Row]) -> ComparedChunk:
    """The verdicts of two rewards on a chunk of rows, compared."""
    comparison, disagreements = Comparison(), list[Disagreement]()
    for judged in judge_rows(judging, rows):
        if isinstance(judged, Stop):
            return ComparedChunk(comparison, disagreements, judged)
        disagreements += comparison.count(judged)
    return ComparedChunk(comparison, disagreements, None)


def _compare_all(
    file: RowFile, judging: Judging, lines: BinaryIO | None, workers: int | None, limit: int
) -> tuple[Comparison, list[Disagreement]]:
    """All counts, and the first disagreements."""
    comparison, listed = Comparison(), list[Disagreement]()
    work = partial(compare_chunk, judging)
    with closing(map_chunks(work, file, workers)) as chunks, progress_through(file, "completions") as advance:
        for chunk in chunks:
            comparison.add(chunk.comparison)
            advance(chunk.comparison.completions)
            listed += chunk.disagreements[: limit - len(listed)]
            if lines:
                lines.writelines(encode(disagreement) + b"\n" for disagreement in chunk.disagreements)
            if chunk.stop:
                raise CommandFailed(chunk.stop.at(file.place(chunk.stop.number)))
    return comparison, listed


def _as_json(judging: Judging, comparison: Comparison, listed: list[Disagreement]) -> dict[str, Any]:
    a, b = judging.rewards
    return {"a": a, "b": b, **comparison.as_json(), "listed": [json.loads(encode(one)) for one in listed]}


def _show(console: Console, judging: Judging, comparison: Comparison, listed: list[Disagreement]) -> None:
    a, b = judging.rewards
    console.print(f"A  {a}\nB  {b}")
    agreement = f"{1 - comparison.share:.2%}" if comparison.completions else "none"
    console.print(
        f"{comparison.completions:,} completions, agreement {agreement}, {comparison.disagreements:,} disagreements"
    )
    if not comparison.disagreements:
        return
    console.print()
    console.print(_kinds(comparison))
    if listed:
        console.print(_list(listed, comparison.disagreements))
    if comparison.only_a_pays:
        share = comparison.only_a_pays / comparison.completions
        console.print(
            f"A pays for {comparison.only_a_pays:,} completions ({share:.2%}) that B does not pay for.",
            style="bold red",
        )


def _kinds(comparison: Comparison) -> Table:
    table = plain_table("By verdict")
    add_number_column(table, "count")
    add_number_column(table, "share")
    for heading in ("A", "B", ""):
        add_text_column(table, heading)
    kinds = comparison.most_frequent_first()
    for (a, b), count in kinds[:KINDS_SHOWN]:
        alarm = only_a_pays(a, b)
        share = f"{count / comparison.completions:.2%}"
        note = "only A pays" if alarm else ""
        table.add_row(f"{count:,}", share, _text(a), _text(b), note, style="red" if alarm else "")
    if len(kinds) > KINDS_SHOWN:
        rest = sum(count for _, count in kinds[KINDS_SHOWN:])
        table.add_row(f"{rest:,}", f"{rest / comparison.completions:.2%}", "others", "others", "")
    return table


def _list(listed: list[Disagreement], disagreements: int) -> Table:
    first = "" if len(listed) == disagreements else f", the first {len(listed)} of {disagreements:,}"
    table = plain_table(f"Disagreements{first}")
    add_number_column(table, "line")
    add_text_column(table, "id")
    add_number_column(table, "completion")
    for heading in ("A", "B"):
        add_text_column(table, heading)
    for one in listed:
        table.add_row(f"{one.line}", plain(one.id or ""), f"{one.completion}", _text(one.a), _text(one.b))
    return table


def _text(given: Given | GivenBody) -> Text:
    return plain(f"{'null' if given.score is None else f'{given.score:g}'} {given.reason}")

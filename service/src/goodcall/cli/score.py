"""``goodcall score``: completions to verdicts, with no server: on every CPU of this machine, or of a Ray cluster."""

import json
import sys
from contextlib import AbstractContextManager, closing, nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple

import typer
from rich.console import Console

from goodcall.bulk.item_rows import ITEM_FIELDS
from goodcall.bulk.judging import Judging, Stop, judge_rows
from goodcall.bulk.rows import Row
from goodcall.bulk.summary import Summary
from goodcall.cli.chunks import map_chunks
from goodcall.cli.failures import THRESHOLD_MISSED, CommandFailed
from goodcall.cli.named_reward import named_reward
from goodcall.cli.options import AssistantPrefix, IgnoreUnknown, InputFile, JSONSummary, RewardId, Workers
from goodcall.cli.output import STDOUT, open_output
from goodcall.cli.progress import progress_through
from goodcall.cli.rows import RowFile, open_rows
from goodcall.cli.score_on_ray import score_on_ray
from goodcall.cli.summary_table import summary_table
from goodcall.items import ItemVerdicts, encode
from goodcall.rewards import DEFAULT_REWARD, Reward


class Engine(StrEnum):
    """Where scoring is done."""

    LOCAL = "local"
    RAY = "ray"


def score(  # noqa: PLR0913 - one parameter an option
    file: InputFile,
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write all lines here, as JSON; - is standard output. With --engine ray: the folder for Parquet.",
            show_default=False,
        ),
    ] = None,
    reward: RewardId = DEFAULT_REWARD,
    explain: Annotated[bool, typer.Option("--explain", help="Add stage, place, expected and got to verdicts.")] = False,
    assistant_prefix: AssistantPrefix = "",
    workers: Workers = None,
    fail_under: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Exit with 1 if the mean score of all completions with one is lower."),
    ] = None,
    ignore_unknown: IgnoreUnknown = False,
    json_summary: JSONSummary = False,
    engine: Annotated[
        Engine, typer.Option(help="On this machine alone, or on the machines of a Ray cluster: Parquet to Parquet.")
    ] = Engine.LOCAL,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Of the Ray cluster.",
            show_default="RAY_ADDRESS, or a cluster on this machine, which is started if there is none",
        ),
    ] = None,
) -> None:
    """Score a file of completions, with no server.

    FILE holds one item a line, as POST /score takes them: completions (or one completion), ground_truth, tools, and
    if need be id, context and assistant_prefix. Or it is Parquet with columns of these names.

    Verdicts go to -o, or to standard output where that is a file or a pipe. A summary by reason follows, on standard
    error if the verdicts went to standard output.

    With `--engine ray`, FILE is Parquet, or a folder of it, and -o is a folder that gets a row of verdicts for each
    row. What an interrupted run has done there is kept, and the same command goes on with the rest.
    """
    named = named_reward(reward)
    judging = Judging(
        rewards=(named.id,), assistant_prefix=assistant_prefix, explain=explain, ignore_unknown=ignore_unknown
    )
    if engine is Engine.RAY:
        folder = _folder(output)
        summary, found = score_on_ray(file, folder, named, judging, workers=workers, address=ray_address)
        _show(summary, named, fail_under, to_stderr=False, as_json=json_summary, already_scored_items=found)
    elif ray_address is not None:
        raise CommandFailed("--ray-address is for --engine ray")
    else:
        summary = _score_here(file, output, named, judging, workers, fail_under, as_json=json_summary)
    if _misses(summary, fail_under):
        raise typer.Exit(THRESHOLD_MISSED)


def _folder(output: str | None) -> str:
    if output in {None, STDOUT}:
        raise CommandFailed("--engine ray writes Parquet: say with -o into which folder")
    return str(output)


def _score_here(
    file: str,
    output: str | None,
    reward: Reward[Any],
    judging: Judging,
    workers: int | None,
    fail_under: float | None,
    *,
    as_json: bool,
) -> Summary:
    columns = ITEM_FIELDS if judging.ignore_unknown else None
    with open_rows(file, columns=columns) as rows, _destination(output, file, json_summary=as_json) as verdicts:
        summary = _score_all(rows, judging, verdicts, workers)
    _show(summary, reward, fail_under, to_stderr=verdicts is sys.stdout.buffer, as_json=as_json)
    if verdicts is None and not as_json:
        typer.echo("The verdicts were not kept: -o FILE writes them, -o - prints them.", err=True)
    return summary


def _destination(output: str | None, file: str, *, json_summary: bool) -> AbstractContextManager[BinaryIO | None]:
    """Where verdicts go. Nowhere when nobody said where and standard output is a terminal or the summary's."""
    if output:
        return open_output(Path(output), file)
    return nullcontext(None if json_summary or sys.stdout.isatty() else sys.stdout.buffer)


class ScoredChunk(NamedTuple):
    """What became of a chunk of rows."""

    lines: bytes
    summary: Summary
    stop: Stop | None


def score_chunk(judging: Judging, rows: list[Row]) -> ScoredChunk:
    """The lines of verdicts for a chunk of rows, and their summary."""
    lines: list[bytes] = []
    summary = Summary()
    for judged in judge_rows(judging, rows):
        if isinstance(judged, Stop):
            return ScoredChunk(b"".join(lines), summary, judged)
        [verdicts] = judged.verdicts
        summary.count(verdicts)
        lines.append(encode(ItemVerdicts(judged.item.id, verdicts)) + b"\n")
    return ScoredChunk(b"".join(lines), summary, None)


def _score_all(file: RowFile, judging: Judging, verdicts: BinaryIO | None, workers: int | None) -> Summary:
    summary = Summary()
    work = partial(score_chunk, judging)
    with closing(map_chunks(work, file, workers)) as chunks, progress_through(file, "completions") as advance:
        for chunk in chunks:
            summary.add(chunk.summary)
            advance(chunk.summary.all.count)
            if verdicts:
                verdicts.write(chunk.lines)
            if chunk.stop:
                raise CommandFailed(chunk.stop.at(file.place(chunk.stop.number)))
    return summary


def _show(
    summary: Summary,
    reward: Reward[Any],
    fail_under: float | None,
    *,
    to_stderr: bool,
    as_json: bool,
    already_scored_items: int | None = None,
) -> None:
    missed = _misses(summary, fail_under)
    if as_json:
        passed = None if fail_under is None else not missed
        shown = {**summary.as_json(reward), "fail_under": fail_under, "passed": passed}
        if already_scored_items is not None:
            shown["already_scored_items"] = already_scored_items
        typer.echo(json.dumps(shown), err=to_stderr)
        return
    console = Console(stderr=to_stderr, highlight=False)
    console.print(summary_table(summary, reward))
    if already_scored_items:
        console.print(f"{already_scored_items:,} of the items had been scored already.")
    if missed:
        mean = summary.all.mean_score
        found = "no completion has a score" if mean is None else f"the mean score is {mean:.4f}"
        console.print(f"Missed: {found}, and --fail-under asks for {fail_under}.", style="red")


def _misses(summary: Summary, fail_under: float | None) -> bool:
    if fail_under is None:
        return False
    mean = summary.all.mean_score
    return mean is None or mean < fail_under

"""`goodcall-train prepare`: its options, and what its ends mean.

Exit codes: 0 done, 1 fewer rows were kept than required, 2 usage, 3 a file or the environment, 130 interrupted.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from goodcall_trainer.prepare.benchmark import read_benchmark
from goodcall_trainer.prepare.job import Job
from goodcall_trainer.prepare.recipe import RECIPES, Recipe, RecipeUnusable, find_recipe
from goodcall_trainer.prepare.records import SourceUnusable
from goodcall_trainer.prepare.report import manifest_of, reasons_table, report_of, sources_table, write_json
from goodcall_trainer.prepare.sources import READERS, Source
from goodcall_trainer.prepare.tally import Tally

MISSED, ENVIRONMENT, INTERRUPTED = 1, 3, 130

_EVERY_RECORDS = 500
"""Records between two looks of the progress display."""


def prepare(  # noqa: PLR0913 - one parameter an option
    *,
    source: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=PLACE",
            help=f"What to read, any number of times. NAME: {', '.join(READERS)}. PLACE: a file or folder of JSON, "
            "JSON lines or Parquet, or hub:OWNER/DATASET#SPLIT.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for rows, report and manifest.", show_default=False)],
    recipe: Annotated[str, typer.Option(help=f"{', '.join(RECIPES)}, or a TOML file.")] = "strict",
    seed: Annotated[int, typer.Option(min=0, help="Decides what is held out, masked and added to.")] = 1,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(metavar="PLACE", help="A file or folder of BFCL; rows that ask what it asks are removed."),
    ] = None,
    heldout_share: Annotated[float | None, typer.Option(min=0, max=1, help="Overrides the recipe.")] = None,
    irrelevance_share: Annotated[float | None, typer.Option(min=0, max=1, help="Overrides the recipe.")] = None,
    masking_share: Annotated[float | None, typer.Option(min=0, max=1, help="Overrides the recipe.")] = None,
    require_kept: Annotated[
        float | None, typer.Option(min=0, max=1, help="Exit with 1 if a smaller share of the rows found was kept.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the report as JSON on standard output.")] = False,
) -> None:
    """Turn datasets into rows to train on: read, filter, compare, split, augment, and count all of it.

    Writes train.parquet, heldout.parquet, report.json and manifest.json. The same input and seed give the same bytes.
    """
    console = Console(stderr=json_output)
    shares = {
        "heldout_share": heldout_share,
        "irrelevance_share": irrelevance_share,
        "masking_share": masking_share,
    }
    started = time.perf_counter()
    with _failures_explained(console, out):
        job = Job(
            sources=[_source(text) for text in source],
            recipe=_recipe(recipe, shares),
            seed=seed,
            benchmark=read_benchmark(benchmark) if benchmark else None,
        )
        out.mkdir(parents=True, exist_ok=True)
        tally = _run(job, out, console)
        report = report_of(job, tally)
        write_json(out / "report.json", report)
        write_json(out / "manifest.json", manifest_of(job, tally, out, benchmark or []))
    if json_output:
        typer.echo(json.dumps(report))
    _show(console, tally, report, out, seconds=time.perf_counter() - started)
    _require(console, report["rows"], require_kept)


def _source(text: str) -> Source:
    name, equals, place = text.partition("=")
    if not equals or not place or name not in READERS:
        raise typer.BadParameter(f"expected NAME=PLACE, with NAME one of {', '.join(READERS)}", param_hint="--source")
    return Source(name, place)


def _recipe(name: str, shares: dict[str, float | None]) -> Recipe:
    overrides: dict[str, Any] = {setting: share for setting, share in shares.items() if share is not None}
    try:
        return replace(find_recipe(name), **overrides)
    except RecipeUnusable as error:
        raise typer.BadParameter(str(error), param_hint="--recipe") from None


def _run(job: Job, out: Path, console: Console) -> Tally:
    """The run, with a count of records on a terminal."""
    from goodcall_trainer.prepare.pipeline import run  # noqa: PLC0415 - pyarrow takes longer than all else

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} records"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("prepare", total=None)

        def show(count: int) -> None:
            if count % _EVERY_RECORDS == 0:
                progress.update(task, completed=count)

        return run(job, out, show)


def _show(console: Console, tally: Tally, report: dict[str, Any], out: Path, *, seconds: float) -> None:
    rows = report["rows"]
    console.print(sources_table(tally))
    if report["removed"] or report["notes"]:
        console.print(reasons_table(tally))
    console.print(
        f"{rows['train']:,} rows to train on and {rows['heldout']:,} held out, in {out}; {seconds:.1f} s",
        highlight=False,
        soft_wrap=True,
    )
    if report["benchmark"] is None:
        console.print("not compared with a benchmark; --benchmark names one", style="yellow", highlight=False)


def _require(console: Console, rows: dict[str, int], share: float | None) -> None:
    kept = 1 - rows["removed"] / rows["found"] if rows["found"] else 0.0
    if share is not None and kept < share:
        console.print(f"[red]missed[/red]: {kept:.1%} of the rows found were kept, where {share:.1%} are required")
        raise typer.Exit(MISSED)


@contextmanager
def _failures_explained(console: Console, out: Path) -> Iterator[None]:
    """Turns what may go wrong into one message and an exit code."""
    try:
        yield
    except SourceUnusable as error:
        _fail(console, str(error), ENVIRONMENT)
    except OSError as error:
        _fail(console, f"{error}; is {out} writable?", ENVIRONMENT)
    except KeyboardInterrupt:
        _fail(console, "interrupted; no rows were written", INTERRUPTED)


def _fail(console: Console, message: str, code: int) -> NoReturn:
    console.print(f"goodcall-train: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)

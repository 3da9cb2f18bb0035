"""`goodcall-train report` and `goodcall-train compare`: their options, and what their ends mean.

Exit codes: 0 done, 2 usage, 3 a folder that is none of a run, or that can't be read or written.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from goodcall_trainer.reporting.run_log import NoRun

ENVIRONMENT = 3


def report(
    *,
    run: Annotated[Path, typer.Argument(metavar="OUT", help="The run's folder, as `grpo` or `sft` wrote it.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", dir_okay=False, help="The page; without it, OUT/report.html.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print state, scores and alerts as JSON.")] = False,
) -> None:
    """Make one HTML page of a run: while it goes on, after it, and of one that died.

    It shows what to look at first, curves of all that was logged, completions for each reason, evaluations and the
    run's record, and needs nothing but a browser.
    """
    from goodcall_trainer.reporting.report import summary_of, write_report  # noqa: PLC0415 - pyarrow, matplotlib
    from goodcall_trainer.reporting.terminal import summary_lines  # noqa: PLC0415

    console = Console(stderr=json_output)
    with _failures_explained(console):
        page = write_report(run, output)
        summary = summary_of(run) | {"report": str(page)}
    if json_output:
        typer.echo(json.dumps(summary))
    else:
        console.print(*summary_lines(summary), sep="\n", markup=False, highlight=False, soft_wrap=True)


def compare(
    *,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN", help="Folders of runs.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", dir_okay=False, help="Write a page with the curves, too.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare runs: their scores with the spread over seeds, and what differs in their settings.

    Runs that differ only in their seed are taken together. With -o, a page with their curves over each other, by steps
    and by wall time.
    """
    _refuse_too_few(runs)
    from goodcall_trainer.reporting.comparison import as_json, compare_runs  # noqa: PLC0415
    from goodcall_trainer.reporting.run_log import read_run  # noqa: PLC0415
    from goodcall_trainer.reporting.terminal import comparison_tables  # noqa: PLC0415

    console = Console(stderr=json_output)
    with _failures_explained(console):
        comparison = compare_runs([read_run(run) for run in runs])
        if output is not None:
            from goodcall_trainer.reporting.comparison_page import write_comparison  # noqa: PLC0415 - matplotlib

            write_comparison(comparison, output)
    if json_output:
        typer.echo(json.dumps(as_json(comparison)))
        return
    console.print(*comparison_tables(comparison), sep="\n")
    for line in (*comparison.notes, *([f"page: {output}"] if output else [])):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _refuse_too_few(runs: list[Path]) -> None:
    if len({run.resolve() for run in runs}) < max(2, len(runs)):
        raise typer.BadParameter("name at least two runs, and each once", param_hint="RUN")


@contextmanager
def _failures_explained(console: Console) -> Iterator[None]:
    """Turns what may go wrong into one message and an exit code."""
    try:
        yield
    except (NoRun, OSError) as error:
        _fail(console, str(error))


def _fail(console: Console, message: str) -> NoReturn:
    console.print(f"goodcall-train: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(ENVIRONMENT)

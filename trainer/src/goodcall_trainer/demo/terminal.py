"""What people see on a terminal: progress bars, which vanish, and the table at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from goodcall_trainer.demo.outcome import Outcome, package_versions


@contextmanager
def progress_bar(console: Console, label: str, steps: int) -> Iterator[Callable[[int, str], None]]:
    """A bar for the length of the block, on a terminal only; the block calls `show(step, note)`."""
    columns = (
        TextColumn(f"{label:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=steps, note="")

        def show(step: int, note: str) -> None:
            progress.update(task, completed=step, note=note)

        yield show


def results_table(outcome: Outcome) -> Table:
    """The run in one table: accuracies before and after GRPO, times, versions, and the reward that judged."""
    table = Table(title=f"Held-out exact match, {outcome.config.heldout_rows} queries", title_justify="left")
    for heading in ("seed", "decoding", "before", "after", "rise"):
        table.add_column(heading, justify="left" if heading == "decoding" else "right")
    before, after = outcome.before, outcome.after
    accuracies = {
        "greedy": (before.greedy_accuracy, after.greedy_accuracy),
        "sampled": (before.sampled_accuracy, after.sampled_accuracy),
    }
    for decoding, (start, end) in accuracies.items():
        table.add_row(str(outcome.config.seed), decoding, f"{start:.3f}", f"{end:.3f}", f"{end - start:+.3f}")
    return table


def closing_lines(outcome: Outcome) -> list[str]:
    """What belongs to the table and does not fit into it."""
    times = " · ".join(f"{phase} {seconds:.0f} s" for phase, seconds in outcome.seconds.items())
    versions = " · ".join(f"{package} {number}" for package, number in package_versions().items())
    return [
        f"wall time  {times} · all {sum(outcome.seconds.values()):.0f} s",
        f"versions   {versions}",
        f"reward     {outcome.config.reward} {outcome.after.digest}",
    ]

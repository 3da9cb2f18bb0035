"""A bar on standard error while a file is worked through, on a terminal only, gone at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from goodcall.cli.rows import RowFile


@contextmanager
def progress_through(file: RowFile, unit: str) -> Iterator[Callable[[int], None]]:
    """Shows how far a file is read, for the length of the block; the block tells how many units it has done."""
    with _bar(file.name, file.size, unit) as show:
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            show(file.position(), done)

        yield advance


@contextmanager
def progress_over(name: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Shows how many of so many units are done, for the length of the block; the block tells of each more."""
    with _bar(name, total, unit) as show:
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            show(done, done)

        yield advance


@contextmanager
def _bar(name: str, total: int | None, unit: str) -> Iterator[Callable[[int, int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[done]:,} {task.fields[unit]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=total, done=0, unit=unit)
        yield lambda completed, done: bar.update(task, completed=completed, done=done)

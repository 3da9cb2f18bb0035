"""``python -m benchmarks.released_parser SOURCE=PLACE …``: how many known answers Tool-N1's released parser corrupts.

The expected calls of each row are written as ToolACE writes calls, with Python's literals, and read back: by the
grammar of `goodcall_trainer.prepare.python_calls`, which must find them again, and by the released parser.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from goodcall_trainer.prepare.found import Unreadable
from goodcall_trainer.prepare.python_calls import read_python_calls
from goodcall_trainer.prepare.released_parser import reads_as_written, takes_for_calls
from goodcall_trainer.prepare.sources import Source, read_source
from goodcall_trainer.row import Row


@dataclass(slots=True, kw_only=True)
class Count:
    """Rows that want calls, and what becomes of them."""

    rows: int = 0
    unwritable: int = 0
    """Their names can't be written as names: they hold pieces of other text."""
    corrupted: int = 0
    """The released parser reads other calls."""
    lost: int = 0
    """It takes the calls for words."""


def count(source: Source) -> Count:
    """What becomes of the rows of a source."""
    counts = Count()
    for row in _rows(source):
        counts.rows += 1
        text = _written(row)
        try:
            read = read_python_calls(text, [tool["function"]["name"] for tool in row.tools])
        except Unreadable:
            counts.unwritable += 1
            continue
        counts.lost += not takes_for_calls(text)
        counts.corrupted += takes_for_calls(text) and not reads_as_written(text, read.calls)
    return counts


def _rows(source: Source) -> Iterator[Row]:
    for found in read_source(source):
        yield from (one for one in found if isinstance(one, Row) and one.ground_truth)


def _written(row: Row) -> str:
    calls = (
        f"{call['name']}({', '.join(f'{name}={value!r}' for name, value in call['arguments'].items())})"
        for call in row.ground_truth
    )
    return f"[{', '.join(calls)}]"


def main() -> None:
    """Reads the command line, and prints a line for each source."""
    for argument in sys.argv[1:]:
        name, _, place = argument.partition("=")
        counts = count(Source(name, place))
        sys.stdout.write(
            f"{name:8} {counts.rows:6,} rows with calls  {counts.corrupted:5,} corrupted  {counts.lost:5,} lost  "
            f"{counts.unwritable:5,} can't be written\n"
        )


if __name__ == "__main__":
    main()

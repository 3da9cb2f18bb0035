"""Stretches of a file of rows that a worker process reads for itself.

Rows are long, and a process that reads them all and hands them out is busy with that alone: two workers were no faster
than one, and more would have waited for it. A span says where to read, in a few bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Protocol

from goodcall.bulk.rows import Row
from goodcall.cli.failures import EnvironmentFailed
from goodcall.cli.numbered_lines import numbered_lines

SPAN_BYTES = 2 << 20
"""Of lines: some tens of milliseconds of work."""


class Span(Protocol):
    """Some of a file's rows, which follow each other. Small and picklable."""

    def rows(self) -> Iterator[Row]:
        """The rows, read now."""


@dataclass(frozen=True, slots=True)
class LineSpan:
    """Whole lines of a file."""

    path: str
    offset: int
    size: int
    first_number: int

    def rows(self) -> Iterator[Row]:
        """The rows, read now.

        Raises:
            EnvironmentFailed: the file can't be read any more, or has become shorter.
        """
        try:
            with Path(self.path).open("rb") as file:
                file.seek(self.offset)
                block = file.read(self.size)
        except OSError as error:
            raise EnvironmentFailed(f"{self.path} can't be read any more: {error.strerror}") from None
        if len(block) != self.size:
            raise EnvironmentFailed(f"{self.path} has become shorter while it was read")
        yield from numbered_lines(BytesIO(block), self.path, first=self.first_number)


def line_spans(file: BufferedReader, path: str) -> Iterator[LineSpan]:
    """All lines of a file that is open for reading and can be read from any place; from its beginning."""
    file.seek(0)
    offset, number = 0, 1
    while block := file.read(SPAN_BYTES):
        rest = file.readline()
        size = len(block) + len(rest)
        yield LineSpan(path, offset, size, number)
        offset += size
        number += block.count(b"\n") + rest.count(b"\n")

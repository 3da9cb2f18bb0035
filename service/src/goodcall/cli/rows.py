"""Rows out of files: JSON lines or a list, gzipped or not, from a path or standard input, and Parquet. One at a time.

A row is JSON text with its number, whatever it came from, so that everything behind this module knows one kind of
input. Nothing is decoded here that need not be.
"""

import gzip
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from goodcall.bulk.rows import Row
from goodcall.cli.failures import CommandFailed, EnvironmentFailed
from goodcall.cli.numbered_lines import numbered_lines
from goodcall.cli.parquet_rows import ParquetSpan, open_parquet, parquet_rows, parquet_spans
from goodcall.cli.spans import Span, line_spans

STDIN = "-"

_GZIP, _PARQUET, _UTF16_MARKS = b"\x1f\x8b", b"PAR1", (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFile:
    """An open file of rows."""

    name: str
    unit: str
    """What a row's number counts: ``line`` or ``row``."""
    rows: Iterator[Row]
    size: int | None
    """What ``position`` counts up to; None when nobody knows."""
    position: Callable[[], int]
    columns: tuple[str, ...] = ()
    """Of a Parquet file, whether they are read or not."""
    spans: Callable[[], Iterator[Span]] | None = None
    """All rows again, as spans for processes to read; None where only one reader can, one row after the other."""

    def place(self, number: int) -> str:
        """Where a row stands, for people."""
        return f"{self.name}, {self.unit} {number}"


@contextmanager
def open_rows(path: str, *, columns: frozenset[str] | None = None) -> Iterator[RowFile]:
    """A file's rows, for the length of the block.

    Args:
        path: of a file; ``-`` is standard input. What it holds is told by its first bytes, not by its name.
        columns: those to read of a Parquet file, where others are not wanted; None reads all.

    Raises:
        CommandFailed: the file is missing or is none of these formats.
        EnvironmentFailed: the file can't be read, or reading it needs a package that is missing.
    """
    if path == STDIN:
        yield _lines_of(sys.stdin.buffer, "standard input", size=None)
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below, where errors mean something else
    except FileNotFoundError:
        raise CommandFailed(f"there is no file {path}") from None
    except OSError as error:
        raise EnvironmentFailed(f"{path} can't be opened: {error.strerror}") from None
    with file:
        if file.peek(len(_PARQUET)).startswith(_PARQUET):
            yield _parquet(file, path, columns)
        else:
            yield _lines_of(file, path, size=Path(path).stat().st_size)


def _lines_of(file: Any, name: str, size: int | None) -> RowFile:
    head = file.peek(4) if isinstance(file, BufferedReader) else b""
    if head.startswith(_PARQUET):
        raise CommandFailed("Parquet can't be read from standard input; give the file's path")
    if head.startswith(_UTF16_MARKS):
        raise CommandFailed(f"{name} is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
    packed = head.startswith(_GZIP)
    spans = size is not None and not packed and stat.S_ISREG(Path(name).stat().st_mode)
    return RowFile(
        name=name,
        unit="line",
        rows=numbered_lines(gzip.GzipFile(fileobj=file) if packed else file, name),
        size=size,
        position=int if size is None else file.tell,
        spans=partial(line_spans, file, name) if spans else None,
    )


def with_list_as_rows(file: RowFile) -> RowFile:
    """A file that is one JSON list as the list's elements, counted from 1; any other file as it is.

    A list is read whole, and its text held in memory. To be called before any row is read.
    """
    first = next(file.rows, None)
    if first is None:
        return file
    if not first.text.lstrip().startswith(b"["):
        return replace(file, rows=chain((first,), file.rows))
    lines = [first, *file.rows]
    try:
        elements = msgspec.json.decode(b"".join(line.text for line in lines), type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return replace(file, rows=iter(lines), spans=None)
    rows = (Row(number, bytes(text)) for number, text in enumerate(elements, 1))
    return replace(file, unit="row", rows=rows, spans=None)


def _parquet(file: BufferedReader, name: str, columns: frozenset[str] | None) -> RowFile:
    table = open_parquet(file, name)
    wanted = None if columns is None else [column for column in table.schema_arrow.names if column in columns]
    counted = _Counted()
    return RowFile(
        name=name,
        unit="row",
        rows=counted.rows(parquet_rows(table, name, wanted)),
        size=table.metadata.num_rows,
        position=lambda: counted.number,
        columns=tuple(table.schema_arrow.names),
        spans=lambda: counted.spans(parquet_spans(name, columns)),
    )


class _Counted:
    """Remembers how far an iterator of rows has come."""

    number = 0

    def rows(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self.number = row.number
            yield row

    def spans(self, spans: Iterator[ParquetSpan]) -> Iterator[ParquetSpan]:
        for span in spans:
            self.number = span.last_number
            yield span

"""Rows out of files: JSON lines or a list, gzipped or not, from a path or standard input, and Parquet. One at a time.

A row is JSON text with its number, whatever it came from, so that everything behind this module knows one kind of
input. Nothing is decoded here that need not be.
"""

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from goodcall.bulk.rows import NoJSON, Row, as_json
from goodcall.cli.failures import CommandFailed, EnvironmentFailed

STDIN = "-"

_GZIP, _PARQUET, _UTF8_MARK, _UTF16_MARKS = b"\x1f\x8b", b"PAR1", b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_PARQUET_BATCH_ROWS = 256


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
    lines = gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else file
    seekable = size is not None
    return RowFile(
        name=name, unit="line", rows=_numbered(lines, name), size=size, position=file.tell if seekable else int
    )


def _numbered(lines: Any, name: str) -> Iterator[Row]:
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            text = line.removeprefix(_UTF8_MARK) if number == 1 else line
            if not text.isspace() and text:
                yield Row(number, text)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise CommandFailed(f"{name}, after line {number}: the gzip stream is damaged or cut short") from None
    except OSError as error:
        raise EnvironmentFailed(f"{name}, after line {number}: reading failed: {error.strerror}") from None


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
        return replace(file, rows=iter(lines))
    return replace(file, unit="row", rows=(Row(number, bytes(text)) for number, text in enumerate(elements, 1)))


def _parquet(file: BufferedReader, name: str, columns: frozenset[str] | None) -> RowFile:
    parquet = _pyarrow("pyarrow.parquet")
    try:
        table = parquet.ParquetFile(file)
    except (ValueError, OSError) as error:
        raise CommandFailed(f"{name} can't be read as Parquet: {_first_line(error)}") from None
    wanted = None if columns is None else [column for column in table.schema_arrow.names if column in columns]
    counted = _Counted()
    return RowFile(
        name=name,
        unit="row",
        rows=counted(_parquet_rows(table, name, wanted)),
        size=table.metadata.num_rows,
        position=lambda: counted.number,
        columns=tuple(table.schema_arrow.names),
    )


def _pyarrow(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise EnvironmentFailed("reading Parquet needs pyarrow: pip install 'goodcall[parquet]'") from None


class _Counted:
    """Remembers how far an iterator of rows has come."""

    number = 0

    def __call__(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self.number = row.number
            yield row


def _parquet_rows(table: Any, name: str, columns: list[str] | None) -> Iterator[Row]:
    number = 0
    try:
        for batch in table.iter_batches(_PARQUET_BATCH_ROWS, columns=columns):
            for row in batch.to_pylist(maps_as_pydicts="strict"):
                number += 1
                yield Row(number, as_json(row))
    except NoJSON as error:
        raise CommandFailed(f"{name}, row {number}: {error}") from None
    except (ValueError, OSError) as error:
        raise CommandFailed(f"{name}, after row {number}: reading failed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

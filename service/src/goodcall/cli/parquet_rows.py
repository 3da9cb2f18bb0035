"""Rows out of Parquet files, here or in a worker process."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from goodcall.bulk.rows import NoJSON, Row, as_json
from goodcall.cli.failures import CommandFailed, EnvironmentFailed

SPAN_ROWS = 8192
"""What a worker process reads for itself at a time, at most."""
_BATCH_ROWS = 256


@dataclass(frozen=True, slots=True)
class ParquetSpan:
    """Consecutive rows of a file."""

    path: str
    part: Any
    """Of ``goodcall.bulk.parts``."""
    columns: frozenset[str] | None

    @property
    def last_number(self) -> int:
        """Of the last row."""
        last: int = self.part.first_row + self.part.rows - 1
        return last

    def rows(self) -> Iterator[Row]:
        """The rows, read now.

        Raises:
            CommandFailed: the file can't be read, or a column holds what JSON has no word for.
        """
        parts = import_module("goodcall.bulk.parts")
        number = self.part.first_row
        with open_parquet(self.path) as file:
            yield from batch_rows(parts.read_part(file, self.part, self.columns, _BATCH_ROWS), self.path, first=number)


def parquet_spans(path: str, columns: frozenset[str] | None) -> Iterator[ParquetSpan]:
    """All rows of a file."""
    parts = import_module("goodcall.bulk.parts")
    for part in parts.plan_parts(path, part_rows=SPAN_ROWS):
        yield ParquetSpan(path, part, columns)


def open_parquet(file: Any, name: str = "") -> Any:
    """A Parquet file, from a path or an open file.

    Raises:
        CommandFailed: it is damaged.
        EnvironmentFailed: pyarrow is missing.
    """
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        raise EnvironmentFailed("reading Parquet needs pyarrow: pip install 'goodcall[parquet]'") from None
    try:
        return parquet.ParquetFile(file)
    except (ValueError, OSError) as error:
        raise CommandFailed(f"{name or file} can't be read as Parquet: {_first_line(error)}") from None


def parquet_rows(table: Any, name: str, columns: list[str] | None) -> Iterator[Row]:
    """All rows of an open file."""
    return batch_rows(table.iter_batches(_BATCH_ROWS, columns=columns), name, first=1)


def batch_rows(batches: Iterator[Any], name: str, *, first: int) -> Iterator[Row]:
    """The rows of batches of columns, numbered from the first one's number on.

    Raises:
        CommandFailed: reading failed, or a column holds what JSON has no word for.
    """
    number = first - 1
    try:
        for batch in batches:
            for row in batch.to_pylist(maps_as_pydicts="strict"):
                number += 1
                yield Row(number, as_json(row))
    except NoJSON as error:
        raise CommandFailed(f"{name}, row {number}: {error}") from None
    except (ValueError, OSError) as error:
        raise CommandFailed(f"{name}, after row {number}: reading failed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

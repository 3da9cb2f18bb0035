"""Rows in Parquet: `id` and `source` as text, `messages`, `tools` and `ground_truth` as JSON texts.

JSON texts, since Arrow gives every row of a struct column the same keys, and would fill up one tool's parameters with
nulls for those of all others. `goodcall audit` takes such files as they are.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
from pyarrow import parquet

from goodcall_trainer.row import Row

COLUMNS = ("id", "source", "messages", "tools", "ground_truth")

_SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])
_GROUP_ROWS = 2000
_GROUP_CHARACTERS = 4 << 20
_PART = ".part"


def row_of(columns: dict[str, str]) -> Row:
    """The row that was written as these columns."""
    messages, tools, ground_truth = (tuple(json.loads(columns[name])) for name in COLUMNS[2:])
    return Row(id=columns["id"], source=columns["source"], messages=messages, tools=tools, ground_truth=ground_truth)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file that `prepare` wrote, in its order, a batch at a time in memory."""
    for batch in parquet.ParquetFile(path).iter_batches(_GROUP_ROWS, columns=list(COLUMNS)):
        yield from map(row_of, batch.to_pylist())


class RowWriter:
    """Writes a file of rows, a group at a time. The file appears when `publish` is called, and not before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._part = path.with_name(path.name + _PART)
        self._writer = parquet.ParquetWriter(self._part, _SCHEMA, compression="zstd")
        self._held: list[dict[str, str]] = []
        self._held_characters = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._part.unlink(missing_ok=True)

    def write(self, columns: dict[str, str]) -> None:
        """Adds a row."""
        self.rows += 1
        self._held.append(columns)
        self._held_characters += sum(map(len, columns.values()))
        if len(self._held) >= _GROUP_ROWS or self._held_characters >= _GROUP_CHARACTERS:
            self._write_group()

    def publish(self) -> None:
        """Ends the file, and puts it in the place of an earlier one."""
        self._write_group()
        self._writer.close()
        self._part.replace(self.path)

    def _write_group(self) -> None:
        if self._held:
            self._writer.write_table(pa.Table.from_pylist(self._held, schema=_SCHEMA))
        self._held, self._held_characters = [], 0

"""Records out of files, one at a time: a JSON list, JSON lines, either of them gzipped, or Parquet.

What a file holds is told by its first bytes, not by its name. A JSON list is read piece by piece, since the larger
data sets are published as one. Data sets of the Hugging Face hub are read through `datasets`, where that is wanted.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from goodcall_trainer.one_line import one_line

HUB = "hub:"
"""Begins the place of a data set on the hub: `hub:OWNER/NAME`, or `hub:OWNER/NAME#SPLIT`."""

_GZIP, _PARQUET, _UTF8_MARK = b"\x1f\x8b", b"PAR1", b"\xef\xbb\xbf"
_PEEKED = 1024
_CHUNK = 1 << 18
_LONGEST_TOKEN = 16
"""Characters from the place of a fault to the end of a token that is no string; an escape in one takes twelve."""
_PARQUET_BATCH_ROWS = 256
_BETWEEN = " \t\r\n"

Record: TypeAlias = Any
"""The JSON value of a record; of most sources an object."""


class SourceUnusable(Exception):
    """A file or a data set can't be read on; says which and where."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """Stands for a line that is no JSON."""

    fault: str


def read_records(place: str) -> Iterator[Record | BadLine]:
    """The records of a file, of all files of a folder by their names, or of a data set of the hub.

    Raises:
        SourceUnusable: there is none, it is damaged, or reading it needs a package that is missing.
    """
    if place.startswith(HUB):
        yield from _hub_records(place.removeprefix(HUB))
        return
    for path in data_files(place):
        yield from _file_records(path)


def data_files(place: str) -> list[Path]:
    """The file at a place, or the files of the folder there, sorted by name; nothing for the hub.

    Raises:
        SourceUnusable: there is neither a file nor a folder with files.
    """
    if place.startswith(HUB):
        return []
    path = Path(place)
    files = sorted(entry for entry in path.iterdir() if entry.is_file()) if path.is_dir() else [path]
    if not path.exists() or not files:
        raise SourceUnusable(f"there is no file {place}")
    return files


def _file_records(path: Path) -> Iterator[Record | BadLine]:
    try:
        with path.open("rb") as file:
            head = file.peek(4)
            if head.startswith(_PARQUET):
                yield from _parquet_records(file)
                return
            unpacked: Any = gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else file
            is_list = unpacked.peek(_PEEKED).removeprefix(_UTF8_MARK).lstrip().startswith(b"[")
            with io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="\n") as text:
                yield from _ListReader(text).elements() if is_list else _line_records(text)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, ValueError) as error:
        raise SourceUnusable(f"{path}: {one_line(error)}") from None


def _line_records(text: io.TextIOWrapper) -> Iterator[Record | BadLine]:
    yield from (_line(line) for line in text if not line.isspace())


def _line(line: str) -> Record | BadLine:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return BadLine(_fault_of(error))


def _fault_of(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "not readable as JSON"


class _ListReader:
    """The elements of a JSON list, decoded as they come."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._text, self._file = "", file
        self._position = 0
        self._passed = 0
        self._decoder = json.JSONDecoder()

    def elements(self) -> Iterator[Record]:
        """All of them; raises ValueError where the list is broken."""
        self._take("[")
        closing = self._next_character()
        while closing != "]":
            yield self._element()
            closing = self._next_character()
            if closing != "]":
                self._take(",")
                self._next_character()
        self._take("]")
        self._take("")

    def _take(self, expected: str) -> None:
        if self._next_character() != expected:
            place = self._passed + self._position
            raise ValueError(f"expected {expected or 'the end'} at character {place}")
        self._position += len(expected)

    def _element(self) -> Record:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                if self._is_cut_off(error) and self._read_on():
                    continue
                raise ValueError(f"an element is no JSON, character {self._passed + error.pos}") from None
            except RecursionError:
                raise ValueError(f"an element is nested too deep, character {self._passed + self._position}") from None
            # At the end of what was read, a number might go on.
            if end < len(self._text) or not self._read_on():
                self._position = end
                return value

    def _is_cut_off(self, error: json.JSONDecodeError) -> bool:
        """Whether a fault may be but the end of what was read; any other would have the rest of the file held."""
        return error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _LONGEST_TOKEN

    def _next_character(self) -> str:
        """The next character that is no blank, where the position then is; empty at the end."""
        while True:
            text, position = self._text, self._position
            while position < len(text) and text[position] in _BETWEEN:
                position += 1
            self._position = position
            if position < len(text) or not self._read_on():
                return text[position : position + 1]

    def _read_on(self) -> bool:
        """Whether there was more. As much as is held is read at once, so that a huge element takes linear time."""
        more = self._file.read(max(_CHUNK, len(self._text) - self._position))
        if more:
            self._passed += self._position
            self._text, self._position = self._text[self._position :] + more, 0
        return bool(more)


def _parquet_records(file: BinaryIO) -> Iterator[Record]:
    from pyarrow import parquet  # noqa: PLC0415 - only this format needs it

    for batch in parquet.ParquetFile(file).iter_batches(_PARQUET_BATCH_ROWS):
        yield from batch.to_pylist()


def _hub_records(name: str) -> Iterator[Record]:
    try:
        from datasets import load_dataset  # noqa: PLC0415 - optional, and takes seconds
    except ImportError:
        raise SourceUnusable(f"reading {name} from the hub needs datasets: pip install datasets") from None
    dataset, _, split = name.partition("#")
    try:
        yield from load_dataset(dataset, split=split or "train", streaming=True)
    except (OSError, ValueError) as error:
        raise SourceUnusable(f"{HUB}{name}: {one_line(error)}") from None

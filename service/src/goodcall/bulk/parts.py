"""Parquet files cut into parts: what is scored as one, on whichever machine, and written as one file."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from goodcall.bulk.failures import UnusableRows
from goodcall.bulk.places import Place, locate

PART_ROWS = 1 << 16
PART_BYTES = 64 << 20
"""A part has at most so many rows, and bytes of columns before compression: a second or a few of one core's work."""
MOST_CUTS = 8
"""Parts that one row group is cut into at most, for each decodes all that stands before it there: with so many, that
adds about a third to the work."""

_FOOTERS_AT_A_TIME = 16


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive rows of one file."""

    source: str
    """The file's path in its file system."""
    source_bytes: int
    source_mtime_ns: int
    row_groups: tuple[int, ...]
    skip: int
    """Rows of these row groups that stand before the part's first."""
    first_row: int
    """Its number in the file, counted from 1."""
    rows: int
    name: str
    """Of the file of its verdicts, relative to the folder of all."""


class _Limits(NamedTuple):
    rows: int
    size: int


class _Cut(NamedTuple):
    row_groups: tuple[int, ...]
    skip: int
    rows: int


def plan_parts(place: str, *, part_rows: int = PART_ROWS, part_bytes: int = PART_BYTES) -> list[Part]:
    """The parts of a Parquet file, or of all files named ``*.parquet`` in a folder and below, in the files' order.

    The parts depend on the files alone, and their names on nothing else, so that a later run finds what is done. Names
    of files and folders that begin with a dot or an underscore are passed over, as readers of Parquet folders do.

    Args:
        place: a path or a URI, of the file or the folder.
        part_rows: rows of a part, at most.
        part_bytes: bytes of its columns before compression, at most; a row group is cut no more than so often for it.

    Raises:
        UnusableRows: there is no such file, no Parquet in the folder, or a file that is no Parquet.
    """
    found = locate(place)
    files = _files(found)
    limits = _Limits(part_rows, part_bytes)
    with ThreadPoolExecutor(_FOOTERS_AT_A_TIME) as pool:
        return list(chain.from_iterable(pool.map(lambda file: list(_parts_of(found, file, limits)), files)))


def _files(place: Place) -> list[fs.FileInfo]:
    info = place.info()
    if info.type == fs.FileType.File:
        return [info]
    if info.type == fs.FileType.NotFound:
        raise UnusableRows(f"there is no file or folder {place}")
    files = [file for file in place.files() if file.path.endswith(".parquet")]
    if not files:
        raise UnusableRows(f"{place} holds no file named *.parquet")
    return files


def _parts_of(place: Place, file: fs.FileInfo, limits: _Limits) -> Iterator[Part]:
    try:
        with place.file_system.open_input_file(file.path) as opened:
            metadata = pq.ParquetFile(opened).metadata
    except (pa.ArrowInvalid, OSError) as error:
        first_line = str(error).partition("\n")[0]
        raise UnusableRows(f"{file.path} can't be read as Parquet: {first_line}") from None
    relative = PurePosixPath(place.relative(file.path) or file.base_name)
    cuts = list(_cuts(metadata, limits))
    first_row = 1
    for number, cut in enumerate(cuts):
        yield Part(
            source=file.path,
            source_bytes=file.size,
            source_mtime_ns=file.mtime_ns or 0,
            row_groups=cut.row_groups,
            skip=cut.skip,
            first_row=first_row,
            rows=cut.rows,
            name=str(relative.with_name(f"{relative.stem}.part-{number:05}-of-{len(cuts):05}.parquet")),
        )
        first_row += cut.rows


def _cuts(metadata: Any, limits: _Limits) -> Iterator[_Cut]:
    """Row groups put together while they are small, and cut where they are large."""
    together: list[int] = []
    rows = size = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        if rows and (rows + group.num_rows > limits.rows or size + group.total_byte_size > limits.size):
            yield _Cut(tuple(together), 0, rows)
            together, rows, size = [], 0, 0
        if pieces := _pieces(group, limits):
            yield from _evenly(index, group.num_rows, pieces)
        else:
            together, rows, size = [*together, index], rows + group.num_rows, size + group.total_byte_size
    if rows:
        yield _Cut(tuple(together), 0, rows)


def _pieces(group: Any, limits: _Limits) -> int:
    """Into how many parts a row group is cut; 0 when it may be put together with others."""
    pieces = max(-(-group.num_rows // limits.rows), -(-group.total_byte_size // limits.size))
    return min(pieces, MOST_CUTS, group.num_rows) if pieces > 1 else 0


def _evenly(index: int, rows: int, pieces: int) -> Iterator[_Cut]:
    bounds = [rows * piece // pieces for piece in range(pieces + 1)]
    for start, end in pairwise(bounds):
        yield _Cut((index,), start, end - start)


def read_part(file: pq.ParquetFile, part: Part, columns: Iterable[str] | None, batch_rows: int) -> Iterator[pa.Table]:
    """The rows of a part in batches, read as far as they are asked for."""
    skip, left = part.skip, part.rows
    wanted = None if columns is None else [name for name in file.schema_arrow.names if name in set(columns)]
    for batch in file.iter_batches(batch_rows, row_groups=list(part.row_groups), columns=wanted, use_threads=False):
        rows = batch.slice(min(skip, batch.num_rows), left)
        skip = max(0, skip - batch.num_rows)
        left -= rows.num_rows
        if rows.num_rows:
            yield rows
        if not left:
            return

"""One part scored: its verdicts written whole or not at all, and found again by whoever scores it later."""

import secrets
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from goodcall.bulk.failures import UnusableRows
from goodcall.bulk.item_rows import ITEM_FIELDS
from goodcall.bulk.judging import JudgedItem, Judging, Stop, judge_rows
from goodcall.bulk.parts import Part, read_part
from goodcall.bulk.places import Place, locate
from goodcall.bulk.summary import Summary
from goodcall.bulk.tables import table_rows
from goodcall.bulk.verdict_columns import VerdictColumns

UNFINISHED = ".unfinished"
"""How a file's name ends while it is being written; it begins with a dot, so that no reader takes it for a part."""

_BATCH_ROWS = 256
_METADATA_KEY = b"goodcall"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with every part of a run."""

    source: str
    """The place that the parts are of."""
    output: str
    """The folder of all verdicts."""
    digest: str
    """Of the reward: the same digest is the same answers."""
    judging: Judging


class ScoredPart(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a part."""

    name: str
    rows: int
    summary: Summary
    found: bool
    """Whether it had been scored before, and was left as it was."""


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """What the metadata of a file of verdicts say: what was scored, how, and what it came to."""

    part: Part
    digest: str
    judging: Judging
    summary: Summary


def score_part(part: Part, work: Work) -> ScoredPart:
    """The verdicts on a part, written to the file of its name unless it holds them already.

    Two attempts at the same part, at once or one after the other, leave one file with the same verdicts: each writes
    under a name of its own and puts the file in its place when it is whole.

    Raises:
        UnusableRows: a row is no item, or lacks what the reward needs, or can't be read; nothing is written.
        OSError: the file can't be written.
    """
    output = locate(work.output)
    path = output.below(part.name)
    summary = _found(output, path, part, work)
    if summary is not None:
        return ScoredPart(name=part.name, rows=part.rows, summary=summary, found=True)
    columns = VerdictColumns(explain=work.judging.explain)
    for judged in _judged(part, work):
        columns.add(judged)
    written = _Written(part=part, digest=work.digest, judging=work.judging, summary=columns.summary)
    _write(output, path, columns.table().replace_schema_metadata({_METADATA_KEY: msgspec.json.encode(written)}))
    return ScoredPart(name=part.name, rows=part.rows, summary=columns.summary, found=False)


def _found(output: Place, path: str, part: Part, work: Work) -> Summary | None:
    """What the verdicts on this very part come to, where a whole file of them is, by this very reward."""
    try:
        with output.file_system.open_input_file(path) as file:
            metadata = pq.ParquetFile(file).metadata
        written = msgspec.json.decode((metadata.metadata or {})[_METADATA_KEY], type=_Written)
    except (FileNotFoundError, pa.ArrowInvalid, KeyError, msgspec.DecodeError):
        return None
    same = (written.part, written.digest, written.judging) == (part, work.digest, work.judging)
    return written.summary if same and metadata.num_rows == part.rows else None


def _judged(part: Part, work: Work) -> Iterator[JudgedItem]:
    columns = ITEM_FIELDS if work.judging.ignore_unknown else None
    number = part.first_row
    try:
        with locate(work.source).file_system.open_input_file(part.source) as file:
            for batch in read_part(pq.ParquetFile(file), part, columns, _BATCH_ROWS):
                for judged in judge_rows(work.judging, table_rows(batch, first=number, of=part.source)):
                    if isinstance(judged, Stop):
                        raise UnusableRows(judged.at(f"{part.source}, row {judged.number}"))
                    yield judged
                number += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).partition("\n")[0]
        raise UnusableRows(f"{part.source}, from row {number} on: reading failed: {first_line}") from None
    if number != part.first_row + part.rows:
        raise UnusableRows(f"{part.source} has changed while it was being scored; start again")


def _write(output: Place, path: str, table: pa.Table) -> None:
    place = PurePosixPath(path)
    output.file_system.create_dir(str(place.parent), recursive=True)
    unfinished = str(place.with_name(f".{place.name}.{secrets.token_hex(4)}{UNFINISHED}"))
    with output.file_system.open_output_stream(unfinished) as file:
        pq.write_table(table, file, compression="zstd")
    output.file_system.move(unfinished, path)

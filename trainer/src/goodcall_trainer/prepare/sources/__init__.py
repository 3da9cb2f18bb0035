"""The formats that `prepare` reads, by name: each a reader from one record to what it gives."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from goodcall_trainer.prepare.found import Found, Reason, Removed, Unreadable
from goodcall_trainer.prepare.records import BadLine, Record, data_files, read_records
from goodcall_trainer.prepare.sources import bfcl, hermes, openai, plain, rlla, toolace, xlam

Reader: TypeAlias = Callable[[Any, str], Iterator[Found]]

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "xlam": xlam.read,
        "toolace": toolace.read,
        "bfcl": bfcl.read,
        "rlla": rlla.read,
        "hermes": hermes.read,
        "openai": openai.read,
        "rows": plain.read,
    }
)
"""What each source's records give; a reader raises Unreadable where a record as a whole gives nothing."""

_OPENERS: Mapping[str, Callable[[str], Iterator[Record | BadLine]]] = MappingProxyType(
    {"bfcl": bfcl.records_with_answers}
)
_NAMES_ITS_RECORDS = frozenset({"bfcl", "rows"})
"""Sources whose own ids are known to others, so that they stay as they are."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where records are, and how to read them."""

    name: str
    """A key of `READERS`."""
    place: str
    """A file, a folder, or a data set of the hub; see `records`."""


def read_source(source: Source, first_number: int = 0) -> Iterator[list[Found]]:
    """What each record of a source gives, in order; at least one thing each.

    A record's id is the source's name with its own id, or with its number where it has none: `xlam-17`. Records are
    numbered from `first_number`.

    Raises:
        SourceUnusable: reading can't go on.
    """
    records = _OPENERS.get(source.name, read_records)(source.place)
    for number, record in enumerate(records, first_number):
        yield _read_record(source.name, record, _id_of(source.name, record, number))


def source_files(source: Source) -> list[Path]:
    """The files that reading a source reads; none for the hub.

    Raises:
        SourceUnusable: there are none.
    """
    files = data_files(source.place)
    return [*files, *bfcl.answer_files(files)] if source.name == "bfcl" else files


def _read_record(name: str, record: Record | BadLine, record_id: str) -> list[Found]:
    if isinstance(record, BadLine):
        return [Removed(id=record_id, reason=Reason.RECORD_UNREADABLE, detail=record.fault)]
    try:
        found = list(READERS[name](record, record_id))
    except Unreadable as fault:
        return [Removed(id=record_id, reason=fault.reason, detail=fault.detail)]
    except RecursionError:
        return [Removed(id=record_id, reason=Reason.RECORD_UNREADABLE, detail="nested too deep")]
    return found or [Removed(id=record_id, reason=Reason.RECORD_UNREADABLE, detail="no turn of an assistant")]


def _id_of(name: str, record: Record | BadLine, number: int) -> str:
    own = record.get("id") if isinstance(record, dict) else None
    if own is None or isinstance(own, (bool, list, dict, float)):
        return f"{name}-{number}"
    return str(own) if name in _NAMES_ITS_RECORDS else f"{name}-{own}"

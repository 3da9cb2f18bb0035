"""Verdicts as columns of Arrow: one list a row, of what ``POST /score`` answers for an item."""

from typing import Any

import msgspec
import pyarrow as pa

from goodcall.bulk.judging import JudgedItem
from goodcall.bulk.summary import Summary
from goodcall.types import Verdict

_DETAIL = pa.struct(
    [
        ("stage", pa.string()),
        ("hint", pa.string()),
        ("pointer", pa.string()),
        ("offset", pa.int64()),
        ("expected", pa.string()),
        ("got", pa.string()),
    ]
)
_VERDICT = (pa.field("score", pa.float64()), pa.field("reason", pa.string()))


def verdicts_type(*, explain: bool) -> pa.DataType:
    """The type of a column of verdicts: a list for each row, with one verdict for each completion, in their order."""
    fields = (*_VERDICT, pa.field("detail", _DETAIL)) if explain else _VERDICT
    return pa.list_(pa.struct(fields))


class VerdictColumns:
    """Verdicts on rows, collected one row after the other."""

    def __init__(self, *, explain: bool) -> None:
        self.summary = Summary()
        self._explain = explain
        self._numbers: list[int] = []
        self._ids: list[str | None] = []
        self._offsets = [0]
        self._verdicts: list[Verdict] = []

    def add(self, judged: JudgedItem) -> None:
        """Takes in a row that was judged by one reward."""
        [verdicts] = judged.verdicts
        self.summary.count(verdicts)
        self._numbers.append(judged.number)
        self._ids.append(judged.item.id)
        self._verdicts += verdicts
        self._offsets.append(len(self._verdicts))

    def verdicts(self) -> pa.ListArray:
        """Of all rows, of ``verdicts_type``."""
        verdicts = self._verdicts
        columns = [
            pa.array((verdict.score for verdict in verdicts), pa.float64()),
            pa.array((verdict.reason.value for verdict in verdicts), pa.string()),
        ]
        if self._explain:
            columns.append(pa.array(map(_detail, verdicts), _DETAIL))
        type_ = verdicts_type(explain=self._explain)
        values = pa.StructArray.from_arrays(columns, fields=list(type_.value_type))
        return pa.ListArray.from_arrays(pa.array(self._offsets, pa.int32()), values, type=type_)

    def table(self) -> pa.Table:
        """Of all rows: their number in the source, counted from 1, their id and the verdicts."""
        return pa.table(
            {
                "row": pa.array(self._numbers, pa.int64()),
                "id": pa.array(self._ids, pa.string()),
                "verdicts": self.verdicts(),
            }
        )


def _detail(verdict: Verdict) -> dict[str, Any] | None:
    detail = verdict.detail
    return None if detail is None else {key: _storable(value) for key, value in msgspec.structs.asdict(detail).items()}


def _storable(value: Any) -> Any:
    """Half a surrogate pair, which Arrow can't hold, is written as its escape."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value

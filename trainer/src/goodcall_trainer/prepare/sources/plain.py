"""Rows as this package writes them, and rows of one's own: `id`, `messages` or `query`, `tools`, `ground_truth`.

Each of them is a JSON value, or JSON text where a column of Parquet holds it. Calls in `messages` may have their
arguments as objects or as text.
"""

from collections.abc import Iterator
from typing import Any

from goodcall_trainer.prepare.calls import read_calls, text_in, text_or_value
from goodcall_trainer.prepare.found import Found, Reason, Unreadable
from goodcall_trainer.prepare.sources.openai import read_messages
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Message, Row


def read(record: Any, record_id: str) -> Iterator[Found]:
    """The one row of a record; its source is the record's own where it names one.

    Raises:
        Unreadable: the record is no row.
    """
    if not isinstance(record, dict):
        raise Unreadable(Reason.RECORD_UNREADABLE, "no object")
    source = record.get("source")
    ground_truth = text_or_value(record.get("ground_truth"), Reason.CALLS_UNREADABLE)
    if not isinstance(ground_truth, list):
        raise Unreadable(Reason.GROUND_TRUTH_MISSING)
    yield Row(
        id=record_id,
        source=source if isinstance(source, str) else "rows",
        messages=_messages(record),
        tools=read_tools(text_or_value(record.get("tools"), Reason.TOOLS_UNREADABLE)),
        ground_truth=read_calls(ground_truth),
    )


def _messages(record: dict[str, Any]) -> tuple[Message, ...]:
    if record.get("messages") is None:
        return ({"role": "user", "content": text_in(record, "query")},)
    turns = read_messages(text_or_value(record["messages"], Reason.RECORD_UNREADABLE))
    for turn in turns:
        if turn.fault:
            raise turn.fault
    return tuple(turn.message for turn in turns)

"""xLAM's rows (Salesforce/xlam-function-calling-60k): `query`, and `tools` and `answers` as JSON texts.

A row is one question with all its calls. Parameters are flat maps with types in Python's manner.
"""

from collections.abc import Iterator
from typing import Any

from goodcall_trainer.prepare.calls import read_calls, text_in, text_or_value
from goodcall_trainer.prepare.found import Found, Reason
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Row


def read(record: Any, record_id: str) -> Iterator[Found]:
    """The one row of a record.

    Raises:
        Unreadable: the record is no row of xLAM's.
    """
    query = text_in(record, "query")
    yield Row(
        id=record_id,
        source="xlam",
        messages=({"role": "user", "content": query},),
        tools=read_tools(text_or_value(record.get("tools"), Reason.TOOLS_UNREADABLE)),
        ground_truth=read_calls(text_or_value(record.get("answers"), Reason.CALLS_UNREADABLE)),
    )

"""A row as the texts that are written, compared and compiled: each part is encoded once."""

import json
from dataclasses import dataclass
from typing import Any

from goodcall_trainer.row import Row

MAX_DEPTH = 63
"""Brackets within each other in a tool or a call; the list of them is one more, and the service reads 64."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """A row with its parts as JSON texts."""

    row: Row
    messages: str
    tools: tuple[str, ...]
    """Of each tool."""
    ground_truth: tuple[str, ...]
    """Of each call."""

    def columns(self) -> dict[str, str]:
        """The row as columns of text."""
        return {
            "id": self.row.id,
            "source": self.row.source,
            "messages": self.messages,
            "tools": f"[{', '.join(self.tools)}]",
            "ground_truth": f"[{', '.join(self.ground_truth)}]",
        }


def encode_row(row: Row) -> EncodedRow:
    """The row and its texts.

    Raises:
        ValueError: a value of it has no JSON, has no UTF-8, or is nested deeper than the service reads.
    """
    encoded = EncodedRow(
        row=row,
        messages=_encode(row.messages),
        tools=tuple(map(_encode, row.tools)),
        ground_truth=tuple(map(_encode, row.ground_truth)),
    )
    for text in (row.id, row.source, encoded.messages, *encoded.tools, *encoded.ground_truth):
        text.encode()
    parts = zip((*encoded.tools, *encoded.ground_truth), (*row.tools, *row.ground_truth), strict=True)
    # Most texts have too few brackets for a closer look.
    if any(text.count("{") + text.count("[") > MAX_DEPTH and _is_deeper(part, MAX_DEPTH) for text, part in parts):
        raise ValueError("nested too deep")
    return encoded


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether more than so many objects and lists hold each other."""
    if not isinstance(value, (dict, list)):
        return False
    children = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_is_deeper(child, depth - 1) for child in children)

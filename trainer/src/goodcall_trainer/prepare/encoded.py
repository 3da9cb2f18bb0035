"""A row as the texts that are written, compared and compiled: each part is encoded once."""

import json
from dataclasses import dataclass

from goodcall_trainer.data.row import Row

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
        ValueError: a value of it has no JSON, or no UTF-8.
    """
    encoded = EncodedRow(
        row=row,
        messages=_encode(row.messages),
        tools=tuple(map(_encode, row.tools)),
        ground_truth=tuple(map(_encode, row.ground_truth)),
    )
    for text in (row.id, row.source, encoded.messages, *encoded.tools, *encoded.ground_truth):
        text.encode()
    return encoded

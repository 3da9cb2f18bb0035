"""Blocks of JSON between two tags, found so that a tag inside a JSON string is data and ends nothing.

Searched with ``find`` only, every character a bounded number of times: linear in the text's length.
"""

from collections.abc import Iterator
from typing import NamedTuple

from goodcall.dialects.fault import DialectFault
from goodcall.reasons import Reason


class Block(NamedTuple):
    """What stands between two tags."""

    body: str
    position: int
    """Code points from the start of the text to the body's."""


def find_blocks(text: str, opening: str, closing: str, start: int = 0) -> Iterator[Block]:
    """The blocks of a text in their order, from a position on.

    Raises:
        DialectFault: a block is not closed; blocks before it have been given by then.
    """
    while (start := text.find(opening, start)) >= 0:
        body_start = start + len(opening)
        end = _find_outside_strings(text, closing, body_start)
        if end < 0:
            raise DialectFault(f"expected {closing}", start, reason=Reason.TOOL_CALL_UNCLOSED)
        yield Block(text[body_start:end], body_start)
        start = end + len(closing)


def _find_outside_strings(text: str, tag: str, position: int) -> int:
    """Where the first occurrence of a tag starts that no JSON string holds; -1 when there is none."""
    found = text.find(tag, position)
    while found >= 0:
        quote = text.find('"', position, found)
        if quote < 0:
            return found
        position = _end_of_string(text, quote + 1)
        if position < 0:
            return -1
        if position > found:
            found = text.find(tag, position)
    return -1


def _end_of_string(text: str, position: int) -> int:
    """The position behind the quote that ends a JSON string; -1 when it never ends."""
    while (quote := text.find('"', position)) >= 0:
        before = quote
        while before > position and text[before - 1] == "\\":
            before -= 1
        position = quote + 1
        if (quote - before) % 2 == 0:
            return position
    return -1

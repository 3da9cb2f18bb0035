"""What stands where in a completion: its reasoning, and blocks of JSON between two tags.

A tag inside a JSON string is data and ends no block.

Searched with ``find`` only, every character a bounded number of times: linear in the text's length.
"""

from collections.abc import Iterator
from typing import NamedTuple

from goodcall.dialects.fault import DialectFault
from goodcall.parsing import END_THINK, THINK, WHITESPACE
from goodcall.reasons import Reason


class Block(NamedTuple):
    """What stands between two tags."""

    body: str
    position: int
    """Code points from the start of the text to the body's."""


def end_of_reasoning(text: str) -> int:
    """Where a think block at the start of the text ends; 0 when there is none.

    Raises:
        DialectFault: the block is never closed.
    """
    start = len(text) - len(text.lstrip(WHITESPACE))
    if not text.startswith(THINK, start):
        return 0
    end = text.find(END_THINK, start)
    if end < 0:
        raise DialectFault(Reason.THINK_UNCLOSED.hint, start, reason=Reason.THINK_UNCLOSED)
    return end + len(END_THINK)


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

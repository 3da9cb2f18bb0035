"""JSON text to a value, exactly and strictly, or a fault with its reason.

Strict means RFC 8259 and nothing beside it: no NaN or Infinity, no duplicate keys, no lone surrogates, no number
beyond a double, bounded digits and depth. Exact means that integers keep every digit. A fast decoder reads what is
certainly acceptable; whatever is in doubt is left to the standard library's with the rules that it lacks, and that one
alone decides what is refused, and why.
"""

import json
import math
from collections.abc import Iterable
from typing import NoReturn

import msgspec

from goodcall.reasons import Reason
from goodcall.types import JSON

MAX_DEPTH = 64
"""Brackets that may be open at once."""
MAX_INTEGER_DIGITS = 4300
"""Digits of an integer, its sign not counted."""

DOUBTS = (msgspec.MsgspecError, UnicodeEncodeError, RecursionError)
"""What the fast decoder raises on a text that it refuses. What it accepts, it reads as the slow one does, but for
keys that are repeated and brackets that nest deeper than they may."""


class JSONFault(ValueError):
    """The text is not acceptable JSON. ``position`` counts code points from its start, where it is known."""

    def __init__(self, reason: Reason, position: int | None = None) -> None:
        super().__init__(reason.hint)
        self.reason = reason
        self.position = position


def loads(text: str, *, max_depth: int = MAX_DEPTH) -> JSON:
    """The value of one JSON text whose brackets nest at most so deep.

    Raises:
        JSONFault: with the reason, for every text that is not acceptable.
    """
    try:
        value = _decode(text)
    except DOUBTS:
        return loads_slowly(text, max_depth=max_depth)
    if (may_be_deeper(text, max_depth) and _is_deeper(value, max_depth)) or not names_each_key_once(text, value):
        return loads_slowly(text, max_depth=max_depth)
    return value


def names_each_key_once(text: str, value: object) -> bool:
    """Whether no object of a decoded JSON text repeats a key; false also where that can't be told cheaply.

    A decoder forgets all but the last of a repeated key, and with it a colon: what was decoded is written with fewer of
    them.
    """
    # A colon that is written as an escape would make up for one that was forgotten.
    return "\\u003" not in text and _encode(value).count(b":") == text.count(":")


def may_be_deeper(text: str, max_depth: int) -> bool:
    """Whether a JSON text opens so many brackets that they could nest deeper; those in strings are counted too."""
    # Each bracket that opens has one that closes.
    return len(text) > 2 * max_depth and text.count("[") + text.count("{") > max_depth


def loads_slowly(text: str, *, max_depth: int = MAX_DEPTH) -> JSON:
    """The same as ``loads``, for a text that the fast decoder has refused already."""
    _refuse_raw_surrogates(text)
    # Only a text longer than the bound can hold an integer longer than the bound.
    decoder = _DECODER if len(text) <= MAX_INTEGER_DIGITS else _DECODER_OF_LONG_TEXTS
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise JSONFault(Reason.JSON_INVALID, error.pos) from None
    except RecursionError:
        raise JSONFault(Reason.JSON_TOO_DEEP) from None
    if may_be_deeper(text, max_depth):
        refuse_deeper(value, max_depth)
    if "\\ud" in text or "\\uD" in text:
        _refuse_escaped_surrogates(value)
    return value


def _refuse_raw_surrogates(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise JSONFault(Reason.JSON_LONE_SURROGATE, error.start) from None


def _refuse_escaped_surrogates(value: JSON) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JSONFault(Reason.JSON_LONE_SURROGATE) from None


def refuse_deeper(value: JSON, max_depth: int = MAX_DEPTH) -> None:
    """Lets a decoded value pass that nests at most so deep.

    Raises:
        JSONFault: it nests deeper.
    """
    if _is_deeper(value, max_depth):
        raise JSONFault(Reason.JSON_TOO_DEEP)


def _is_deeper(value: JSON, max_depth: int) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(max_depth):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
    return bool(level)


def _children(parent: dict[str, JSON] | list[JSON]) -> Iterable[JSON]:
    return parent.values() if isinstance(parent, dict) else parent


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JSONFault(Reason.JSON_DUPLICATE_KEY)
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise JSONFault(Reason.JSON_NOT_FINITE)
    return value


def _bounded(text: str) -> int:
    if len(text) - text.startswith("-") > MAX_INTEGER_DIGITS:
        raise JSONFault(Reason.JSON_NUMBER_TOO_LONG)
    return int(text)


def _refuse_constant(_: str) -> NoReturn:
    raise JSONFault(Reason.JSON_NOT_FINITE)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant)
_DECODER_OF_LONG_TEXTS = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant, parse_int=_bounded
)

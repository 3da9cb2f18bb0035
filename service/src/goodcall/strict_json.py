"""JSON text to a value, exactly and strictly, or a fault with its reason.

Strict means RFC 8259 and nothing beside it: no NaN or Infinity, no duplicate keys, no lone surrogates, no number
beyond a double, bounded digits and depth. Exact means that integers keep every digit. No stock decoder does all of
it, so the standard library's does the reading and the rules it lacks stand here.
"""

import json
import math
from collections.abc import Iterable
from typing import NoReturn

from goodcall.reasons import Reason
from goodcall.types import JSON

MAX_DEPTH = 64
"""Brackets that may be open at once."""
MAX_INTEGER_DIGITS = 4300
"""Digits of an integer, its sign not counted."""


class JSONFault(ValueError):
    """The text is not acceptable JSON. ``position`` counts code points from its start, where it is known."""

    def __init__(self, reason: Reason, position: int | None = None) -> None:
        super().__init__(reason.hint)
        self.reason = reason
        self.position = position


def loads(text: str) -> JSON:
    """The value of one JSON text.

    Raises:
        JSONFault: with the reason, for every text that is not acceptable.
    """
    _refuse_raw_surrogates(text)
    # Only a text longer than the bound can hold an integer longer than the bound.
    decoder = _DECODER if len(text) <= MAX_INTEGER_DIGITS else _DECODER_OF_LONG_TEXTS
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise JSONFault(Reason.JSON_INVALID, error.pos) from None
    except RecursionError:
        raise JSONFault(Reason.JSON_TOO_DEEP) from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        refuse_deep(value)
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


def refuse_deep(value: JSON) -> None:
    """Lets a decoded value pass that nests at most ``MAX_DEPTH`` deep.

    Raises:
        JSONFault: it nests deeper.
    """
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
    if level:
        raise JSONFault(Reason.JSON_TOO_DEEP)


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


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant)
_DECODER_OF_LONG_TEXTS = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant, parse_int=_bounded
)

"""Where in a JSON text something stands; for explanations only, so it is plain and slow where the decoder is fast."""

import json
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing in the stubs
from typing import NamedTuple

from goodcall.excerpts import pointer_token
from goodcall.reasons import Reason
from goodcall.strict_json import MAX_DEPTH, MAX_INTEGER_DIGITS

_WHITESPACE = " \t\r\n"
_PUNCTUATION = "{}[],:"
# What the decoder takes for a value before it looks at what follows: of "NaN00" it has read NaN when it refuses.
_WORD = re.compile(r"-?(?:Infinity|(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)|NaN|true|false|null")


class _Token(NamedTuple):
    start: int
    text: str


def offset_of_value(text: str, pointer: str) -> int:
    """Where the value at a JSON Pointer begins in a valid JSON text; for a value that is missing, its parent."""
    deepest = 0
    for found, start in _values(text):
        if found == pointer:
            return start
        if pointer.startswith(f"{found}/"):
            deepest = start
    return deepest


def offset_of_fault(text: str, reason: Reason) -> int:
    """Where a text that strict reading refused for a reason of its own first gives that reason; 0 where it does not."""
    finders = {
        Reason.JSON_DUPLICATE_KEY: _duplicate_key,
        Reason.JSON_NOT_FINITE: _not_finite,
        Reason.JSON_NUMBER_TOO_LONG: _long_number,
        Reason.JSON_LONE_SURROGATE: _lone_surrogate,
        Reason.JSON_TOO_DEEP: _deep_bracket,
    }
    return next(finders[reason](text), 0)


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        if text[position] in _WHITESPACE:
            position += 1
            continue
        end = _token_end(text, position)
        yield _Token(position, text[position:end])
        position = end


def _token_end(text: str, start: int) -> int:
    if text[start] in _PUNCTUATION:
        return start + 1
    if text[start] == '"':
        end_of_string: int = scanstring(text, start + 1)[1]
        return end_of_string
    word = _WORD.match(text, start)
    return word.end() if word else start + 1


def _values(text: str) -> Iterator[tuple[str, int]]:
    """The JSON Pointer and the start of every value, parents before their children."""
    path: list[str | int] = []
    tokens = list(_tokens(text))
    for token, following in zip(tokens, [*(token.text for token in tokens[1:]), ""], strict=True):
        if token.text in {"}", "]"}:
            path.pop()
        elif token.text == ",":
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else path[-1]
        elif following == ":":
            path[-1] = json.loads(token.text)
        elif token.text != ":":
            yield "".join(map(pointer_token, path)), token.start
            if token.text in {"{", "["}:
                # In an object the first key will take the place of the index.
                path.append(0)


def _duplicate_key(text: str) -> Iterator[int]:
    seen: list[set[str]] = []
    for token, following in pairwise(_tokens(text)):
        if token.text in {"{", "["}:
            seen.append(set())
        elif token.text in {"}", "]"}:
            seen.pop()
        elif following.text == ":":
            key = json.loads(token.text)
            if key in seen[-1]:
                yield token.start
            seen[-1].add(key)


def _not_finite(text: str) -> Iterator[int]:
    for token in _tokens(text):
        if token.text in {"NaN", "Infinity", "-Infinity"} or (_is_fraction(token) and math.isinf(float(token.text))):
            yield token.start


def _is_fraction(token: _Token) -> bool:
    """Whether a token is a number written with a fraction or an exponent."""
    return token.text[0] in "-0123456789" and any(mark in token.text for mark in ".eE")


def _long_number(text: str) -> Iterator[int]:
    for token in _tokens(text):
        if token.text.removeprefix("-").isdigit() and len(token.text.removeprefix("-")) > MAX_INTEGER_DIGITS:
            yield token.start


def _lone_surrogate(text: str) -> Iterator[int]:
    for token in _tokens(text):
        if token.text[0] == '"' and any("\ud800" <= character <= "\udfff" for character in json.loads(token.text)):
            yield token.start


def _deep_bracket(text: str) -> Iterator[int]:
    depth = 0
    for token in _tokens(text):
        depth += (token.text in {"{", "["}) - (token.text in {"}", "]"})
        if depth > MAX_DEPTH:
            yield token.start

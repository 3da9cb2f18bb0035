"""The calls that were made against the expected ones, argument by argument, as lines for people."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.text import Text

from goodcall.cli.visible import visible
from goodcall.excerpts import pointer_token
from goodcall.matching import freeze
from goodcall.types import JSON, ToolCall

VALUE_LENGTH = 200
"""Code points of a value that are shown; the cut keeps the first place where two values differ."""

EXPECTED, MADE, SAME = "-", "+", " "
_STYLES = {EXPECTED: "red", MADE: "green", SAME: "dim"}


class Pair(NamedTuple):
    """A call that was made and the expected one that it is held against; one of them may be missing."""

    expected: ToolCall | None
    made: ToolCall | None


class _Line(NamedTuple):
    mark: str
    path: str
    value: str


def pair_calls(expected: Sequence[ToolCall], made: Sequence[ToolCall]) -> list[Pair]:
    """Each call with its likeliest counterpart: an equal one, else the one of its name that shares most arguments."""
    pairs: list[Pair] = []
    unpaired = list(made)
    for alike in (_equal, _same_name):
        for call in expected:
            if any(pair.expected is call for pair in pairs):
                continue
            candidates = [other for other in unpaired if alike(call, other)]
            if candidates:
                nearest = max(candidates, key=lambda other: _shared_arguments(call, other))
                unpaired = [other for other in unpaired if other is not nearest]
                pairs.append(Pair(call, nearest))
    return [*_in_order(expected, pairs), *(Pair(None, call) for call in unpaired)]


def _in_order(expected: Sequence[ToolCall], pairs: Sequence[Pair]) -> Iterator[Pair]:
    for call in expected:
        yield next((pair for pair in pairs if pair.expected is call), Pair(call, None))


def _equal(one: ToolCall, other: ToolCall) -> bool:
    return one.name == other.name and freeze(one.arguments) == freeze(other.arguments)


def _same_name(one: ToolCall, other: ToolCall) -> bool:
    return one.name == other.name


def _shared_arguments(one: ToolCall, other: ToolCall) -> int:
    return sum(
        name in other.arguments and freeze(value) == freeze(other.arguments[name])
        for name, value in one.arguments.items()
    )


def call_diff(expected: Sequence[ToolCall], made: Sequence[ToolCall]) -> Text:
    """Every call with its arguments: after ``-`` what was expected and not made, after ``+`` what was made instead."""
    text = Text()
    for pair in pair_calls(expected, made):
        mark, call = _heading(pair)
        text.append(f"  {mark} {visible(call.name)}\n", style=f"bold {_STYLES[mark]}" if mark != SAME else "bold")
        lines = list(_argument_lines(pair))
        width = max((len(line.path) for line in lines), default=0)
        for line in lines:
            text.append(f"  {line.mark}   {line.path:<{width}}  {line.value}\n", style=_STYLES[line.mark])
    text.rstrip()
    return text


def _heading(pair: Pair) -> tuple[str, ToolCall]:
    if pair.made is None:
        assert pair.expected  # noqa: S101 - a pair has one of them
        return EXPECTED, pair.expected
    return (SAME if pair.expected else MADE), pair.made


def _argument_lines(pair: Pair) -> Iterator[_Line]:
    expected = pair.expected.arguments if pair.expected else {}
    made = pair.made.arguments if pair.made else {}
    yield from _object_lines(expected, made, "")


def _object_lines(expected: dict[str, JSON], made: dict[str, JSON], path: str) -> Iterator[_Line]:
    for key in [*expected, *(key for key in made if key not in expected)]:
        inner = path + (pointer_token(key) if path else pointer_token(key)[1:])
        if key not in made:
            yield _Line(EXPECTED, visible(inner), _json(expected[key]))
        elif key not in expected:
            yield _Line(MADE, visible(inner), _json(made[key]))
        else:
            yield from _value_lines(expected[key], made[key], inner)


def _value_lines(expected: JSON, made: JSON, path: str) -> Iterator[_Line]:
    if freeze(expected) == freeze(made):
        yield _Line(SAME, visible(path), _json(made))
    elif isinstance(expected, dict) and isinstance(made, dict):
        yield from _object_lines(expected, made, path)
    else:
        wanted, got = _text(expected), _text(made)
        start = _cut(wanted, got)
        yield _Line(EXPECTED, visible(path), _from(wanted, start))
        yield _Line(MADE, visible(path), _from(got, start))


def _json(value: JSON) -> str:
    return _from(_text(value), 0)


def _text(value: JSON) -> str:
    return visible(json.dumps(value, ensure_ascii=False))


def _cut(one: str, other: str) -> int:
    """Where to begin showing two texts, so that the place where they differ is seen."""
    if max(len(one), len(other)) <= VALUE_LENGTH:
        return 0
    common = next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
    return max(common - VALUE_LENGTH // 4, 0)


def _from(text: str, start: int) -> str:
    shown = text[start : start + VALUE_LENGTH]
    return ("…" if start else "") + shown + ("…" if start + VALUE_LENGTH < len(text) else "")

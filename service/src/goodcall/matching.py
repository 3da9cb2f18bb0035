"""Predicted calls against the expected ones: equal as multisets, arguments equal as JSON values.

Objects are unordered, lists ordered, strings exact, booleans never numbers, null never absent; numbers equal by
value, integers exactly and everything written with a fraction or exponent as an IEEE-754 double.
"""

import json
from collections import Counter
from collections.abc import Hashable, Sequence
from operator import attrgetter
from typing import TypeVar

import msgspec

from goodcall.excerpts import excerpt, pointer_token
from goodcall.parsing import Calls
from goodcall.reasons import Reason
from goodcall.types import JSON, Finding, Place, ToolCall

_write = msgspec.json.Encoder(order="deterministic").encode
_NAME = attrgetter("name")
_SEPARATORS = ((", ", ": "), (",", ":"))

Key = TypeVar("Key", bound=Hashable)

# Python holds True equal to 1; JSON does not. No JSON value freezes to a tuple that starts with a type.
_TRUE, _FALSE = (bool, True), (bool, False)


def freeze(value: JSON) -> Hashable:
    """A hashable stand-in for a JSON value: two stand-ins are equal exactly when the values are equal as JSON."""
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, dict):
        return frozenset((key, freeze(child)) for key, child in value.items())
    if isinstance(value, list):
        return tuple(map(freeze, value))
    # Python compares int with float exactly by value, and hashes them alike.
    return value  # type: ignore[no-any-return]


def spell(calls: Sequence[ToolCall]) -> tuple[str, ...]:
    """The JSON texts that calls are most often written as: with blanks between the tokens, and without."""
    value = [{"name": call.name, "arguments": call.arguments} for call in calls]
    return tuple(json.dumps(value, ensure_ascii=False, separators=separators) for separators in _SEPARATORS)


class ExpectedCalls:
    """The calls of a ground truth, ready to be compared with."""

    __slots__ = ("_calls", "_frozen", "_names", "_names_differ", "_written")

    def __init__(self, calls: Sequence[ToolCall]) -> None:
        self._calls = sorted(calls, key=_NAME)
        self._names = [call.name for call in self._calls]
        self._names_differ = len(set(self._names)) == len(calls)
        self._written = _write(self._calls)
        self._frozen = Counter(map(_freeze_call, calls))

    def __len__(self) -> int:
        return len(self._calls)

    def compare(self, predicted: Calls) -> Finding | None:
        """What keeps the predicted calls from being the expected ones, if anything; order plays no part."""
        if len(predicted.calls) != len(self._calls):
            return self._miscounted(predicted)
        calls = sorted(predicted.calls, key=_NAME)
        if [call.name for call in calls] != self._names:
            return Finding(Reason.TOOL_WRONG, lambda: self._wrong_tool(predicted))
        if self._are_expected(calls):
            return None
        return Finding(Reason.ARGUMENTS_WRONG, lambda: self._wrong_arguments(predicted))

    def _are_expected(self, calls: list[ToolCall]) -> bool:
        """Whether calls are the expected ones, both sorted by name; the cheap answers first."""
        if calls == self._calls:
            # Equal to Python, which also holds true to be 1. Written alike, there is no such difference.
            if _write(calls) == self._written:
                return True
        elif self._names_differ:
            return False
        return Counter(map(_freeze_call, calls)) == self._frozen

    def _miscounted(self, predicted: Calls) -> Finding:
        reason = Reason.CALL_MISSING if len(predicted.calls) < len(self._calls) else Reason.CALL_EXTRA
        return Finding(reason, lambda: self._counts(predicted))

    def _counts(self, predicted: Calls) -> Place:
        """How many calls were made and expected, and the first that is too many."""
        frozen = list(map(_freeze_call, predicted.calls))
        surplus = Counter(frozen) - self._frozen
        return Place(
            pointer=predicted.pointer(_first_surplus(frozen, self._frozen)) if surplus else None,
            expected=_count(len(self._calls)),
            got=_count(len(frozen)),
        )

    def _wrong_tool(self, predicted: Calls) -> Place:
        names = [call.name for call in predicted.calls]
        expected = Counter(self._names)
        index = _first_surplus(names, expected)
        absent = expected - Counter(names)
        return Place(
            pointer=f"{predicted.pointer(index)}/name",
            expected=" or ".join(map(excerpt, absent)),
            got=excerpt(names[index]),
        )

    def _wrong_arguments(self, predicted: Calls) -> Place:
        """The first difference between the first surplus call and an expected one of its name that nobody made."""
        frozen = list(map(_freeze_call, predicted.calls))
        index = _first_surplus(frozen, self._frozen)
        absent = self._frozen - Counter(frozen)
        got = predicted.calls[index]
        wanted = next(call for call in self._calls if call.name == got.name and _freeze_call(call) in absent)
        return _difference(got.arguments, wanted.arguments, f"{predicted.pointer(index)}/arguments")


def call_not_wanted(predicted: Calls) -> Finding:
    """The finding on calls where none should be made, at the first of them."""
    return predicted.located(Finding(Reason.CALL_NOT_WANTED, lambda: _first_call(predicted)))


def _first_call(predicted: Calls) -> Place:
    return Place(pointer=predicted.pointer(0), expected="no call", got=excerpt(predicted.calls[0].name))


def _first_surplus(keys: Sequence[Key], expected: Counter[Key]) -> int:
    """Where the first key stands that occurs more often than expected; there must be one."""
    left = Counter(expected)
    index = 0
    while left[keys[index]]:
        left[keys[index]] -= 1
        index += 1
    return index


def _freeze_call(call: ToolCall) -> tuple[str, Hashable]:
    return call.name, freeze(call.arguments)


def _count(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def _difference(got: JSON, expected: JSON, pointer: str) -> Place:
    """The innermost place where two unequal values differ first."""
    if isinstance(got, dict) and isinstance(expected, dict):
        return _object_difference(got, expected, pointer)
    if isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        index = next(i for i, pair in enumerate(zip(got, expected, strict=True)) if not _equal(*pair))
        return _difference(got[index], expected[index], pointer + pointer_token(index))
    return Place(pointer=pointer, expected=excerpt(expected), got=excerpt(got))


def _object_difference(got: dict[str, JSON], expected: dict[str, JSON], pointer: str) -> Place:
    for key, value in expected.items():
        if key not in got:
            return Place(pointer=pointer + pointer_token(key), expected=excerpt(value))
    for key, value in got.items():
        if key not in expected:
            return Place(pointer=pointer + pointer_token(key), got=excerpt(value))
    key = next(key for key in expected if not _equal(got[key], expected[key]))
    return _difference(got[key], expected[key], pointer + pointer_token(key))


def _equal(one: JSON, other: JSON) -> bool:
    return freeze(one) == freeze(other)

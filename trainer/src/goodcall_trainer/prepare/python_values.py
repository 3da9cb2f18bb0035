"""Literals of Python and of JSON, as data sets write them: strings, numbers, constants, lists, tuples, objects.

A reader of one pass over a text, with a position. Nothing is evaluated, and what is no literal is a fault, not a
guess: a date without its quotes may be a date, a difference or a slip. Tuples become lists.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from goodcall_trainer.prepare.found import Reason, Unreadable

Item = TypeVar("Item")

MAX_DEPTH = 64

_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"|' + r"'([^'\\]*(?:\\.[^'\\]*)*)'", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]+)?(?=[ \t\r\n]*(?:[,)\]}:]|$))")
_WORD = re.compile(r"""[^,()\[\]{}="']+""")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\n": ""}
_STAND_FOR_THEMSELVES = frozenset("\\'\"/")
_CONSTANTS: dict[str, bool | None] = {
    "True": True,
    "true": True,
    "False": False,
    "false": False,
    "None": None,
    "null": None,
}


class ValueReader:
    """A text, and how far it has been read. Grammars that hold values build on it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.strings: list[str] = []
        """All strings that were read, keys of objects too."""

    def value(self) -> Any:
        """The value that comes next.

        Raises:
            Unreadable: there is none.
        """
        opening = self.peek()
        if opening in {'"', "'"}:
            return self._string()
        if opening == "[":
            return self.items("[", "]", self.value)
        if opening == "{":
            return self._object()
        return self._parenthesised() if opening == "(" else self._scalar()

    def items(self, opening: str, closing: str, read: Callable[[], Item]) -> list[Item]:
        """What is read between two brackets, separated by commas, of which one may follow the last."""
        self.expect(opening)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fault(f"brackets nested more than {MAX_DEPTH} deep")
        items: list[Item] = []
        while self.peek() != closing:
            items.append(read())
            if self.peek() != closing:
                self.expect(",")
        self.expect(closing)
        self.depth -= 1
        return items

    def peek(self) -> str:
        """The next character that is no blank, where the position then is; empty at the end."""
        blank = _BLANK.match(self.text, self.position)
        self.position = blank.end() if blank else self.position
        return self.text[self.position : self.position + 1]

    def expect(self, character: str) -> None:
        if self.peek() != character:
            raise self.fault(f"expected {character}" if self.peek() else "the text ends too early")
        self.position += 1

    def fault(self, detail: str, reason: Reason = Reason.CALLS_UNREADABLE) -> Unreadable:
        """The exception for what stands at the position."""
        return Unreadable(reason, detail)

    def _object(self) -> dict[str, Any]:
        pairs = self.items("{", "}", self._pair)
        if len({key for key, _ in pairs}) < len(pairs):
            raise self.fault("a key occurs twice")
        return dict(pairs)

    def _pair(self) -> tuple[str, Any]:
        if self.peek() not in {'"', "'"}:
            raise self.fault("expected a string as a key")
        key = self._string()
        self.expect(":")
        return key, self.value()

    def _parenthesised(self) -> Any:
        """A tuple as a list, or the one value that parentheses merely enclose."""
        start = self.position
        values = self.items("(", ")", self.value)
        is_tuple = len(values) != 1 or self.text[start : self.position - 1].rstrip().endswith(",")
        return values if is_tuple else values[0]

    def _scalar(self) -> Any:
        number = _NUMBER.match(self.text, self.position)
        if number:
            self.position = number.end()
            return self._number(number)
        word = _WORD.match(self.text, self.position)
        if not word:
            raise self.fault("expected a value" if self.peek() else "the text ends too early")
        self.position = word.end()
        name = word[0].strip()
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if self.peek() == "(":
            raise self.fault("", Reason.CALL_NESTED)
        raise self.fault("", Reason.VALUE_UNQUOTED)

    def _number(self, number: re.Match[str]) -> int | float:
        fraction, exponent = number.groups()
        try:
            value = float(number[0]) if fraction or exponent else int(number[0])
        except ValueError:
            raise self.fault("an integer has too many digits") from None
        if value in {float("inf"), float("-inf")}:
            raise self.fault("a number is not finite")
        return value

    def _string(self) -> str:
        found = _STRING.match(self.text, self.position)
        if not found:
            raise self.fault("a string is never closed")
        self.position = found.end()
        body: str = found[1] if found[1] is not None else found[2]
        string = self._unescaped(body) if "\\" in body else body
        self.strings.append(string)
        return string

    def _unescaped(self, body: str) -> str:
        try:
            # Two escapes may be the halves of one character.
            return _ESCAPE.sub(_meaning, body).encode("utf-16", "surrogatepass").decode("utf-16")
        except (UnicodeError, ValueError, OverflowError):
            raise self.fault("an escape that stands for no character") from None


def _meaning(escape: re.Match[str]) -> str:
    """What an escape stands for; one that neither language knows keeps its backslash, as in Python."""
    letters = escape[1]
    if len(letters) > 1:
        return chr(int(letters[1:], 16))
    if letters in _STAND_FOR_THEMSELVES:
        return letters
    return _SIMPLE_ESCAPES.get(letters, escape[0])

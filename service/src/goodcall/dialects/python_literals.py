r"""Literals of Python and JSON, read by recursive descent: what arguments in Python's syntax are made of.

    value     string | number | True true False false None null | '[' … ']' | '(' … ')' | '{' string ':' value … '}'

One pass, linear in the text's length, at most 64 brackets deep. Nothing is evaluated: what is no literal is a fault
rather than a guess. Strings stand between single or double quotes, on one line, with the escapes of both languages;
``\/`` is a slash as in JSON, and an escape that neither language knows keeps its backslash as in Python. Numbers are
decimal, signed or not, without underscores and leading zeros; integers are exact, up to 4,300 digits. Tuples become
lists, and a value in parentheses is that value. Not read: sets, comments, adjacent and triple-quoted strings.
"""

import math
import string
from collections.abc import Callable
from typing import TypeVar

from goodcall.dialects.fault import DialectFault
from goodcall.parsing import WHITESPACE
from goodcall.reasons import Reason
from goodcall.strict_json import MAX_DEPTH, MAX_INTEGER_DIGITS
from goodcall.types import JSON

Item = TypeVar("Item")

SHOWN_LENGTH = 40
"""Characters of an unreadable word that a fault shows."""

_SCALAR_STOPS = frozenset(",()[]{}=\"'")
_CONSTANTS = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
_NOT_FINITE = {"nan", "inf", "infinity"}
_NUMBER_CHARACTERS = string.digits + "+-.eE"
_ESCAPES = {
    **{character: character for character in "\\'\"/"},
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\n": "",
}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}


class LiteralReader:
    """A text, how far it has been read, and how to read on. Grammars that hold literals build on it."""

    __slots__ = ("_depth", "_position", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0

    def _key(self) -> str:
        self._skip_whitespace()
        if self._peek() not in {'"', "'"}:
            raise self._fault("expected a string as the key of an object")
        key = self._string()
        self._expect(":")
        return key

    def _value(self) -> JSON:
        self._skip_whitespace()
        opening = self._peek()
        if opening in {'"', "'"}:
            return self._string()
        if opening not in {"[", "{", "("}:
            return self._scalar()
        self._position += 1
        if opening == "[":
            return self._items("]", self._value)
        return self._members("}", self._key) if opening == "{" else self._parenthesised()

    def _items(self, closing: str, read: Callable[[], Item]) -> list[Item]:
        """What is read between an opening bracket, already passed, and its closing one, separated by commas."""
        self._descend()
        items = []
        while not self._take(closing):
            items.append(read())
            if not self._take(","):
                self._expect(closing)
                break
        self._depth -= 1
        return items

    def _members(self, closing: str, read_key: Callable[[], str]) -> dict[str, JSON]:
        members: dict[str, JSON] = {}

        def read() -> None:
            start = self._skip_whitespace()
            key = read_key()
            if key in members:
                raise self._fault("this name was given before", start)
            members[key] = self._value()

        self._items(closing, read)
        return members

    def _parenthesised(self) -> JSON:
        """A tuple as a list, or the one value that parentheses merely enclose."""
        self._descend()
        if self._take(")"):
            self._depth -= 1
            return []
        first = self._value()
        self._depth -= 1
        if self._take(")"):
            return first
        self._expect(",")
        return [first, *self._items(")", self._value)]

    def _scalar(self) -> JSON:
        start = self._position
        word = self._run(_SCALAR_STOPS)
        if not word:
            raise self._fault("expected a value")
        if self._peek() == "(":
            raise self._fault("a call inside a call has no value", start)
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if word.lstrip("+-").lower() in _NOT_FINITE:
            raise self._fault("a number must be finite", start)
        number = self._number(word, start)
        return self._bare_word(word, start) if number is None else number

    def _bare_word(self, word: str, start: int) -> JSON:
        shown = word if len(word) <= SHOWN_LENGTH else f"{word[:SHOWN_LENGTH]}…"
        raise self._fault(f"expected a literal, got {shown}: a string needs quotes", start)

    def _number(self, word: str, start: int) -> int | float | None:
        """The number that a word is, if it is one."""
        digits = word[1:] if word[0] in "+-" else word
        if word.strip(_NUMBER_CHARACTERS) or (digits[:1] == "0" and digits[1:2].isdigit()):
            return None
        if digits.isdigit():
            if len(digits) > MAX_INTEGER_DIGITS:
                raise self._fault(f"an integer may have {MAX_INTEGER_DIGITS} digits", start)
            return int(word)
        return self._float(word, start)

    def _float(self, word: str, start: int) -> float | None:
        try:
            value = float(word)
        except ValueError:
            return None
        if math.isinf(value):
            raise self._fault("a number must be finite", start)
        return value

    def _string(self) -> str:
        """The string whose opening quote is next."""
        start, quote = self._position, self._text[self._position]
        self._position += 1
        pieces = []
        end = self._closing_quote(quote, start)
        # Searched for before the end only: looking through the rest for each string would take quadratic time.
        while (escape := self._text.find("\\", self._position, end)) >= 0:
            pieces.append(self._text[self._position : escape])
            pieces.append(self._escape(escape))
            if self._position > end:
                end = self._closing_quote(quote, start)
        pieces.append(self._text[self._position : end])
        self._position = end + 1
        return self._joined(pieces, start)

    def _closing_quote(self, quote: str, start: int) -> int:
        end = self._text.find(quote, self._position)
        if end < 0:
            raise self._fault("this string is never closed", start)
        return end

    def _joined(self, pieces: list[str], start: int) -> str:
        for piece in pieces[::2]:
            if "\n" in piece or "\r" in piece:
                raise self._fault("a line break inside a string is written as an escape", start)
        value = "".join(pieces)
        if value.isascii() or len(pieces) == 1:
            return value
        try:
            # Two escapes may be the halves of one character.
            return value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self._fault("half of a surrogate pair is no character", start) from None

    def _escape(self, start: int) -> str:
        """What the escape at the start stands for; the position moves behind it."""
        letter = self._text[start + 1 : start + 2]
        self._position = start + 2
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter in _HEX_DIGITS:
            return self._hexadecimal(start, _HEX_DIGITS[letter])
        if letter == "N":
            raise self._fault("characters are not read by their names", start)
        return self._octal(start) if letter in set("01234567") else f"\\{letter}"

    def _hexadecimal(self, start: int, length: int) -> str:
        digits = self._text[self._position : self._position + length]
        self._position += length
        if len(digits) < length or digits.strip(string.hexdigits) or int(digits, 16) > 0x10FFFF:
            raise self._fault(f"expected {length} hexadecimal digits of a character", start)
        return chr(int(digits, 16))

    def _octal(self, start: int) -> str:
        digits = self._text[start + 1 : start + 4]
        digits = digits[: len(digits) - len(digits.lstrip(string.octdigits))]
        self._position = start + 1 + len(digits)
        return chr(int(digits, 8))

    def _run(self, stops: frozenset[str]) -> str:
        """The text up to a stop or the end, without outer whitespace; the position moves to the stop."""
        start = position = self._position
        text, end = self._text, len(self._text)
        while position < end and text[position] not in stops:
            position += 1
        self._position = position
        return text[start:position].strip(WHITESPACE)

    def _skip_whitespace(self) -> int:
        text, position, end = self._text, self._position, len(self._text)
        while position < end and text[position] in WHITESPACE:
            position += 1
        self._position = position
        return position

    def _peek(self) -> str:
        """The next character; empty at the end."""
        return self._text[self._position : self._position + 1]

    def _at_end(self) -> bool:
        return self._skip_whitespace() == len(self._text)

    def _take(self, character: str) -> bool:
        self._skip_whitespace()
        if self._peek() != character:
            return False
        self._position += 1
        return True

    def _expect(self, character: str) -> None:
        if not self._take(character):
            raise self._fault(f"expected {character}")

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(f"brackets may be nested {MAX_DEPTH} deep", self._position - 1)

    def _refuse_lone_surrogates(self) -> None:
        try:
            self._text.encode()
        except UnicodeEncodeError as error:
            raise self._fault("half of a surrogate pair is no character", error.start) from None

    def _fault(self, message: str, position: int | None = None) -> DialectFault:
        position = self._position if position is None else position
        return DialectFault(message, position, reason=Reason.PYTHON_CALLS_INVALID)

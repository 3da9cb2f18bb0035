"""Calls as ToolACE writes them, by a grammar: `[Get Weather(city="Oslo (center)", days=3), a/b(x=[1, 2])]`.

    calls      '[' call (',' call)* [','] ']'
    call       name '(' [argument (',' argument)* [',']] ')'
    argument   parameter '=' value
    name       that of an offered tool, the longest that fits, or else
               anything up to the parenthesis but  , ( ) [ ] { } = "  and line breaks
    value      a literal of Python or JSON (`python_values`)

So a parenthesis in a string is part of the string, and one in the name of a tool part of the name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from goodcall_trainer.prepare.found import Reason, Unreadable
from goodcall_trainer.prepare.python_values import ValueReader
from goodcall_trainer.row import ToolCall

_NAME = re.compile(r'[^,()\[\]{}="\r\n]+')


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonCalls:
    """What a text calls."""

    calls: tuple[ToolCall, ...]
    has_parenthesis_in_string: bool
    """Whether a string among the arguments has a closing parenthesis."""


def read_python_calls(text: str, offered: Iterable[str] = ()) -> PythonCalls:
    """The calls of a list; at least one.

    Args:
        text: the list.
        offered: names of tools, which may hold what no other name may.

    Raises:
        Unreadable: the text is no such list; the reason tells nested calls, positional arguments and values that are no
            literals from other faults.
    """
    reader = _CallReader(text, offered)
    calls = reader.items("[", "]", reader.call)
    if reader.peek():
        raise reader.fault("text follows the calls")
    if not calls:
        raise reader.fault("a list of no calls")
    return PythonCalls(calls=tuple(calls), has_parenthesis_in_string=any(")" in string for string in reader.strings))


def read_python_value(text: str) -> object:
    """The value of a text that is one literal of Python or JSON.

    Raises:
        Unreadable: it is none.
    """
    reader = ValueReader(text)
    value = reader.value()
    if reader.peek():
        raise reader.fault("text follows the value")
    return value


class _CallReader(ValueReader):
    def __init__(self, text: str, offered: Iterable[str]) -> None:
        super().__init__(text)
        self._offered = sorted(offered, key=len, reverse=True)

    def call(self) -> ToolCall:
        name = self._offered_name() or self._name()
        if not name or name.startswith("'") or self.peek() != "(":
            raise self.fault("expected a call")
        pairs = self.items("(", ")", self._argument)
        if len({parameter for parameter, _ in pairs}) < len(pairs):
            raise self.fault("an argument is given twice")
        return {"name": name, "arguments": dict(pairs)}

    def _argument(self) -> tuple[str, object]:
        start = self.position
        name = self._name()
        if name and not name.startswith("'") and self.peek() == "=":
            self.position += 1
            return name, self.value()
        raise self._positional(start)

    def _positional(self, start: int) -> Unreadable:
        """The fault of an argument without a parameter, or that of its value if it is none."""
        self.position = start
        try:
            self.value()
        except Unreadable as fault:
            return fault
        return self.fault("", Reason.ARGUMENT_POSITIONAL)

    def _offered_name(self) -> str:
        """The longest name of an offered tool that stands here before a parenthesis; empty if there is none."""
        self.peek()
        start = self.position
        for name in self._offered:
            if self.text.startswith(name, start):
                self.position = start + len(name)
                if self.peek() == "(":
                    return name
        self.position = start
        return ""

    def _name(self) -> str:
        self.peek()
        found = _NAME.match(self.text, self.position)
        if not found:
            return ""
        self.position = found.end()
        return found[0].strip()

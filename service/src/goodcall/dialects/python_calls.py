"""Call lists in Python's syntax, as ToolACE and BFCL have them: ``[Get Weather(city="Oslo", days=3), a.b(x=[1])]``.

    calls     '[' [call (',' call)* [',']] ']'  |  call (',' call)* [',']
    call      name '(' [keyword '=' value (',' keyword '=' value)* [',']] ')'
    name      any characters but  , ( ) [ ] { } = "  and line breaks, the first one no  '
    keyword   as a name, and without  ' < > ! : *

Values are literals (``python_literals``). Positional arguments are a fault, because nothing says which parameters they
are; calls inside calls are one, because they have no value here.
"""

from goodcall.dialects.python_literals import LiteralReader
from goodcall.types import JSON, ToolCall

_NAME_STOPS = frozenset(',()[]{}="\r\n')
_KEYWORD_STOPS = _NAME_STOPS | frozenset("'<>!:*")


def read_python_calls(text: str) -> list[ToolCall]:
    """The calls of a list in Python's syntax; brackets around the list may be missing.

    Raises:
        DialectFault: with its position, for every text that is no such list.
    """
    return _CallReader(text).read()


def read_python_calls_leniently(text: str) -> list[ToolCall]:
    """As ``read_python_calls``, but what stands unquoted and is no literal, such as a date, is read as a string.

    For datasets whose answers were written so. A policy that forgets its quotes should not be read by this.

    Raises:
        DialectFault: with its position, for every text that is no list of calls even so.
    """
    return _LenientReader(text).read()


class _CallReader(LiteralReader):
    __slots__ = ()

    def read(self) -> list[ToolCall]:
        self._refuse_lone_surrogates()
        calls = self._items("]", self._call) if self._take("[") else self._bare_calls()
        if not self._at_end():
            raise self._fault("text follows the calls")
        return calls

    def _bare_calls(self) -> list[ToolCall]:
        calls = [self._call()]
        while self._take(",") and not self._at_end():
            calls.append(self._call())
        return calls

    def _call(self) -> ToolCall:
        start = self._skip_whitespace()
        name = self._run(_NAME_STOPS)
        if not name or name.startswith("'") or not self._take("("):
            raise self._fault("expected a call: a name and an opening parenthesis", start)
        return ToolCall(name, self._members(")", self._keyword))

    def _keyword(self) -> str:
        start = self._skip_whitespace()
        name = self._run(_KEYWORD_STOPS)
        if self._at_end():
            raise self._fault("the text ends inside a call")
        if not name or not self._take("="):
            raise self._fault("expected name=value: a positional argument does not say which parameter it is", start)
        return name


class _LenientReader(_CallReader):
    """Takes a word that is no literal for a string without its quotes."""

    __slots__ = ()

    def _bare_word(self, word: str, start: int) -> JSON:  # noqa: ARG002 - the name is that of the base
        return word

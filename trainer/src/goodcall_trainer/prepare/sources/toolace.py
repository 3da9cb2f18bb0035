"""ToolACE's rows (Team-ACE/ToolACE): `system`, with the tools as a JSON list in its text, and `conversations`.

The system text says nothing else that a template would not say, so it is left out. A turn of the assistant that opens
with a bracket is a list of calls in Python's syntax; whatever it then is, it is not taken for words.
"""

import json
from collections.abc import Iterator
from typing import Any

from goodcall_trainer.prepare.calls import text_in
from goodcall_trainer.prepare.dialogue import Turn, called, cut_into_steps, said
from goodcall_trainer.prepare.found import Found, NoteKind, Reason, Unreadable
from goodcall_trainer.prepare.python_calls import PythonCalls, read_python_calls
from goodcall_trainer.prepare.released_parser import reads_as_written, takes_for_calls
from goodcall_trainer.prepare.sources.conversations import turns_of
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Tool

_BEFORE_TOOLS = "JSON format that you can invoke:"
_DECODER = json.JSONDecoder()


def read(record: Any, record_id: str) -> Iterator[Found]:
    """What each turn of the assistant in a dialogue gives.

    Raises:
        Unreadable: the record is no dialogue of ToolACE's.
    """
    tools = _tools_in(text_in(record, "system"))
    offered = [tool["function"]["name"] for tool in tools]
    turns = [_turn(role, text, offered) for role, text in turns_of(record)]
    yield from cut_into_steps(record_id, "toolace", tools, turns)


def _tools_in(system: str) -> tuple[Tool, ...]:
    """The tools of the list that follows the words before it; what follows the list plays no part."""
    marker = system.find(_BEFORE_TOOLS)
    start = system.find("[", marker)
    if marker < 0 or start < 0:
        raise Unreadable(Reason.TOOLS_UNREADABLE, "no list in the system text")
    try:
        definitions, _ = _DECODER.raw_decode(system, start)
    except (ValueError, RecursionError):
        raise Unreadable(Reason.TOOLS_UNREADABLE, "no JSON") from None
    return read_tools(definitions)


def _turn(role: str, text: str, offered: list[str]) -> Turn:
    written = text.strip()
    if role != "assistant" or not written.startswith("["):
        return said(role, text)
    try:
        found = read_python_calls(written, offered)
    except Unreadable as fault:
        return Turn(message={"role": role, "content": text}, fault=fault)
    return called(found.calls, notes=tuple(_notes(written, found)))


def _notes(written: str, found: PythonCalls) -> Iterator[NoteKind]:
    if found.has_parenthesis_in_string:
        yield NoteKind.PARENTHESIS_IN_STRING
    if not takes_for_calls(written):
        yield NoteKind.RELEASED_PARSER_LOSES
    elif not reads_as_written(written, found.calls):
        yield NoteKind.RELEASED_PARSER_CORRUPTS

"""Dialogues as Hermes has them: `conversations`, calls in `<tool_call>` blocks, tools under `tools` or in a text.

A block holds one call as a JSON object, or as the Python literal of one, as some published files have it. The system
text explains tools and blocks, so it is left out.
"""

from collections.abc import Iterator
from typing import Any

from goodcall_trainer.prepare.calls import load, read_call, text_or_value
from goodcall_trainer.prepare.dialogue import Turn, called, cut_into_steps, said
from goodcall_trainer.prepare.found import Found, Reason, Unreadable
from goodcall_trainer.prepare.python_calls import read_python_value
from goodcall_trainer.prepare.sources.conversations import turns_of
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Tool, ToolCall

CALL, END_CALL = "<tool_call>", "</tool_call>"
TOOLS, END_TOOLS = "<tools>", "</tools>"
RESPONSE, END_RESPONSE = "<tool_response>", "</tool_response>"


def read(record: Any, record_id: str) -> Iterator[Found]:
    """What each turn of the assistant in a dialogue gives.

    Raises:
        Unreadable: the record is no such dialogue.
    """
    turns = turns_of(record)
    tools = _tools_of(record, "\n".join(text for role, text in turns if role == "system"))
    yield from cut_into_steps(
        record_id, "hermes", tools, [_turn(role, text) for role, text in turns if role != "system"]
    )


def _tools_of(record: dict[str, Any], system: str) -> tuple[Tool, ...]:
    beside = record.get("tools")
    if beside is None:
        return read_tools(_definitions_in(system))
    return read_tools(text_or_value(beside, Reason.TOOLS_UNREADABLE))


def _definitions_in(system: str) -> Any:
    """The definitions of the first block of tools that is not blank: a JSON list, or one object a line."""
    blocks, _ = split_blocks(system, TOOLS, END_TOOLS)
    body = next((block.strip() for block in blocks if block.strip()), None)
    if body is None:
        raise Unreadable(Reason.TOOLS_UNREADABLE, "no tools in the system text")
    if body.startswith("["):
        return load(body, Reason.TOOLS_UNREADABLE)
    return [load(line, Reason.TOOLS_UNREADABLE) for line in body.splitlines() if line.strip()]


def _turn(role: str, text: str) -> Turn:
    blocks, around = split_blocks(text, RESPONSE, END_RESPONSE)
    if role != "assistant" and blocks:
        return said("tool", "\n".join(block.strip() for block in blocks))
    if role != "assistant":
        return said(role, text)
    try:
        bodies, around = split_blocks(text, CALL, END_CALL)
        return called(map(_call, bodies), around.strip())
    except Unreadable as fault:
        return Turn(message={"role": role, "content": text}, fault=fault)


def _call(body: str) -> ToolCall:
    return read_call(read_python_value(body))


def split_blocks(text: str, opening: str, closing: str) -> tuple[list[str], str]:
    """What stands in the blocks of a text, and the text around them.

    Raises:
        Unreadable: a block is never closed.
    """
    bodies, around = [], []
    before, opened, rest = text.partition(opening)
    around.append(before)
    while opened:
        body, closed, rest = rest.partition(closing)
        if not closed:
            raise Unreadable(Reason.CALLS_UNREADABLE, f"{opening} is never closed")
        bodies.append(body)
        before, opened, rest = rest.partition(opening)
        around.append(before)
    return bodies, "".join(around)

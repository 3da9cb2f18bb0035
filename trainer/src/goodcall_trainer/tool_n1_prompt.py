"""Tool-N1's system message (arXiv 2505.00024, appendix): the task, the tools, the form of an answer, and an example.

The parts and their order are the paper's; the words are ours. `docs/recipes.md` lists what differs.
"""

import json
from collections.abc import Sequence

from goodcall_trainer.row import Message, Row, Tool, ToolCall

PREAMBLE = (
    "You decide which tools to call for what is asked of you. That may take one call or several. If no tool fits, or "
    "if a parameter that a tool requires was not given, say so. Write calls nowhere but in the part that is for calls."
)
"""Begins the message of rows that have no system message of their own."""

_REASONED = """\
In each reply:
1. First reason about what is needed, inside <think> </think>.
2. Then write the calls as one JSON list of {"name": ..., "arguments": {...}}, inside a single <tool_call> </tool_call>.
3. Do both in the same reply.
An example of such a reply:
<think>Two things are wanted: a room for Monday, and word of it to Lena. Neither depends on the other.</think>
<tool_call>
[{"name": "book_room", "arguments": {"day": "Monday", "seats": 12}}, {"name": "notify", "arguments": {"to": "Lena"}}]
</tool_call>
Give each argument the type that its tool's schema asks for."""

_UNREASONED = """\
In each reply, write the calls as one JSON list of {"name": ..., "arguments": {...}}, inside a single \
<tool_call> </tool_call>.
An example of such a reply:
<tool_call>
[{"name": "book_room", "arguments": {"day": "Monday", "seats": 12}}, {"name": "notify", "arguments": {"to": "Lena"}}]
</tool_call>
Give each argument the type that its tool's schema asks for."""


def tool_n1_messages(row: Row, *, reasoning: bool) -> list[Message]:
    """The row's conversation, headed by the system message, for a chat template that is given no tools.

    A row's own system message takes the preamble's place. Calls of earlier turns read as those of an answer do.
    """
    opening, rest = PREAMBLE, row.messages
    if rest and rest[0]["role"] == "system":
        opening, rest = rest[0]["content"], rest[1:]
    return [{"role": "system", "content": _system(opening, row.tools, reasoning=reasoning)}, *map(_told, rest)]


def written_calls(calls: Sequence[ToolCall]) -> str:
    """Calls in the form that the message asks for."""
    return f"<tool_call>\n{json.dumps(list(calls), ensure_ascii=False)}\n</tool_call>"


def _system(opening: str, tools: Sequence[Tool], *, reasoning: bool) -> str:
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    asked = _REASONED if reasoning else _UNREASONED
    return f"{opening}\n\n# Tool\nThe tools at hand, one a line:\n<tools>\n{listed}\n</tools>\n\n{asked}"


def _told(message: Message) -> Message:
    """A message with its calls as text, since templates would write them in a form of their own."""
    calls = [call["function"] for call in message.get("tool_calls", ())]
    if not calls:
        return {"role": message["role"], "content": message["content"]}
    said = f"{message['content']}\n" if message["content"] else ""
    return {"role": message["role"], "content": f"{said}{written_calls(calls)}"}

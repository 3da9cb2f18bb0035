"""Chat logs in the form of OpenAI's Chat Completions: `messages` and `tools`, as sent and received.

The system message is content of its own here, so it stays.
"""

from collections.abc import Iterator
from typing import Any

from goodcall_trainer.prepare.calls import read_calls, text_or_value
from goodcall_trainer.prepare.dialogue import Turn, called, cut_into_steps, said
from goodcall_trainer.prepare.found import Found, Reason, Unreadable
from goodcall_trainer.prepare.tools import read_tools

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


def read(record: Any, record_id: str) -> Iterator[Found]:
    """What each turn of the assistant in a log gives.

    Raises:
        Unreadable: the record is no such log.
    """
    if not isinstance(record, dict):
        raise Unreadable(Reason.RECORD_UNREADABLE, "no object")
    tools = read_tools(text_or_value(record.get("tools"), Reason.TOOLS_UNREADABLE))
    yield from cut_into_steps(record_id, "openai", tools, read_messages(record.get("messages")))


def read_messages(messages: Any) -> list[Turn]:
    """The turns of a list of messages.

    Raises:
        Unreadable: it is none, or has a message of another form.
    """
    if not isinstance(messages, list) or not messages:
        raise Unreadable(Reason.RECORD_UNREADABLE, "no messages")
    return [_turn(message) for message in messages]


def _turn(message: Any) -> Turn:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str) or role not in _ROLES:
        raise Unreadable(Reason.RECORD_UNREADABLE, "a message has no known role")
    content = _text(message.get("content"))
    tool_calls = message.get("tool_calls")
    if role != "assistant" or not tool_calls:
        return said(_ROLES[role], content)
    try:
        return called(read_calls([_function(call) for call in tool_calls]), content)
    except Unreadable as fault:
        return Turn(message={"role": role, "content": content}, fault=fault)


def _function(call: Any) -> Any:
    return call.get("function") if isinstance(call, dict) else None


def _text(content: Any) -> str:
    """The text of a message; its parts joined where it has parts."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(map(_text_of_part, content))
    return _text_of_part({"type": "text", "text": content})


def _text_of_part(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
    if not isinstance(text, str):
        raise Unreadable(Reason.RECORD_UNREADABLE, "a message is not all text")
    return text

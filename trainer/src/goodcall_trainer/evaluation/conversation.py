"""A question as OpenAI's wire has it, and the message that comes back.

That wire allows letters, digits, `_` and `-` in the names of functions. BFCL's have dots, as Python's do; they become
underscores in what is sent, as the leaderboard does for such models, and are put back in what is called.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from goodcall_trainer.evaluation.answers import Completion
from goodcall_trainer.row import Message, Tool

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_-]")


def wire_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages with an id for every call, arguments as text, and results that say whose they are."""
    written: list[dict[str, Any]] = []
    unanswered: list[str] = []
    for message in messages:
        said = {"role": message["role"], "content": message["content"]}
        if message["role"] == "tool":
            said["tool_call_id"] = unanswered.pop(0) if unanswered else "call_0"
        elif calls := message.get("tool_calls"):
            ids = [f"call_{len(written)}_{index}" for index in range(len(calls))]
            said["tool_calls"] = [_wire_call(call["function"], id_) for call, id_ in zip(calls, ids, strict=True)]
            unanswered = ids
        written.append(said)
    return written


def _wire_call(call: Mapping[str, Any], id_: str) -> dict[str, Any]:
    function = {"name": wire_name(call["name"]), "arguments": json.dumps(call["arguments"], ensure_ascii=False)}
    return {"id": id_, "type": "function", "function": function}


def wire_name(name: str) -> str:
    """A function's name in the letters that the wire allows."""
    return _NOT_ALLOWED.sub("_", name)


def wire_tools(tools: Sequence[Tool]) -> list[Tool]:
    """The tools under names that the wire allows."""
    return [{**tool, "function": {**tool["function"], "name": wire_name(tool["function"]["name"])}} for tool in tools]


def read_message(message: Any, tools: Sequence[Tool]) -> Completion:
    """What an assistant's message says: its text, or all of it where the server has read calls from it.

    Raises:
        ValueError: it is no such message.
    """
    if not isinstance(message, dict) or not isinstance(message.get("content"), str | None):
        raise ValueError("no message of an assistant")  # noqa: TRY004 - what came is wrong, not what was passed
    calls = message.get("tool_calls")
    if not calls:
        return message.get("content") or ""
    names = {wire_name(tool["function"]["name"]): tool["function"]["name"] for tool in tools}
    return {
        "role": "assistant",
        "content": message.get("content"),
        "tool_calls": [_read_call(call, names) for call in calls],
    }


def _read_call(call: Any, names: Mapping[str, str]) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not all(isinstance(function.get(key), str) for key in ("name", "arguments")):
        raise ValueError("a call without name and arguments")
    name = function["name"]
    return {"type": "function", "function": {"name": names.get(name, name), "arguments": function["arguments"]}}

"""The turns of a dialogue under `conversations`, each `{"from", "value"}` with one of several names for each role."""

from typing import Any

from goodcall_trainer.prepare.found import Reason, Unreadable

_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "observation": "tool",
    "function": "tool",
}


def turns_of(record: Any) -> list[tuple[str, str]]:
    """Role and text of each turn, roles as OpenAI names them.

    Raises:
        Unreadable: there are none, or a turn has another form or another role.
    """
    turns = record.get("conversations") if isinstance(record, dict) else None
    if not isinstance(turns, list) or not turns:
        raise Unreadable(Reason.RECORD_UNREADABLE, "no conversations")
    return [_turn(turn) for turn in turns]


def _turn(turn: Any) -> tuple[str, str]:
    role, text = (turn.get("from"), turn.get("value")) if isinstance(turn, dict) else (None, None)
    if not isinstance(role, str) or role not in _ROLES:
        raise Unreadable(Reason.RECORD_UNREADABLE, "a turn has no known role")
    if not isinstance(text, str):
        raise Unreadable(Reason.RECORD_UNREADABLE, "a turn has no text")
    return _ROLES[role], text

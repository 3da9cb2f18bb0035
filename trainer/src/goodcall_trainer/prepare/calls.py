"""Calls as objects: `{"name", "arguments"}` out of the various ways to spell that."""

from typing import Any

from goodcall_trainer.prepare.found import Reason, Unreadable
from goodcall_trainer.prepare.strict_json import loads
from goodcall_trainer.row import ToolCall


def read_calls(value: Any, *, arguments_key: str = "arguments") -> tuple[ToolCall, ...]:
    """The calls of a list of objects, or of one.

    Raises:
        Unreadable: it is neither.
    """
    return tuple(
        read_call(call, arguments_key=arguments_key) for call in (value if isinstance(value, list) else [value])
    )


def read_call(value: Any, *, arguments_key: str = "arguments") -> ToolCall:
    """One call; its arguments are an object, or JSON text of one. Other keys, such as an id, are left out.

    Raises:
        Unreadable: it is none.
    """
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise Unreadable(Reason.CALLS_UNREADABLE, "a call has no name")
    arguments = value.get(arguments_key)
    if isinstance(arguments, str):
        arguments = load(arguments, Reason.CALLS_UNREADABLE)
    if not isinstance(arguments, dict):
        raise Unreadable(Reason.CALLS_UNREADABLE, "arguments are no object")
    return {"name": value["name"], "arguments": arguments}


def load(text: str, reason: Reason) -> Any:
    """The value of a strict JSON text.

    Raises:
        Unreadable: with the reason given, it is none.
    """
    try:
        return loads(text)
    except ValueError:
        raise Unreadable(reason, "no strict JSON") from None


def text_or_value(value: Any, reason: Reason) -> Any:
    """What stands in a field that holds either JSON text or the value itself."""
    return load(value, reason) if isinstance(value, str) else value


def text_in(record: Any, key: str) -> str:
    """The text under a key of a record.

    Raises:
        Unreadable: there is none.
    """
    value = record.get(key) if isinstance(record, dict) else None
    if not isinstance(value, str):
        raise Unreadable(Reason.RECORD_UNREADABLE, f"no text under {key}")
    return value

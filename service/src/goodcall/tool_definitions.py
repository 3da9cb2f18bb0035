"""The tools of a task as they came: JSON text to function definitions, or the fault that makes the task unusable.

What a definition means is for ``goodcall.dialects`` to say, and whether its schema compiles for ``goodcall.schemas``.
"""

from functools import partial

import msgspec

from goodcall.dialects.fault import MalformedTools
from goodcall.dialects.tools import unwrap
from goodcall.errors import UnusableTask
from goodcall.reasons import Reason
from goodcall.strict_json import MAX_DEPTH, JSONFault, loads
from goodcall.types import JSON, Place


def read_definitions(text: bytes) -> list[JSON]:
    """The function definitions of a list, not yet looked into.

    Raises:
        UnusableTask: the text is no strict JSON, or no list.
    """
    return [read_definition(definition) for definition in split_definitions(text)]


def split_definitions(text: bytes) -> list[bytes]:
    """The JSON texts of the definitions in a list, not yet read.

    Raises:
        UnusableTask: the text is no JSON, or no list.
    """
    try:
        return list(map(bytes, _SPLITTER.decode(text)))
    except msgspec.ValidationError:
        raise malformed_tools("", "a list of function definitions") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise malformed_tools("", "strict JSON") from None


def read_definition(text: bytes) -> JSON:
    """One definition out of a list, not yet looked into.

    Raises:
        UnusableTask: the text is no strict JSON.
    """
    try:
        return loads(text.decode(), max_depth=MAX_DEPTH - 1)
    except (JSONFault, UnicodeDecodeError):
        raise malformed_tools("", "strict JSON") from None


def unwrap_definition(definition: JSON, pointer: str) -> tuple[dict[str, JSON], str]:
    """The function inside a definition, and its own pointer.

    Raises:
        UnusableTask: there is no object.
    """
    try:
        return unwrap(definition, pointer)
    except MalformedTools as fault:
        raise malformed_tools(fault.pointer, fault.expected) from None


def malformed_tools(pointer: str, expected: str) -> UnusableTask:
    """The exception for tools that are not what was expected at the pointer."""
    return UnusableTask(Reason.TOOLS_MALFORMED, partial(Place, pointer=pointer, expected=expected))


_SPLITTER = msgspec.json.Decoder(list[msgspec.Raw])

"""What the parser that Tool-N1 released makes of the calls of ToolACE, oddities included, to count what it corrupts.

Described from NVlabs/Tool-N1 f9b4849, `verl/verl/utils/tool_utils.py`. It finds calls by a pattern: a run of certain
characters, an opening parenthesis, and everything up to the nearest closing one, wherever that stands. The arguments
are split at commas outside of quotes and brackets, and each value is what Python's `literal_eval` makes of it, or else
its own text. Nothing is ever trained on what this module reads.
"""

import ast
import json
import re
import warnings
from typing import Any

from goodcall_trainer.row import ToolCall

_NAME_CHARACTERS = r"a-zA-Z0-9._?|\s\-"
_CALL = re.compile(rf"([{_NAME_CHARACTERS}]+)\((.*?)\)")
_BETWEEN_CALLS = re.compile(r"\),\s*")
_SHAPE = re.compile(rf"\[\s*[{_NAME_CHARACTERS}/]+\(.*\)\s*\]")
_QUOTES = frozenset("'\"")
_DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def reads_as_written(text: str, calls: tuple[ToolCall, ...]) -> bool:
    """Whether the released parser reads exactly these calls out of a text, down to the type of each value."""
    return _as_text(released_calls(text)) == _as_text(list(calls))


def takes_for_calls(text: str) -> bool:
    """Whether the released converter takes a turn for one that calls tools, rather than one in words."""
    return _SHAPE.fullmatch(_BETWEEN_CALLS.sub("),", text)) is not None and _CALL.search(text) is not None


def released_calls(text: str) -> list[ToolCall]:
    """The calls that the released parser reads out of a text."""
    return [{"name": name.strip(), "arguments": _arguments(body)} for name, body in _CALL.findall(text)]


def _arguments(body: str) -> dict[str, Any]:
    pairs = (part.split("=", 1) for part in _split(body) if "=" in part)
    return {parameter.strip(): _value(value.strip()) for parameter, value in pairs}


def _split(body: str) -> list[str]:
    """The parts between commas outside of quotes, which no backslash escapes, and of brackets, which need not match."""
    parts, start, quote, depths = [], 0, "", {"(": 0, "[": 0, "{": 0}
    for position, character in enumerate(body):
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character in _DEPTH:
            depths[_OPENING.get(character, character)] += _DEPTH[character]
        elif character == "," and not any(depths.values()):
            parts.append(body[start:position])
            start = position + 1
    return [*parts, body[start:]]


_OPENING = {")": "(", "]": "[", "}": "{"}


def _value(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            # Escapes that Python does not know are only worth a warning there.
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text.strip("'\"")


def _as_text(calls: list[ToolCall]) -> str:
    # A tuple becomes a list on its way to JSON; sets and the like never get there.
    return json.dumps(calls, sort_keys=True, default=repr)

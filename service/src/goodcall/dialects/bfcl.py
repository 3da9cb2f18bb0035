"""Calls as completions write them for the Berkeley leaderboard: in tool_call blocks, or as a list in Python's syntax.

Reasoning before them, in ``<think>…</think>``, is passed over. Around ``<tool_call>`` blocks there may be any text;
each holds one call or a list of calls as strict JSON. A completion without such blocks must be the list and nothing
else; as in the leaderboard, backticks and blanks around it and a missing outer bracket are forgiven. Unlike there,
nothing is evaluated: an expression, a bare word or a call as an argument can't be read.
"""

from goodcall.dialects.fault import DialectFault
from goodcall.dialects.python_calls import read_python_calls
from goodcall.dialects.tagged_blocks import end_of_reasoning, find_blocks
from goodcall.parsing import (
    END_TOOL_CALL,
    TOOL_CALL,
    Calls,
    finding_at,
    read_body,
    read_message_calls,
    strip_end_of_turn,
)
from goodcall.reasons import Reason
from goodcall.types import AssistantMessage, CompletionText, Finding, ToolCall

_FORGIVEN = "`\n "


def read_bfcl_calls(completion: CompletionText | AssistantMessage) -> Calls | Finding:
    """The calls that a completion makes, none if it is empty, or why they can't be read.

    Of a parsed message only ``tool_calls`` is read.
    """
    if isinstance(completion, AssistantMessage):
        return read_message_calls(completion.tool_calls)
    text, start = strip_end_of_turn(completion.text)
    start -= completion.prefix_length
    try:
        answer = end_of_reasoning(text)
        return _read_blocks(text, answer, start) if TOOL_CALL in text[answer:] else _read_python(text, answer, start)
    except DialectFault as fault:
        return finding_at(fault.reason or Reason.NOT_CALLS, start + (fault.position or 0))


def _read_blocks(text: str, position: int, start: int) -> Calls | Finding:
    """The calls of all blocks; raises DialectFault when one is not closed."""
    blocks = []
    for found in find_blocks(text, TOOL_CALL, END_TOOL_CALL, position):
        block = read_body(found.body, start + found.position)
        if isinstance(block, Finding):
            return block
        blocks.append(block)
    return _joined(blocks)


def _joined(blocks: list[Calls]) -> Calls:
    """The calls of several blocks as one list, each still found where it stands."""
    if len(blocks) == 1:
        return blocks[0]
    stand = [(block.locate, block.pointer(i)) for block in blocks if block.locate for i in range(len(block.calls))]

    def locate(pointer: str) -> int:
        index, slash, rest = pointer.removeprefix("/").partition("/")
        locate_in_block, root = stand[int(index)]
        return locate_in_block(root + slash + rest)

    return Calls([call for block in blocks for call in block.calls], locate=locate)


def _read_python(text: str, position: int, start: int) -> Calls | Finding:
    stripped = text[position:].lstrip(_FORGIVEN)
    start += len(text) - len(stripped)
    stripped = stripped.rstrip(_FORGIVEN)
    if not stripped:
        return Calls()
    opening = "" if stripped.startswith("[") else "["
    closing = "" if stripped.endswith("]") else "]"
    try:
        calls = read_python_calls(opening + stripped + closing)
    except DialectFault as fault:
        return finding_at(Reason.PYTHON_CALLS_INVALID, start + (fault.position or 0) - len(opening))
    # Other dialects allow blanks in names; here they would make a call of a sentence that ends in ().
    return Calls(calls) if all(map(_has_python_names, calls)) else finding_at(Reason.PYTHON_CALLS_INVALID, start)


def _has_python_names(call: ToolCall) -> bool:
    return all(name.isidentifier() for name in (*call.name.split("."), *call.arguments))

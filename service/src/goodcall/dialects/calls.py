"""The calls in a completion or a message, in whichever dialect it writes them.

One small reader a dialect. They know how calls are written and nothing of the form that a reward may ask for around
them: reasoning is skipped, and so is text beside the calls. Where a dialect marks its calls, a text without the mark
makes none; where it does not (``toolace``), text that is no call list is a fault.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

from goodcall.dialects.fault import DialectFault
from goodcall.dialects.python_calls import read_python_calls
from goodcall.dialects.tagged_blocks import Block, end_of_reasoning, find_blocks
from goodcall.parsing import END_TOOL_CALL, TOOL_CALL, WHITESPACE, read_calls, strip_end_of_turn
from goodcall.reasons import Reason
from goodcall.strict_json import JSONFault, loads
from goodcall.types import JSON, Finding, ToolCall


class CallDialect(StrEnum):
    """How a policy writes its calls."""

    TOOL_N1 = "tool_n1"
    """All calls in one ``<tool_call>`` block: a JSON list of ``{"name", "arguments"}``, or one of them."""
    HERMES = "hermes"
    """A ``<tool_call>`` block for each call, holding one ``{"name", "arguments"}``; Qwen writes so too."""
    TOOLRL = "toolrl"
    """All calls in one ``<tool_call>`` block, one ``{"name", "parameters"}`` a line."""
    TOOLACE = "toolace"
    """A list in Python's syntax, ``[name(parameter=value), …]``; BFCL's prompts ask for it too."""
    OPENAI = "openai"
    """A message with ``tool_calls`` (Chat Completions), or items of type ``function_call`` (Responses)."""
    ANTHROPIC = "anthropic"
    """A message whose content has blocks of type ``tool_use``, with ``name`` and ``input``."""


def read_tool_n1(text: str) -> list[ToolCall]:
    """The calls of the only ``<tool_call>`` block.

    Raises:
        DialectFault: there are several blocks, one is not closed, or it holds no calls.
    """
    block = _only_block(text)
    return _read_payload(_loads(block)) if block else []


def read_hermes(text: str) -> list[ToolCall]:
    """The calls of all ``<tool_call>`` blocks, one a block.

    Raises:
        DialectFault: a block is not closed, or holds no call.
    """
    return _read_payload([_loads(block) for block in _blocks(text)])


def read_toolrl(text: str) -> list[ToolCall]:
    """The calls of the only ``<tool_call>`` block, one a line; blank lines are none.

    Raises:
        DialectFault: there are several blocks, one is not closed, or a line holds no call.
    """
    block = _only_block(text)
    values = [_loads(line) for line in _lines(block)] if block else []
    return [_read_toolrl_call(value, f"/{index}") for index, value in enumerate(values)]


def read_toolace(text: str) -> list[ToolCall]:
    """The calls of a list in Python's syntax, which is all that may follow the reasoning.

    Raises:
        DialectFault: the text is no such list; an answer in words is none either.
    """
    text, moved = strip_end_of_turn(text)
    start = end_of_reasoning(text)
    try:
        return read_python_calls(text[start:])
    except DialectFault as fault:
        raise DialectFault(str(fault), moved + start + (fault.position or 0), reason=fault.reason) from None


def read_openai(text: str) -> list[ToolCall]:
    """``read_openai_message`` on JSON text."""
    return read_openai_message(_loads(Block(text, 0)))


def read_openai_message(message: JSON) -> list[ToolCall]:
    """The calls of an assistant message of Chat Completions, or of a response or a list of items of Responses.

    Arguments are JSON text or an object. Items of other types than ``function_call`` are no calls.

    Raises:
        DialectFault: it is neither of these, or a call in it lacks its name or its arguments.
    """
    if isinstance(message, dict) and isinstance(message.get("output"), list):
        return _read_items(message["output"], "/output")
    if isinstance(message, list):
        return _read_items(message, "")
    if not isinstance(message, dict) or not message.keys() & {"role", "content", "tool_calls"}:
        raise _misshapen(Reason.NOT_CALLS, "")
    tool_calls = message.get("tool_calls") or []
    if not isinstance(tool_calls, list):
        raise _misshapen(Reason.NOT_CALLS, "/tool_calls")
    return [_read_tool_call(call, f"/tool_calls/{index}") for index, call in enumerate(tool_calls)]


def read_anthropic(text: str) -> list[ToolCall]:
    """``read_anthropic_message`` on JSON text."""
    return read_anthropic_message(_loads(Block(text, 0)))


def read_anthropic_message(message: JSON) -> list[ToolCall]:
    """The calls of a message, or of the list of content blocks in one; blocks other than ``tool_use`` are no calls.

    Raises:
        DialectFault: it is neither of these, or a call in it lacks its name or its input.
    """
    content, root = (message.get("content"), "/content") if isinstance(message, dict) else (message, "")
    if isinstance(content, str) and root:
        return []
    if not isinstance(content, list):
        raise _misshapen(Reason.NOT_CALLS, root)
    return [
        _read_call(block, "input", f"{root}/{index}")
        for index, block in enumerate(content)
        if isinstance(block, dict) and block.get("type") == "tool_use"
    ]


CALL_READERS: Mapping[CallDialect, Callable[[str], list[ToolCall]]] = MappingProxyType(
    {
        CallDialect.TOOL_N1: read_tool_n1,
        CallDialect.HERMES: read_hermes,
        CallDialect.TOOLRL: read_toolrl,
        CallDialect.TOOLACE: read_toolace,
        CallDialect.OPENAI: read_openai,
        CallDialect.ANTHROPIC: read_anthropic,
    }
)
"""The reader of each dialect: text to its calls, or a DialectFault. Messages are read from their JSON text here."""


def _blocks(text: str) -> Iterator[Block]:
    return find_blocks(text, TOOL_CALL, END_TOOL_CALL, end_of_reasoning(text))


def _only_block(text: str) -> Block | None:
    blocks = list(_blocks(text))
    if len(blocks) > 1:
        reason = Reason.MULTIPLE_TOOL_CALL_BLOCKS
        raise DialectFault(reason.hint, blocks[1].position, reason=reason)
    return blocks[0] if blocks else None


def _lines(block: Block) -> Iterator[Block]:
    position = block.position
    for line in block.body.split("\n"):
        if line.strip(WHITESPACE):
            yield Block(line, position)
        position += len(line) + 1


def _loads(block: Block) -> JSON:
    try:
        return loads(block.body)
    except JSONFault as fault:
        raise DialectFault(str(fault), block.position + (fault.position or 0), reason=fault.reason) from None


def _read_payload(value: JSON) -> list[ToolCall]:
    calls = read_calls(value)
    if isinstance(calls, Finding):
        raise _misshapen(calls.reason, calls.place().pointer if calls.place else None)
    return calls.calls


def _misshapen(reason: Reason, pointer: str | None) -> DialectFault:
    return DialectFault(reason.hint, pointer=pointer, reason=reason)


def _read_toolrl_call(value: JSON, pointer: str) -> ToolCall:
    call = _read_call(value, "parameters", pointer)
    if len(value) != 2:
        raise _misshapen(Reason.CALL_KEY_UNEXPECTED, pointer)
    return call


def _read_items(items: list[JSON], root: str) -> list[ToolCall]:
    return [
        _read_call_of_text(item, f"{root}/{index}")
        for index, item in enumerate(items)
        if isinstance(item, dict) and item.get("type") == "function_call"
    ]


def _read_tool_call(call: JSON, pointer: str) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    return _read_call_of_text(function, f"{pointer}/function")


def _read_call_of_text(value: JSON, pointer: str) -> ToolCall:
    """A call whose arguments are an object, or text that holds one."""
    if not isinstance(value, dict) or not isinstance(value.get("arguments"), str):
        return _read_call(value, "arguments", pointer)
    try:
        arguments = loads(value["arguments"])
    except JSONFault as fault:
        raise _misshapen(fault.reason, f"{pointer}/arguments") from None
    return _read_call(value | {"arguments": arguments}, "arguments", pointer)


def _read_call(value: JSON, key: str, pointer: str) -> ToolCall:
    """The call in an object that has its name under ``name`` and its arguments under the key."""
    if not isinstance(value, dict):
        raise _misshapen(Reason.CALL_NOT_OBJECT, pointer)
    if not value.keys() >= {"name", key}:
        raise _misshapen(Reason.CALL_KEY_MISSING, pointer)
    if not isinstance(value["name"], str):
        raise _misshapen(Reason.NAME_NOT_STRING, f"{pointer}/name")
    if not isinstance(value[key], dict):
        raise _misshapen(Reason.ARGUMENTS_NOT_OBJECT, f"{pointer}/{key}")
    return ToolCall(value["name"], value[key])

"""A completion to its calls, or to the reason why there are none to judge.

Knows the form that ``tool_n1/hardened`` asks for and nothing of tools, ground truths or rewards. Stage by stage:
end of turn, chat markers, form, JSON, shape. The text is scanned with ``find`` only, so the time is linear in its
length whatever it holds.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import msgspec

from goodcall.excerpts import excerpt
from goodcall.json_positions import offset_of_fault, offset_of_value
from goodcall.reasons import Reason
from goodcall.strict_json import (
    DOUBTS,
    MAX_DEPTH,
    JSONFault,
    loads,
    loads_slowly,
    may_be_deeper,
    names_each_key_once,
)
from goodcall.types import JSON, AssistantMessage, CompletionText, Finding, MessageCall, Place, ToolCall

WHITESPACE = " \t\r\n"
THINK, END_THINK = "<think>", "</think>"
TOOL_CALL, END_TOOL_CALL = "<tool_call>", "</tool_call>"
TAGS = (THINK, END_THINK, TOOL_CALL, END_TOOL_CALL)
END_OF_TURN = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>")
CHAT_MARKERS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
)


_REASONING = len(THINK)
_TOOL_CALL_LENGTH, _END_TOOL_CALL_LENGTH = len(TOOL_CALL), len(END_TOOL_CALL)


class PlainAnswer(msgspec.Struct, frozen=True):
    """The completion reasons and then answers in words; it calls nothing."""


class Block(NamedTuple):
    """The completion reasons and then makes calls, which are not read yet."""

    body: str
    """What stands in the call block."""
    start: int
    """Its offset in the completion."""


class Calls(msgspec.Struct, frozen=True):
    """The completion reasons and then makes these calls; there may be none."""

    calls: list[ToolCall] = []
    root: str = "/{}"
    """The pattern of each call's JSON Pointer; a lone object stands at the root itself."""
    locate: Callable[[str], int] | None = None
    """From a JSON Pointer to its offset in the completion; None when the completion is no text."""

    def pointer(self, index: int) -> str:
        """The JSON Pointer of one call in what the completion holds."""
        return self.root.format(index)

    def located(self, finding: Finding) -> Finding:
        """A finding on these calls, its place completed with the offset."""
        return _located(finding, self.locate)


def parse(completion: CompletionText | AssistantMessage) -> PlainAnswer | Calls | Finding:
    """What a completion says, as text or as a message, or what is wrong with its form."""
    return parse_message(completion) if isinstance(completion, AssistantMessage) else parse_text(completion)


def parse_text(completion: CompletionText) -> PlainAnswer | Calls | Finding:
    """What a completion in the form ``<think>…</think><tool_call>…</tool_call>`` says, or what is wrong with it.

    Offsets are code points from the start of the completion, not counting its prefix.
    """
    form = read_form(completion)
    return read_body(*form) if isinstance(form, Block) else form


def read_form(completion: CompletionText) -> PlainAnswer | Block | Finding:
    """The stages before JSON: a plain answer, the call block of the completion, or what is wrong with its form."""
    text, start = strip_end_of_turn(completion.text)
    start -= completion.prefix_length
    if marker := _chat_marker(text, start):
        return marker
    end_of_reasoning = _end_of_reasoning(text, start)
    if isinstance(end_of_reasoning, Finding):
        return end_of_reasoning
    rest = text[end_of_reasoning:].lstrip(WHITESPACE)
    rest_start = start + len(text) - len(rest)
    if not rest.startswith(TOOL_CALL):
        return _plain_answer(rest, rest_start)
    if not rest.endswith(END_TOOL_CALL):
        return _unended_block(rest, rest_start)
    return Block(rest[len(TOOL_CALL) : -len(END_TOOL_CALL)], rest_start + len(TOOL_CALL))


def body_of_common_form(text: str) -> str | None:
    """What stands in the call block of a completion in perfect form, blanks around it not included; None where
    ``read_form`` has to look.

    For completions by the thousand: it works out no offsets, and leaves a "<" or a "|" of any other use to
    ``read_form``.
    """
    text = text.strip(WHITESPACE)
    if "|" in text:
        text, _ = strip_end_of_turn(text)
    end_of_reasoning = text.find("<", _REASONING)
    start = text.find("<", end_of_reasoning + 1)
    if (
        # With no "|" there is no chat marker, and with no "<" in the reasoning there is no tag in it.
        "|" in text
        or not text.startswith(THINK)
        or not text.startswith(END_THINK, end_of_reasoning)
        or not text.startswith(TOOL_CALL, start)
        or not text.endswith(END_TOOL_CALL)
        or text[end_of_reasoning:start].rstrip(WHITESPACE) != END_THINK
        or not text[_REASONING:end_of_reasoning].strip()
    ):
        return None
    return text[start + _TOOL_CALL_LENGTH : -_END_TOOL_CALL_LENGTH].strip(WHITESPACE)


def parse_message(message: AssistantMessage) -> PlainAnswer | Calls | Finding:
    """What an already parsed message says, under the same rules; pointers lead into the message."""
    texts = {
        "/reasoning_content": _without_end_of_turn(message.reasoning_content),
        "/content": _without_end_of_turn(message.content),
    }
    if fault := _message_form(texts, message.tool_calls):
        return fault
    if not message.tool_calls:
        return PlainAnswer()
    return read_message_calls(message.tool_calls)


def strip_end_of_turn(text: str) -> tuple[str, int]:
    """The text without outer whitespace and trailing end-of-turn tokens, and how far its start moved."""
    stripped = text.lstrip(WHITESPACE)
    start = len(text) - len(stripped)
    stripped = stripped.rstrip(WHITESPACE)
    # An index instead of repeated slices: a completion made of such tokens alone must not cost quadratic time.
    end = len(stripped)
    while stripped.endswith(END_OF_TURN, 0, end):
        token = next(token for token in END_OF_TURN if stripped.endswith(token, 0, end))
        end = _skip_whitespace_back(stripped, end - len(token))
    return stripped[:end], start


def _skip_whitespace_back(text: str, end: int) -> int:
    while end and text[end - 1] in WHITESPACE:
        end -= 1
    return end


def _without_end_of_turn(text: str | None) -> str:
    return strip_end_of_turn(text)[0] if text else ""


def finding_at(reason: Reason, offset: int) -> Finding:
    """A finding at an offset in the completion; what lies in its prefix is found at its start."""
    return Finding(reason, partial(Place, offset=max(offset, 0)))


def _chat_marker(text: str, start: int) -> Finding | None:
    # One character is sought several times faster than two.
    if "|" not in text or "<|" not in text:
        return None
    offsets = [text.find(marker) for marker in CHAT_MARKERS]
    found = [offset for offset in offsets if offset >= 0]
    return finding_at(Reason.SPECIAL_TOKEN_IN_COMPLETION, start + min(found)) if found else None


def _end_of_reasoning(text: str, start: int) -> int | Finding:
    """Where the think block ends in the text."""
    if not text.startswith(THINK):
        return finding_at(Reason.THINK_MISSING, start)
    end = text.find("<", len(THINK))
    if not text.startswith(END_THINK, end):
        # The reasoning holds a "<", of a tag or of something else.
        end = text.find(END_THINK, len(THINK))
        if end < 0:
            return finding_at(Reason.THINK_UNCLOSED, start)
        tag = _first_tag(text[len(THINK) : end])
        if tag >= 0:
            return finding_at(Reason.TAG_IN_THINK, start + len(THINK) + tag)
    if not text[len(THINK) : end].strip():
        return finding_at(Reason.THINK_EMPTY, start)
    return end + len(END_THINK)


def _first_tag(text: str) -> int:
    if "<" not in text:
        return -1
    return min((offset for tag in TAGS if (offset := text.find(tag)) >= 0), default=-1)


def _plain_answer(text: str, start: int) -> PlainAnswer | Finding:
    tag = _first_tag(text)
    if tag >= 0:
        return finding_at(Reason.TAG_IN_ANSWER, start + tag)
    if not text.strip():
        return finding_at(Reason.ANSWER_EMPTY, start)
    return PlainAnswer()


def _unended_block(rest: str, start: int) -> Finding:
    end = rest.rfind(END_TOOL_CALL)
    if end < 0:
        return finding_at(Reason.TOOL_CALL_UNCLOSED, start)
    return finding_at(Reason.TEXT_AFTER_CALLS, start + end + len(END_TOOL_CALL))


def read_body(body: str, start: int) -> Calls | Finding:
    """The calls that the inside of a call block holds; it begins at that offset in the completion."""
    try:
        found = _decode_calls(body)
    except DOUBTS:
        return _read_doubtful_body(body, start)
    if may_be_deeper(body, MAX_DEPTH) or not names_each_key_once(body, found):
        return _read_doubtful_body(body, start)

    def locate(pointer: str) -> int:
        return start + offset_of_value(body, pointer)

    return Calls(found, "/{}", locate) if isinstance(found, list) else Calls([found], "", locate)


def _read_doubtful_body(body: str, start: int) -> Calls | Finding:
    """The same by the stages one after the other, each with its reason."""
    try:
        value = loads_slowly(body)
    except JSONFault as fault:
        reason = fault.reason
        if reason is Reason.JSON_INVALID and END_TOOL_CALL in body and TOOL_CALL in body:
            reason = Reason.MULTIPLE_TOOL_CALL_BLOCKS
        return Finding(reason, partial(_fault_place, body, start, fault.reason, fault.position))
    calls = read_calls(value)

    def locate(pointer: str) -> int:
        return start + offset_of_value(body, pointer)

    return _located(calls, locate) if isinstance(calls, Finding) else Calls(calls.calls, calls.root, locate)


def _fault_place(body: str, start: int, reason: Reason, position: int | None) -> Place:
    return Place(offset=start + (offset_of_fault(body, reason) if position is None else position))


def _located(finding: Finding, locate: Callable[[str], int] | None) -> Finding:
    if locate is None or finding.place is None:
        return finding
    return Finding(finding.reason, partial(_with_offset, finding.place, locate))


def _with_offset(find_place: Callable[[], Place], locate: Callable[[str], int]) -> Place:
    place = find_place()
    return place if place.pointer is None else place._replace(offset=locate(place.pointer))


def read_calls(value: JSON) -> Calls | Finding:
    """The calls that a decoded payload holds: a list of ``{"name", "arguments"}`` objects, or one of them."""
    if isinstance(value, dict):
        payload, root = [value], ""
    elif isinstance(value, list):
        payload, root = value, "/{}"
    else:
        return Finding(Reason.NOT_CALLS, partial(_shape_place, "", "a list of calls or one call", value))
    calls = []
    for index, candidate in enumerate(payload):
        call = _read_call(candidate, root.format(index))
        if isinstance(call, Finding):
            return call
        calls.append(call)
    return Calls(calls, root)


def _shape_place(pointer: str, expected: str, got: JSON) -> Place:
    return Place(pointer=pointer, expected=expected, got=excerpt(got))


def _read_call(candidate: JSON, pointer: str) -> ToolCall | Finding:
    if not isinstance(candidate, dict):
        return Finding(Reason.CALL_NOT_OBJECT, partial(_shape_place, pointer, "an object", candidate))
    if not candidate.keys() >= {"name", "arguments"}:
        return Finding(Reason.CALL_KEY_MISSING, partial(_shape_place, pointer, "name and arguments", list(candidate)))
    if len(candidate) != 2:
        return Finding(
            Reason.CALL_KEY_UNEXPECTED,
            partial(_shape_place, pointer, "name and arguments only", list(candidate)),
        )
    name, arguments = candidate["name"], candidate["arguments"]
    if not isinstance(name, str):
        return Finding(Reason.NAME_NOT_STRING, partial(_shape_place, f"{pointer}/name", "a string", name))
    if not isinstance(arguments, dict):
        return Finding(
            Reason.ARGUMENTS_NOT_OBJECT, partial(_shape_place, f"{pointer}/arguments", "an object", arguments)
        )
    return ToolCall(name, arguments)


def _message_form(texts: dict[str, str], calls: Iterable[MessageCall]) -> Finding | None:
    """The form stage of a parsed message: reasoning, then either calls or words, and no markup in either."""
    for pointer, text in texts.items():
        if _chat_marker(text, 0):
            return Finding(Reason.SPECIAL_TOKEN_IN_COMPLETION, partial(Place, pointer=pointer))
    if not texts["/reasoning_content"].strip():
        return Finding(Reason.THINK_EMPTY, partial(Place, pointer="/reasoning_content"))
    if _first_tag(texts["/reasoning_content"]) >= 0:
        return Finding(Reason.TAG_IN_THINK, partial(Place, pointer="/reasoning_content"))
    return _message_answer(texts["/content"], has_calls=bool(calls))


def _message_answer(content: str, *, has_calls: bool) -> Finding | None:
    place = partial(Place, pointer="/content")
    if has_calls:
        return Finding(Reason.TEXT_BESIDE_CALLS, place) if content.strip() else None
    if _first_tag(content) >= 0:
        return Finding(Reason.TAG_IN_ANSWER, place)
    return None if content.strip() else Finding(Reason.ANSWER_EMPTY, place)


def read_message_calls(message_calls: tuple[MessageCall, ...]) -> Calls | Finding:
    """The calls of an already parsed message."""
    root = "/tool_calls/{}/function"
    calls = []
    for index, message_call in enumerate(message_calls):
        pointer = f"{root.format(index)}/arguments"
        try:
            arguments = loads(message_call.arguments)
        except JSONFault as fault:
            return Finding(fault.reason, partial(Place, pointer=pointer))
        if not isinstance(arguments, dict):
            return Finding(Reason.ARGUMENTS_NOT_OBJECT, partial(_shape_place, pointer, "an object", arguments))
        calls.append(ToolCall(message_call.name, arguments))
    return Calls(calls, root)


_decode_calls = msgspec.json.Decoder(list[ToolCall] | ToolCall).decode

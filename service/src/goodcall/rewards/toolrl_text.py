"""The tagged text that ToolRL works with: its layouts, and the calls in it, one a line.

As its scorer reads it (see ``toolrl``): the first block of a text counts, ended by the next tag of either kind; JSON is
what Python's decoder takes, NaN and repeated keys included.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from goodcall.dialects.toolrl import END_RESPONSE, RESPONSE
from goodcall.excerpts import excerpt, writable
from goodcall.json_positions import offset_of_fault, offset_of_value
from goodcall.parsing import END_THINK, END_TOOL_CALL, THINK, TOOL_CALL, finding_at
from goodcall.reasons import Reason
from goodcall.rewards.tool_n1_released import LLAMA_MARKER, QWEN_MARKER
from goodcall.strict_json import MAX_DEPTH, JSONFault, refuse_deeper
from goodcall.types import JSON, CompletionText, Finding, Place

END_OF_TURN = ("<|im_end|>", "<|eot_id|>")

Call: TypeAlias = dict[str, JSON]
"""A call as it stands, with whatever keys it has."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The form that a whole completion must have."""

    pieces: tuple[str, ...]
    """Literal texts in their order, anything between two of them, nothing before the first or after the last."""
    once: tuple[str, ...]
    """Tags that must occur exactly once in the completion."""


THINK_ONLY = Layout((THINK, END_THINK), ())
THINK_RESPOND = Layout((THINK, f"{END_THINK}\n{RESPONSE}", END_RESPONSE), (RESPONSE, END_RESPONSE))
THINK_CALL = Layout(
    (THINK, f"{END_THINK}\n{TOOL_CALL}\n", f"\n{END_TOOL_CALL}"),
    (TOOL_CALL, END_TOOL_CALL),
)
THINK_CALL_RESPOND = Layout(
    (THINK, f"{END_THINK}\n{TOOL_CALL}\n", f"\n{END_TOOL_CALL}\n{RESPONSE}", END_RESPONSE),
    (TOOL_CALL, END_TOOL_CALL, RESPONSE, END_RESPONSE),
)


class UnreadableCalls(ValueError):
    """The calls can't be read, or not by this variant; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.reason.hint)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class CallLines:
    """The inside of the first call block of a text: one call a line."""

    lines: list[str]
    start: int
    """Code points before the first line."""

    @classmethod
    def of(cls, text: str, start: int = 0) -> "CallLines":
        """The lines from the first opening tag to the next tag of either kind, or to the end."""
        begin = text.find(TOOL_CALL) + len(TOOL_CALL)
        ends = [end for tag in (TOOL_CALL, END_TOOL_CALL) if (end := text.find(tag, begin)) >= 0]
        inside = text[begin : min(ends, default=len(text))]
        block = inside.lstrip()
        return cls(block.rstrip().split("\n"), start + begin + len(inside) - len(block))

    def read(self) -> list[Call]:
        """The calls as they stand.

        Raises:
            UnreadableCalls: a line is no JSON object with a name.
        """
        return [self._read_line(index, line) for index, line in enumerate(self.lines)]

    def locate(self, pointer: str) -> int:
        """From a JSON Pointer to its offset in the completion."""
        index, slash, rest = pointer.removeprefix("/").partition("/")
        return self._line_start(int(index)) + offset_of_value(self.lines[int(index)], slash + rest)

    def _line_start(self, index: int) -> int:
        return self.start + sum(len(line) + 1 for line in self.lines[:index])

    def _read_line(self, index: int, line: str) -> Call:
        try:
            call = _load(line)
        except JSONFault as fault:
            place = partial(self._fault_place, index, fault.reason, fault.position)
            raise UnreadableCalls(Finding(fault.reason, place)) from None
        if not isinstance(call, dict):
            raise unreadable(Reason.CALL_NOT_OBJECT, f"/{index}", "an object", call)
        if "name" not in call:
            raise unreadable(Reason.CALL_KEY_MISSING, f"/{index}", "name and parameters", list(call))
        return call

    def _fault_place(self, index: int, reason: Reason, position: int | None) -> Place:
        if position is None:
            position = offset_of_fault(self.lines[index], reason)
        return Place(offset=max(self._line_start(index) + position, 0))


def _load(text: str) -> JSON:
    """JSON as Python's decoder reads it, NaN and repeated keys included, but nested no deeper than elsewhere here."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise JSONFault(Reason.JSON_INVALID, error.pos) from None
    except RecursionError:
        raise JSONFault(Reason.JSON_TOO_DEEP) from None
    except ValueError:
        raise JSONFault(Reason.JSON_NUMBER_TOO_LONG) from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        refuse_deeper(value)
    return value


def unreadable(reason: Reason, pointer: str, expected: str, got: JSON) -> UnreadableCalls:
    """The exception for calls that are not what was expected at the pointer."""
    return UnreadableCalls(Finding(reason, lambda: Place(pointer=pointer, expected=expected, got=excerpt(got))))


def last_turn(completion: CompletionText) -> tuple[str, int]:
    """What stands after the last assistant marker and before the end of that turn, and its offset."""
    text = completion.text
    start = max((at + len(mark) for mark in (QWEN_MARKER, LLAMA_MARKER) if (at := text.rfind(mark)) >= 0), default=0)
    end = min((at for token in END_OF_TURN if (at := text.find(token, start)) >= 0), default=len(text))
    turn = text[start:end]
    stripped = turn.lstrip()
    return stripped.rstrip(), start + len(turn) - len(stripped) - completion.prefix_length


def layout_fault(text: str, start: int, layout: Layout) -> Finding | None:
    """What keeps a text from having a layout; it starts that far into the completion."""
    if not text.startswith(THINK):
        return finding_at(Reason.THINK_MISSING, start)
    if text.find(END_THINK, len(THINK)) < 0:
        return finding_at(Reason.THINK_UNCLOSED, start)
    for tag in layout.once:
        first = text.find(tag)
        if first < 0:
            return Finding(Reason.NO_TOOL_CALL_BLOCK if tag in (TOOL_CALL, END_TOOL_CALL) else Reason.RESPONSE_MISSING)
        second = text.find(tag, first + len(tag))
        if second >= 0:
            return finding_at(Reason.TAG_REPEATED, start + second)
    departure = _departure(text, layout.pieces)
    return None if departure is None else finding_at(Reason.LAYOUT_WRONG, start + departure)


def _departure(text: str, pieces: tuple[str, ...]) -> int | None:
    """Where a text that begins with the first piece stops to follow the others, if it does.

    Taking each piece where it first occurs leaves the most room for the rest, so that no other way need be tried.
    """
    position, end = len(pieces[0]), len(text) - len(pieces[-1])
    for piece in pieces[1:-1]:
        found = text.find(piece, position)
        if found < 0:
            return position
        position = found + len(piece)
    return None if position <= end and text.endswith(pieces[-1]) else position


def as_written(finding: Finding, lines: CallLines) -> Finding:
    """A finding on the calls with its place as the completion has it: parameters, and at an offset."""
    return (
        finding if finding.place is None else Finding(finding.reason, partial(_place_as_written, finding.place, lines))
    )


def _place_as_written(find_place: Callable[[], Place], lines: CallLines) -> Place:
    place = find_place()
    if place.pointer is None:
        return place
    index, _, rest = place.pointer.removeprefix("/").partition("/")
    key, slash, inner = rest.partition("/")
    words = {"arguments": "parameters"}
    pointer = f"/{index}/{words.get(key, key)}{slash}{inner}" if rest else place.pointer
    return Place(
        pointer=writable(pointer),
        offset=max(lines.locate(pointer), 0),
        expected=place.expected and writable(place.expected),
        got=place.got and writable(place.got),
    )

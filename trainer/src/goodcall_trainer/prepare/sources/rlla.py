"""ToolRL's rows (rlla_4k), in the layout for supervised training (`instruction`, `input`, `output`) and in verl's.

The instruction numbers its tools in prose; the input is a transcript in tags; the answer is tagged text with one call
a line. An answer that only responds wants no call. The thoughts in a transcript are placeholders and are left out.
"""

import re
from collections.abc import Iterator
from typing import Any

from goodcall_trainer.prepare.calls import load, read_call, text_in
from goodcall_trainer.prepare.dialogue import calling_message
from goodcall_trainer.prepare.found import AnswerInWords, Found, Reason, Unreadable
from goodcall_trainer.prepare.sources.hermes import CALL, END_CALL, split_blocks
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Message, Row, Tool, ToolCall

_TOOL = re.compile(
    r"^(?P<number>[0-9]+)\. Name: ?(?P<name>.*)\nDescription:(?P<description>(?:.*\n)*?)Parameters:(?P<parameters>.*)$",
    re.MULTILINE,
)
_HEAD = re.compile(r"^[0-9]+\. Name:", re.MULTILINE)
_SPAN = re.compile(r"<(user|think|tool_call|obs|response)>(.*?)</\1>", re.DOTALL)
_RESPONSE, _END_RESPONSE = "<response>", "</response>"
_THINK, _END_THINK = "<think>", "</think>"


def read(record: Any, record_id: str) -> Iterator[Found]:
    """The one row of a record.

    Raises:
        Unreadable: the record is no row of ToolRL's.
    """
    instruction, transcript, answer = _texts(record)
    row = Row(
        id=record_id,
        source="rlla",
        messages=read_transcript(transcript),
        tools=_tools_in(instruction),
        ground_truth=_calls_in(answer.partition(_END_THINK)[2] if _THINK in answer else answer),
    )
    if not row.ground_truth and not (_RESPONSE in answer and _END_RESPONSE in answer):
        raise Unreadable(Reason.GROUND_TRUTH_MISSING)
    yield row if row.ground_truth else AnswerInWords(row=row)


def _texts(record: Any) -> tuple[str, str, str]:
    """Instruction, transcript and answer."""
    if isinstance(record, dict) and isinstance(record.get("prompt"), list):
        contents = {
            message.get("role"): message.get("content") for message in record["prompt"] if isinstance(message, dict)
        }
        return (
            text_in(contents, "system"),
            text_in(contents, "user"),
            text_in(record.get("reward_model"), "ground_truth"),
        )
    return text_in(record, "instruction"), text_in(record, "input"), text_in(record, "output")


def _tools_in(instruction: str) -> tuple[Tool, ...]:
    found = list(_TOOL.finditer(instruction))
    # A tool that nobody read would make its calls look wrong.
    if not found or len(found) != len(_HEAD.findall(instruction)):
        raise Unreadable(Reason.TOOLS_UNREADABLE, "no list of tools in the instruction")
    definitions = [
        {
            "name": tool["name"],
            "description": tool["description"].strip(),
            "parameters": load(tool["parameters"], Reason.TOOLS_UNREADABLE),
        }
        for tool in found
    ]
    return read_tools(definitions)


def read_transcript(transcript: str) -> tuple[Message, ...]:
    """The messages of a dialogue in tags.

    Raises:
        Unreadable: no user says anything in it, or a call can't be read.
    """
    messages: list[Message] = []
    for span in _SPAN.finditer(transcript):
        kind, text = span[1], span[2].strip()
        if kind == "tool_call":
            messages.append(calling_message(_lines(text)))
        elif kind != "think":
            messages.append({"role": _ROLES[kind], "content": text})
    if not messages or not any(message["role"] == "user" for message in messages):
        raise Unreadable(Reason.RECORD_UNREADABLE, "no user in the transcript")
    return tuple(messages)


_ROLES = {"user": "user", "obs": "tool", "response": "assistant"}


def _calls_in(answer: str) -> tuple[ToolCall, ...]:
    blocks, _ = split_blocks(answer, CALL, END_CALL)
    if len(blocks) > 1:
        raise Unreadable(Reason.CALLS_UNREADABLE, "several blocks of calls")
    return tuple(call for block in blocks for call in _lines(block))


def _lines(block: str) -> Iterator[ToolCall]:
    for line in block.splitlines():
        if line.strip():
            yield read_call(load(line, Reason.CALLS_UNREADABLE), arguments_key="parameters")

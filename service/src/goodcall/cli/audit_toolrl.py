"""Rows of ToolRL's dataset as rows of tools and ground_truth, which they keep in texts.

Two layouts are known: ``instruction`` and ``output``, as for supervised training, and verl's ``prompt`` of messages
and ``reward_model.ground_truth``. How the texts are written is not known here.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from goodcall.cli.audit_findings import AuditFinding, Kind, found
from goodcall.dialects.fault import DialectFault, MalformedTools
from goodcall.dialects.toolrl import RESPONSE, numbers_tools, read_toolrl_answer, read_toolrl_prompt
from goodcall.excerpts import excerpt
from goodcall.parsing import TOOL_CALL
from goodcall.types import JSON

TOOLRL_FIELDS = frozenset(("instruction", "output", "prompt", "reward_model"))

_ANSWER = f"{TOOL_CALL} with one call a line, or {RESPONSE}"


class ToolRLRow(NamedTuple):
    """The texts of a row, each with its JSON Pointer."""

    prompt_pointer: str
    prompt: str
    answer_pointer: str
    answer: str


def find_toolrl_row(fields: dict[str, bytes]) -> ToolRLRow | None:
    """The texts of a row that is ToolRL's: its prompt numbers tools, or its answer is tagged as there.

    A row with tools or a ground truth of its own is none.
    """
    if fields.keys() & {"tools", "ground_truth"}:
        return None
    row = _instruction_row(fields) or _verl_row(fields)
    if row and (TOOL_CALL in row.answer or RESPONSE in row.answer or numbers_tools(row.prompt)):
        return row
    return None


def read_toolrl_row(row: ToolRLRow) -> tuple[dict[str, bytes], list[AuditFinding]]:
    """The fields ``tools`` and ``ground_truth`` of a row, and why any of them could not be read.

    What could not be read is the text itself.
    """
    findings = []
    tools: JSON = row.prompt
    ground_truth: JSON = row.answer
    try:
        tools = read_toolrl_prompt(row.prompt)
    except MalformedTools as fault:
        got = _words_at(row.prompt, fault.position)
        findings.append(found(Kind.TOOLS_MALFORMED, pointer=row.prompt_pointer, expected=fault.expected, got=got))
    try:
        ground_truth = [{"name": call.name, "arguments": call.arguments} for call in read_toolrl_answer(row.answer)]
    except DialectFault as fault:
        place = f"at {fault.pointer}" if fault.pointer else _words_at(row.answer, fault.position)
        got = f"{place}: {fault}"
        findings.append(found(Kind.GROUND_TRUTH_MALFORMED, pointer=row.answer_pointer, expected=_ANSWER, got=got))
    return {"tools": json.dumps(tools).encode(), "ground_truth": json.dumps(ground_truth).encode()}, findings


def _words_at(text: str, position: int | None) -> str:
    """The rest of the line at a position, and the number of that line."""
    position = position or 0
    line = text.count("\n", 0, position) + 1
    words, _, _ = text[position:].partition("\n")
    return f"{excerpt(words)} in line {line}"


def _instruction_row(fields: dict[str, bytes]) -> ToolRLRow | None:
    prompt, answer = _value(fields, "instruction"), _value(fields, "output")
    if not isinstance(prompt, str) or not isinstance(answer, str):
        return None
    return ToolRLRow("/instruction", prompt, "/output", answer)


def _verl_row(fields: dict[str, bytes]) -> ToolRLRow | None:
    messages, reward_model = _value(fields, "prompt"), _value(fields, "reward_model")
    answer = reward_model.get("ground_truth") if isinstance(reward_model, dict) else None
    if not isinstance(messages, list) or not isinstance(answer, str):
        return None
    pointer, prompt = next(_system_prompts(messages), ("/prompt", ""))
    return ToolRLRow(pointer, prompt, "/reward_model/ground_truth", answer)


def _system_prompts(messages: list[JSON]) -> Iterator[tuple[str, str]]:
    for index, message in enumerate(messages):
        if isinstance(message, dict) and message.get("role") == "system" and isinstance(message.get("content"), str):
            yield f"/prompt/{index}/content", message["content"]


def _value(fields: dict[str, bytes], name: str) -> JSON:
    """The value of a field; None where it is missing or nests too deep for anything that is looked for."""
    try:
        return json.loads(fields.get(name, b"null"))
    except (ValueError, RecursionError):
        return None

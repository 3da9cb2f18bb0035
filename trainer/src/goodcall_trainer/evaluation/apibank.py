"""API-Bank, levels 1 to 3, in the form in which ToolRL publishes it: a dialogue, and its next call.

Source: qiancheng0/ToolRL 8cee13e, `benchmarks/API-Bank`. A question lists its tools in prose and tells its dialogue in
tags; both become a row, so that any prompt can show them. The published instruction, which asks for calls in ToolRL's
own layout, is left out.
"""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from goodcall_trainer.evaluation.questions import Benchmark, BenchmarkUnusable, Question, question_files
from goodcall_trainer.prepare.calls import read_calls, text_in
from goodcall_trainer.prepare.found import Reason, Unreadable
from goodcall_trainer.prepare.records import BadLine, SourceUnusable, read_records
from goodcall_trainer.prepare.sources.rlla import read_transcript
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Row, Tool

NAME = "apibank"
SOFT, HARD = "apibank/soft@1", "apibank/hard@1"
CATEGORIES = ("level_1", "level_2", "level_3")

_LEVEL = re.compile(r"level-([123])\b")
_HEAD = re.compile(r"^[0-9]+\. ", re.MULTILINE)
_TOOLS = re.compile(r"\*\*Available Tools\*\*(?P<tools>.*?)^\*\*Steps", re.DOTALL | re.MULTILINE)
_TOOL = re.compile(
    r"(?:Name: ?(?P<name>.*)\nDescription: ?|(?P<bare_name>[^:\n]+): ?)(?P<description>.*?)"
    r"\nParameters: ?(?P<parameters>.*)",
    re.DOTALL,
)


def read_apibank(place: str, categories: Collection[str] = CATEGORIES) -> Benchmark:
    """The questions of these levels in a folder as it is published, or in one of its files.

    Raises:
        BenchmarkUnusable: there are none, or one of them can't be asked or judged.
    """
    questions: list[Question] = []
    left_out: dict[str, int] = {}
    try:
        for path in question_files(place):
            category = _category(path)
            found = list(_questions(path, category))
            if category in categories:
                questions += found
            else:
                left_out[category] = len(found)
    except SourceUnusable as error:
        raise BenchmarkUnusable(f"API-Bank: {error}") from None
    if not questions:
        raise BenchmarkUnusable(f"no dialogue of API-Bank's {', '.join(sorted(categories))} in {place}")
    return Benchmark(name=NAME, questions=tuple(questions), left_out=left_out)


def _category(path: Path) -> str:
    level = _LEVEL.search(path.name)
    if level is None:
        raise BenchmarkUnusable(f"{path} is no file of API-Bank: its name has no level-1, level-2 or level-3")
    return f"level_{level[1]}"


def _questions(path: Path, category: str) -> Iterator[Question]:
    for number, record in enumerate(read_records(str(path))):
        try:
            yield _question(record, category, f"{category}_{number}")
        except Unreadable as fault:
            raise BenchmarkUnusable(f"dialogue {number} in {path} can't be asked: {fault}") from None


def _question(record: Any, category: str, id_: str) -> Question:
    if isinstance(record, BadLine):
        raise Unreadable(Reason.RECORD_UNREADABLE, record.fault)
    row = Row(
        id=id_,
        source=NAME,
        messages=read_transcript(text_in(record, "user")),
        tools=_tools_in(text_in(record, "system")),
        ground_truth=(),
    )
    expected = read_calls(record.get("answer"), arguments_key="parameters")
    if not expected:
        raise Unreadable(Reason.GROUND_TRUTH_MISSING)
    return Question(benchmark=NAME, category=category, row=row, tools=None, ground_truth=list(expected))


def _tools_in(instruction: str) -> tuple[Tool, ...]:
    """The tools that an instruction numbers, in either of the two ways in which the levels do."""
    section = _TOOLS.search(instruction)
    entries = _HEAD.split(section["tools"])[1:] if section else []
    if not entries:
        raise Unreadable(Reason.TOOLS_UNREADABLE, "no list of tools in the instruction")
    return read_tools([_definition(entry.strip()) for entry in entries])


def _definition(entry: str) -> dict[str, Any]:
    tool = _TOOL.fullmatch(entry)
    if tool is None:
        raise Unreadable(Reason.TOOLS_UNREADABLE, "a tool is not described by name, description and parameters")
    try:
        parameters = ast.literal_eval(tool["parameters"])
    except (ValueError, SyntaxError, RecursionError):
        raise Unreadable(Reason.TOOLS_UNREADABLE, "parameters are no literal") from None
    name = (tool["name"] or tool["bare_name"]).strip()
    return {"name": name, "description": tool["description"].strip(), "parameters": parameters}

"""The single-turn questions of the Berkeley leaderboard (BFCL), and how its averages are taken.

Source: ShishirPatil/gorilla 6ea5797 (version 4). `bfcl/ast@4` judges Python's categories, so those of Java and
JavaScript, whose arguments are source code of those languages, are not asked. Neither are multi-turn and agentic ones,
which need the leaderboard's environments.
"""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from goodcall_trainer.evaluation.questions import Benchmark, BenchmarkUnusable, Question
from goodcall_trainer.prepare.found import Unreadable
from goodcall_trainer.prepare.records import BadLine, SourceUnusable
from goodcall_trainer.prepare.sources import bfcl
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Row

NAME = "bfcl"
REWARD = "bfcl/ast@4"

NON_LIVE = ("simple_python", "multiple", "parallel", "parallel_multiple")
LIVE = ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple")
DECISIONS = ("irrelevance", "live_irrelevance", "live_relevance")
CATEGORIES = (*NON_LIVE, *LIVE, *DECISIONS)

_CALLS_EXPECTED = frozenset((*NON_LIVE, *LIVE))
_CATEGORY = re.compile(r"(?P<category>[a-z_]+?)_[0-9]")
_OLDER_NAMES: Mapping[str, str] = MappingProxyType(
    {"simple": "simple_python", "java": "simple_java", "javascript": "simple_javascript"}
)
"""What version 3, which the paper was measured on, calls its categories."""


def read_bfcl(place: str, categories: Collection[str] = CATEGORIES) -> Benchmark:
    """The questions of these categories in a folder as it is published, or in one of its files.

    Raises:
        BenchmarkUnusable: there are none, or one of them can't be asked or judged.
    """
    questions: dict[str, Question] = {}
    left_out: dict[str, int] = {}
    try:
        for record in bfcl.records_with_answers(place):
            if isinstance(record, BadLine):
                raise BenchmarkUnusable(f"a line in {place} is no question of BFCL: {record.fault}")
            category = _category(record, place)
            if category not in categories:
                left_out[category] = left_out.get(category, 0) + 1
                continue
            question = _question(record, category)
            if question.id in questions:
                raise BenchmarkUnusable(f"{place} has two questions {question.id}")
            questions[question.id] = question
    except SourceUnusable as error:
        raise BenchmarkUnusable(f"BFCL: {error}") from None
    if not questions:
        raise BenchmarkUnusable(f"no question of BFCL's {', '.join(sorted(categories))} in {place}")
    return Benchmark(name=NAME, questions=tuple(questions.values()), left_out=left_out)


def _category(record: Any, place: str) -> str:
    """The category of a record, which is in its id."""
    found = _CATEGORY.match(str(record.get("id"))) if isinstance(record, dict) else None
    if found is None:
        raise BenchmarkUnusable(f"a record in {place} is no question of BFCL: its id names no category")
    return _OLDER_NAMES.get(found["category"], found["category"])


def _question(record: dict[str, Any], category: str) -> Question:
    expected = record.get("ground_truth") if category in _CALLS_EXPECTED else None
    if category in _CALLS_EXPECTED and expected is None:
        raise BenchmarkUnusable(
            f"BFCL's {record['id']} has no answer; the file of the same name in {bfcl.ANSWERS_FOLDER}/ beside it "
            "should have it"
        )
    try:
        row = Row(
            id=record["id"],
            source=NAME,
            messages=tuple(bfcl.questions(record)),
            tools=read_tools(record.get("function")),
            ground_truth=(),
        )
    except Unreadable as fault:
        raise BenchmarkUnusable(f"BFCL's {record['id']} can't be asked: {fault}") from None
    return Question(benchmark=NAME, category=category, row=row, tools=record["function"], ground_truth=expected)

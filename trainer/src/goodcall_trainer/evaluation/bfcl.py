"""The single-turn questions of the Berkeley leaderboard (BFCL), and how its averages are taken.

Source: ShishirPatil/gorilla 6ea5797 (version 4). `bfcl/ast@4` judges Python's categories, so those of Java and
JavaScript, whose arguments are source code of those languages, are not asked. Neither are multi-turn and agentic ones,
which need the leaderboard's environments.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from goodcall_trainer.evaluation.questions import Benchmark, BenchmarkUnusable, Question, question_files
from goodcall_trainer.prepare.found import Unreadable
from goodcall_trainer.prepare.records import BadLine, SourceUnusable, read_records
from goodcall_trainer.prepare.sources import bfcl
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Row

NAME = "bfcl"
REWARD = "bfcl/ast@4"

NON_LIVE = ("simple_python", "multiple", "parallel", "parallel_multiple")
LIVE = ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple")
DECISIONS = ("irrelevance", "live_irrelevance", "live_relevance")
CATEGORIES = (*NON_LIVE, *LIVE, *DECISIONS)

NOT_JUDGED = ("simple_java", "simple_javascript")
_SINGLE_TURN = frozenset((*CATEGORIES, *NOT_JUDGED))
_CALLS_EXPECTED = frozenset((*NON_LIVE, *LIVE))
_CATEGORY = re.compile(r"(?P<category>[a-z_]+?)_[0-9]")
_PUBLISHED_FILE = re.compile(r"BFCL_v[0-9]+_(?P<category>[a-z_]+)\.json")
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
    left_out: Counter[str] = Counter()
    try:
        for path in question_files(place):
            if (other := _of_another_kind(path)) is not None:
                left_out[other] += sum(isinstance(record, dict) for record in read_records(str(path)))
            else:
                _read_file(path, categories, questions, left_out)
    except SourceUnusable as error:
        raise BenchmarkUnusable(f"BFCL: {error}") from None
    if not questions:
        raise BenchmarkUnusable(f"no question of BFCL's {', '.join(sorted(categories))} in {place}")
    return Benchmark(name=NAME, questions=tuple(questions.values()), left_out=dict(+left_out))


def _of_another_kind(path: Path) -> str | None:
    """The category that a file has in its published name, unless it is of single turns.

    Multi-turn questions have other records, and the file of those that format sensitivity is measured on has none.
    """
    named = _PUBLISHED_FILE.match(path.name)
    category = _OLDER_NAMES.get(named["category"], named["category"]) if named else None
    return None if category in _SINGLE_TURN else category


def _read_file(path: Path, categories: Collection[str], questions: dict[str, Question], left_out: Counter[str]) -> None:
    """Adds the questions of a file by their ids, and the numbers of those that are not wanted."""
    for record in bfcl.records_with_answers(str(path)):
        if isinstance(record, BadLine):
            raise BenchmarkUnusable(f"a line in {path} is no question of BFCL: {record.fault}")
        category = _category(record, path)
        if category not in categories:
            left_out[category] += 1
            continue
        question = _question(record, category)
        if question.id in questions:
            raise BenchmarkUnusable(f"{path} has a second question {question.id}")
        questions[question.id] = question


def _category(record: Any, path: Path) -> str:
    """The category of a record, which is in its id."""
    found = _CATEGORY.match(str(record.get("id"))) if isinstance(record, dict) else None
    if found is None:
        raise BenchmarkUnusable(f"a record in {path} is no question of BFCL: its id names no category")
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

"""What a benchmark asks: the conversation and tools that a policy is shown, and what its answer is judged by."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goodcall_trainer.prepare.records import data_files
from goodcall_trainer.row import Row

_SUFFIXES = frozenset({".json", ".jsonl", ".gz", ".parquet"})


class BenchmarkUnusable(Exception):
    """A benchmark's files are missing, damaged, or not what they should be; says which and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, asked once and answered once."""

    benchmark: str
    category: str
    row: Row
    """What the policy is shown. Its id names the question; its ground truth is empty and stands for nothing."""
    tools: Sequence[Mapping[str, Any]] | None
    """The tools as the reward takes them; None where it looks at none."""
    ground_truth: Any
    """What is right, as the reward takes it."""

    @property
    def id(self) -> str:
        """Its name, which no other question of the benchmark has."""
        return self.row.id

    @property
    def key(self) -> str:
        """Its name among all benchmarks."""
        return f"{self.benchmark}/{self.id}"

    def digest(self) -> str:
        """The hash of all that is asked and expected: a question that was edited is another one."""
        parts = [self.category, self.row.messages, self.row.tools, self.tools, self.ground_truth]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The questions of the chosen categories, in the order of the files."""

    name: str
    questions: tuple[Question, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many questions each category has that was not chosen, or can't be."""

    def sizes(self) -> dict[str, int]:
        """How many questions each chosen category has."""
        sizes: dict[str, int] = {}
        for question in self.questions:
            sizes[question.category] = sizes.get(question.category, 0) + 1
        return sizes

    def first(self, limit: int | None) -> list[Question]:
        """The first so many questions of each category; None takes all."""
        taken: dict[str, int] = {}
        chosen = []
        for question in self.questions:
            taken[question.category] = taken.get(question.category, 0) + 1
            if limit is None or taken[question.category] <= limit:
                chosen.append(question)
        return chosen


def question_files(place: str) -> list[Path]:
    """The file at a place, or the files of the folder there that may hold questions; what explains them does not.

    Raises:
        SourceUnusable: there is none.
    """
    files = data_files(place)
    return [path for path in files if path.suffix in _SUFFIXES] if Path(place).is_dir() else files

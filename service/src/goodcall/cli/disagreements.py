"""Where two rewards score the same completions differently, counted and listed."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import msgspec

from goodcall.bulk.judging import JudgedItem
from goodcall.types import Verdict


class Given(NamedTuple):
    """What one reward gave."""

    score: float | None
    reason: str


Pair: TypeAlias = tuple[Given, Given]
"""What the first reward gave and what the second did."""


class GivenBody(msgspec.Struct):
    """What one reward gave, as JSON."""

    score: float | None
    reason: str


class Disagreement(msgspec.Struct):
    """One completion that the two rewards score differently; a line of ``goodcall diff -o``."""

    id: str | None
    line: int
    completion: int
    a: GivenBody
    b: GivenBody


@dataclass(slots=True)
class Comparison:
    """The verdicts of two rewards on the same completions."""

    completions: int = 0
    kinds: Counter[Pair] = field(default_factory=Counter)
    """How often each pair of verdicts with different scores was given."""

    def count(self, judged: JudgedItem) -> list[Disagreement]:
        """Takes the verdicts on one item in, and gives those that differ in score."""
        found = []
        for index, verdicts in enumerate(zip(*judged.verdicts, strict=True)):
            self.completions += 1
            a, b = map(_given, verdicts)
            if a.score != b.score:
                self.kinds[a, b] += 1
                found.append(
                    Disagreement(judged.item.id, judged.number, index, GivenBody(*a), GivenBody(*b)),
                )
        return found

    def add(self, other: "Comparison") -> None:
        """Takes another comparison in."""
        self.completions += other.completions
        self.kinds += other.kinds

    @property
    def disagreements(self) -> int:
        """Completions that the two score differently."""
        return self.kinds.total()

    @property
    def share(self) -> float:
        """Of disagreements among all completions; 0 when there are none."""
        return self.disagreements / self.completions if self.completions else 0.0

    @property
    def only_a_pays(self) -> int:
        """Completions that the first reward pays and the second does not."""
        return sum(count for (a, b), count in self.kinds.items() if only_a_pays(a, b))

    def most_frequent_first(self) -> list[tuple[Pair, int]]:
        """The pairs of verdicts and how often each was given."""
        return sorted(self.kinds.items(), key=lambda kind: (-kind[1], str(kind[0])))

    def as_json(self) -> dict[str, Any]:
        """The counts as one JSON object."""
        return {
            "completions": self.completions,
            "disagreements": self.disagreements,
            "share": self.share,
            "only_a_pays": self.only_a_pays,
            "kinds": [
                {"a": a._asdict(), "b": b._asdict(), "count": count, "only_a_pays": only_a_pays(a, b)}
                for (a, b), count in self.most_frequent_first()
            ],
        }


def _given(verdict: Verdict) -> Given:
    return Given(verdict.score, verdict.reason.value)


def only_a_pays(a: Given, b: Given) -> bool:
    """Whether the first reward gives more than nothing and the second nothing or less; where one is null, no."""
    return a.score is not None and b.score is not None and a.score > 0 >= b.score

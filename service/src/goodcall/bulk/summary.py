"""Verdicts counted by reason."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from goodcall.reasons import Reason
from goodcall.rewards import Reward
from goodcall.types import Verdict


@dataclass(slots=True)
class Tally:
    """Verdicts of one kind, counted."""

    count: int = 0
    nulls: int = 0
    total: float = 0.0
    """All scores together."""

    def add(self, other: "Tally") -> None:
        """Takes another tally in."""
        self.count += other.count
        self.nulls += other.nulls
        self.total += other.total

    @property
    def mean_score(self) -> float | None:
        """Over the completions that have a score; None when none has."""
        scored = self.count - self.nulls
        return self.total / scored if scored else None


@dataclass(slots=True)
class Summary:
    """The verdicts of many items, by reason."""

    items: int = 0
    reasons: dict[Reason, Tally] = field(default_factory=dict)

    def count(self, verdicts: Iterable[Verdict]) -> None:
        """Takes the verdicts on one item in."""
        self.items += 1
        for verdict in verdicts:
            score = verdict.score
            one = Tally(1, 1) if score is None else Tally(1, 0, score)
            self.reasons.setdefault(verdict.reason, Tally()).add(one)

    def add(self, other: "Summary") -> None:
        """Takes another summary in."""
        self.items += other.items
        for reason, tally in other.reasons.items():
            self.reasons.setdefault(reason, Tally()).add(tally)

    @property
    def all(self) -> Tally:
        """Every verdict, whatever its reason."""
        tally = Tally()
        for reason in self.most_frequent_first():
            tally.add(self.reasons[reason])
        return tally

    def most_frequent_first(self) -> list[Reason]:
        """The reasons that there were, those of equal count by name."""
        return sorted(self.reasons, key=lambda reason: (-self.reasons[reason].count, reason))

    def as_json(self, reward: Reward[Any]) -> dict[str, Any]:
        """The summary as one JSON object."""
        everything = self.all
        return {
            "reward": reward.id,
            "digest": reward.digest,
            "items": self.items,
            "completions": everything.count,
            "nulls": everything.nulls,
            "mean_score": everything.mean_score,
            "reasons": [
                {
                    "reason": reason.value,
                    "count": tally.count,
                    "share": tally.count / everything.count,
                    "mean_score": tally.mean_score,
                    "nulls": tally.nulls,
                }
                for reason in self.most_frequent_first()
                for tally in [self.reasons[reason]]
            ],
        }

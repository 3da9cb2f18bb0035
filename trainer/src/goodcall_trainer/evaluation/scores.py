"""Accuracies with their standard errors: of a category, and of averages over categories in either way.

A question without a verdict is in no accuracy; it is counted apart. An average that lacks one of its categories has no
value, since it would be another average. Standard errors are those of drawing the questions: they say how far a score
would move on as many questions of the same kind, and nothing of other prompts or other seeds.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share from 0 to 1."""

    value: float
    standard_error: float


@dataclass(slots=True, kw_only=True)
class Tally:
    """The verdicts on a category's questions."""

    questions: int
    """How many the category has, asked or not: its weight in an average that weighs by questions."""
    asked: int = 0
    judged: int = 0
    """Those with a verdict."""
    right: int = 0
    truncated: int = 0
    """Answers that were cut off at the longest that was allowed; they are judged as they are."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Of all that were asked, those without a verdict included."""

    @property
    def unjudged(self) -> int:
        return self.asked - self.judged

    def add(self, score: float | None, reason: str, *, truncated: bool) -> None:
        """Counts one question that was asked."""
        self.asked += 1
        self.truncated += truncated
        self.reasons[reason] += 1
        if score is not None:
            self.judged += 1
            self.right += score == 1.0

    def accuracy(self) -> Estimate | None:
        """The share that is right of those with a verdict; None where there is none."""
        if not self.judged:
            return None
        share = self.right / self.judged
        return Estimate(share, math.sqrt(share * (1 - share) / self.judged))


def unweighted(parts: Sequence[Estimate | None]) -> Estimate | None:
    """The mean in which each part counts the same; None where one is missing."""
    return _combined(parts, [1.0] * len(parts))


def weighted(parts: Sequence[Estimate | None], questions: Sequence[int]) -> Estimate | None:
    """The mean in which each question counts the same; None where a part is missing."""
    return _combined(parts, list(map(float, questions)))


def _combined(parts: Sequence[Estimate | None], weights: Sequence[float]) -> Estimate | None:
    known = [part for part in parts if part is not None]
    total = sum(weights)
    if len(known) < len(parts) or not total:
        return None
    # Summed before it is divided, so that the mean of nothing but ones is one.
    value = math.fsum(weight * part.value for weight, part in zip(weights, known, strict=True)) / total
    error = math.hypot(*(weight * part.standard_error for weight, part in zip(weights, known, strict=True))) / total
    return Estimate(value, error)

"""What the rewards of a step were: counted where they are asked for, taken once a step by whoever logs it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from goodcall_client import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HackingCounts:
    """What two rewards said of the same completions: the released one, and the hardened one."""

    judged: int = 0
    """Completions to which both gave a number."""
    released: float = 0.0
    """Sum of the released scores."""
    hardened: float = 0.0
    """Sum of the hardened scores."""

    def __add__(self, other: "HackingCounts") -> "HackingCounts":
        return HackingCounts(
            judged=self.judged + other.judged,
            released=self.released + other.released,
            hardened=self.hardened + other.hardened,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardCounts:
    """The rewards of one step, on one process or on all."""

    wait_s: float = 0.0
    """Seconds that training stood still for them."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How many completions got each reason."""
    nulls: int = 0
    """Completions without a score, masked ones included."""
    hacking: HackingCounts = HackingCounts()

    def as_metrics(self, step_time_s: float | None) -> dict[str, Any]:
        """The values of a line of `metrics.jsonl`. Reasons and hacking stand only where something was judged."""
        metrics: dict[str, Any] = {"reward_wait_s": self.wait_s}
        if step_time_s:
            metrics["reward_wait_share"] = self.wait_s / step_time_s
        if self.reasons:
            metrics |= {"reward_nulls": self.nulls, "reasons": dict(self.reasons.most_common())}
        if judged := self.hacking.judged:
            means = {"released": self.hacking.released / judged, "hardened": self.hacking.hardened / judged}
            metrics["hacking"] = {"judged": judged, **means}
        return metrics


def of_all_processes(counts: Iterable[RewardCounts]) -> RewardCounts:
    """Sums, but for the wait, which is the longest: all processes wait for the last."""
    counts = list(counts)
    return RewardCounts(
        wait_s=max((one.wait_s for one in counts), default=0.0),
        reasons=sum((one.reasons for one in counts), Counter()),
        nulls=sum(one.nulls for one in counts),
        hacking=sum((one.hacking for one in counts), HackingCounts()),
    )


class RewardTally:
    """Collects on the reward function's event loop; is taken from between steps, when no reward is being asked for."""

    def __init__(self) -> None:
        self._counts = RewardCounts()

    def add(self, *, wait_s: float, verdicts: Sequence[Verdict], hacking: HackingCounts) -> None:
        """One batch of rollouts; a step may have several."""
        counts = self._counts
        self._counts = RewardCounts(
            wait_s=counts.wait_s + wait_s,
            reasons=counts.reasons + Counter(verdict.reason for verdict in verdicts),
            nulls=counts.nulls + sum(verdict.score is None for verdict in verdicts),
            hacking=counts.hacking + hacking,
        )

    def take(self) -> RewardCounts:
        """What was added since it was last taken."""
        counts, self._counts = self._counts, RewardCounts()
        return counts

"""Interleaved rounds: what is compared runs turn by turn, so that a noisy machine is noisy for all alike.

Costs are CPU time, never wall time, and comparisons are medians of the ratios within a round.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Cost(NamedTuple):
    """CPU seconds for each completion."""

    own: float = 0.0
    """Spent in this process; 0 where this process only drives a server."""
    server: float = 0.0

    @property
    def total(self) -> float:
        """Of both sides together."""
        return self.own + self.server


Contender: TypeAlias = Callable[[], Cost]
"""Does one round's work and says what it cost."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What each contender cost in each round."""

    costs: Mapping[str, Sequence[Cost]]

    def microseconds(self, name: str) -> float:
        """The median cost of a contender for each completion."""
        return statistics.median(cost.total for cost in self.costs[name]) * 1e6

    def own_microseconds(self, name: str) -> float:
        """The same of the part that was spent in this process."""
        return statistics.median(cost.own for cost in self.costs[name]) * 1e6

    def ratio(self, name: str, other: str) -> float:
        """How many times the cost of another contender one has: the median of the ratios within a round."""
        pairs = zip(self.costs[name], self.costs[other], strict=True)
        return statistics.median(mine.total / its.total for mine, its in pairs)


def interleave(contenders: Mapping[str, Contender], rounds: int) -> Rounds:
    """Every contender once a round, after one turn each that is not counted."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender()
    settle()
    for _ in range(rounds):
        for name, contender in contenders.items():
            costs[name].append(contender())
    return Rounds(costs)


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds that some work takes in this process, all threads together."""
    started = time.process_time()
    work()
    return time.process_time() - started


def settle() -> None:
    """Takes everything that is there so far out of the collector's sight, so that it weighs on no contender."""
    gc.collect()
    gc.freeze()

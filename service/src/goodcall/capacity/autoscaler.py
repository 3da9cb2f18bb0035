"""The decisions of a HorizontalPodAutoscaler, one every sync period, as Kubernetes documents them.

Source: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/ ("Algorithm details",
"Configurable scaling behavior"). Written anew from that description; of several metrics the greatest answer counts.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

SYNC_S = 15.0
"""From one decision to the next, where the controller was not told otherwise."""
TOLERANCE = 0.1
"""A ratio of metric and target that is nearer to one than this changes nothing."""


class Metric(StrEnum):
    """What is looked at."""

    CPU = "cpu"
    """Busy share of the CPU that pods request."""
    IN_FLIGHT = "in_flight"
    """Completions being scored or waiting in a pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How much may change within a period."""

    period_s: float = 15
    pods: int | None = None
    percent: float | None = None

    def changed(self, replicas: int) -> float:
        """How many replicas may come or go, of so many at the period's start."""
        return self.pods if self.pods is not None else replicas * (self.percent or 0) / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Of one direction; among policies the one that allows most counts."""

    stabilisation_s: float
    policies: tuple[Policy, ...]


UP = Rules(stabilisation_s=0, policies=(Policy(percent=100), Policy(pods=4)))
DOWN = Rules(stabilisation_s=300, policies=(Policy(percent=100),))
"""What holds where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A metric and the mean over pods that is aimed at."""

    metric: Metric
    value: float
    """Of the CPU a share, such as 0.7; of what is in flight a number of completions in a pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of an autoscaler."""

    targets: tuple[Target, ...]
    min_replicas: int
    max_replicas: int
    up: Rules = UP
    down: Rules = DOWN
    tolerance: float = TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is known of a metric: its sum over the pods that have it, and the pods."""

    metric: Metric
    total: float
    ready: int
    unready: int
    """Started and not ready yet."""


@dataclass(slots=True)
class Autoscaler:
    """One autoscaler with what it remembers of its decisions."""

    settings: Settings
    _recommended: deque[tuple[float, int]] = field(default_factory=deque)
    _changes: deque[tuple[float, int]] = field(default_factory=deque)

    def decide(self, now_s: float, replicas: int, samples: tuple[Sample, ...]) -> int:
        """How many replicas there are to be.

        Args:
            now_s: never earlier than at the last decision.
            replicas: that there are, ready or not.
            samples: of the metrics of the settings.
        """
        by_metric = {sample.metric: sample for sample in samples}
        wanted = max(self._wanted(replicas, by_metric[target.metric], target) for target in self.settings.targets)
        wanted = self._stabilised(now_s, replicas, wanted)
        wanted = self._within_policies(now_s, replicas, wanted)
        wanted = min(max(wanted, self.settings.min_replicas), self.settings.max_replicas)
        if wanted != replicas:
            self._changes.append((now_s, wanted - replicas))
        return wanted

    def _wanted(self, replicas: int, sample: Sample, target: Target) -> int:
        if not sample.ready:
            return replicas
        ratio = sample.total / sample.ready / target.value
        if self._is_near(ratio) and not sample.unready:
            return replicas
        if not sample.unready:
            return math.ceil(_exact(ratio * sample.ready))
        total, pods = self._cautiously(sample, target, up=ratio > 1)
        cautious = total / pods / target.value
        if self._is_near(cautious) or (cautious > 1) is not (ratio > 1):
            return replicas
        answer = math.ceil(_exact(cautious * pods))
        turned = answer < replicas if cautious > 1 else answer > replicas
        return replicas if turned else answer

    @staticmethod
    def _cautiously(sample: Sample, target: Target, *, up: bool) -> tuple[float, int]:
        """The sum and the pods with those that are not ready: idle on the way up. On the way down they are left out
        where the metric is the CPU, and on target where they have no value yet.
        """
        if up:
            return sample.total, sample.ready + sample.unready
        if sample.metric is Metric.CPU:
            return sample.total, sample.ready
        return sample.total + sample.unready * target.value, sample.ready + sample.unready

    def _is_near(self, ratio: float) -> bool:
        return _exact(abs(ratio - 1)) <= self.settings.tolerance

    def _stabilised(self, now_s: float, replicas: int, wanted: int) -> int:
        """The least that was wanted within the window on the way up, the most on the way down."""
        up, down = self.settings.up, self.settings.down
        self._recommended.append((now_s, wanted))
        longest_s = max(up.stabilisation_s, down.stabilisation_s)
        while self._recommended[0][0] < now_s - longest_s:
            self._recommended.popleft()
        least = min(self._within(self._recommended, now_s, up.stabilisation_s))
        most = max(self._within(self._recommended, now_s, down.stabilisation_s))
        return min(max(replicas, least), most)

    def _within_policies(self, now_s: float, replicas: int, wanted: int) -> int:
        while self._changes and self._changes[0][0] <= now_s - 3600:
            self._changes.popleft()
        if wanted > replicas:
            return min(wanted, max(self._up_to(policy, now_s, replicas) for policy in self.settings.up.policies))
        if wanted < replicas:
            return max(wanted, min(self._down_to(policy, now_s, replicas) for policy in self.settings.down.policies))
        return wanted

    def _up_to(self, policy: Policy, now_s: float, replicas: int) -> int:
        at_start = replicas - self._changed(now_s, policy.period_s, up=True)
        return max(replicas, math.ceil(_exact(at_start + policy.changed(at_start))))

    def _down_to(self, policy: Policy, now_s: float, replicas: int) -> int:
        at_start = replicas + self._changed(now_s, policy.period_s, up=False)
        return min(replicas, math.floor(at_start - policy.changed(at_start)))

    def _changed(self, now_s: float, period_s: float, *, up: bool) -> int:
        return sum(abs(by) for at_s, by in self._changes if at_s > now_s - period_s and (by > 0) is up)

    @staticmethod
    def _within(recommended: deque[tuple[float, int]], now_s: float, window_s: float) -> list[int]:
        recent = [wanted for at_s, wanted in recommended if at_s > now_s - window_s]
        return recent or [recommended[-1][1]]


def _exact(value: float) -> float:
    """Without what floating point adds to whole numbers, which rounding up would make another replica of."""
    return round(value, 9)

"""A service behind an autoscaler, under a training run's bursts, event by event. No chance is in it and no clock.

Requests wait in one line and go to whichever core is free; a pod has its cores, starts for a while, and finishes what
it has begun before it goes. That is a balancer at its best, and what is left of the wait is the autoscaler's doing.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from goodcall.capacity.autoscaler import SYNC_S, Autoscaler, Metric, Sample, Settings
from goodcall.capacity.costs import Costs
from goodcall.capacity.plan import TrainingLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class Bursts:
    """Completions that come all at once, every so often."""

    completions: int
    every_s: float
    request_s: float
    """Core seconds of a full request."""
    per_request: int = 1_024
    in_flight: int = 4
    """Requests of a burst that are under way at once; the others wait in the client, where no metric sees them."""
    first_s: float = 7.0
    """Of the first; between the autoscaler's looks, as bursts mostly are."""

    @classmethod
    def of(cls, load: TrainingLoad, costs: Costs, first_s: float = 7.0) -> "Bursts":
        """Those of one run, whose clients are one here with as many requests under way as all of them."""
        return cls(
            completions=load.prompts * load.group,
            every_s=load.step_s,
            request_s=costs.of_request_s(load.per_request, load.group, load.completion_bytes),
            per_request=load.per_request,
            in_flight=load.clients * load.in_flight,
            first_s=first_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """What replicas are like, and how they are looked at."""

    cores: int = 2
    start_s: float = 20
    """From the decision to a pod that is ready."""
    scrape_s: float = 15
    """From one look at the metrics to the next."""
    window_s: float = 30
    """What a metric is the mean of; 0: of what is in flight, as it is in that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was seen."""

    arrived: int
    """Completions."""
    scored: int
    waits_s: Sequence[float]
    """Of each burst, from its coming to its last verdict."""
    replicas: Sequence[tuple[float, int]]
    """From each moment on; pods that are starting count."""
    seconds: float

    @property
    def mean_replicas(self) -> float:
        """Over the time, what one pays for."""
        ends = [*(at_s for at_s, _ in self.replicas[1:]), self.seconds]
        spans = zip(self.replicas, ends, strict=True)
        return sum(pods * max(0.0, end_s - at_s) for (at_s, pods), end_s in spans) / self.seconds


@dataclass(slots=True)
class _Burst:
    at_s: float
    waiting: deque[tuple[float, int]]
    """Requests that the client has not sent: their seconds and completions."""
    unanswered: int


@dataclass(slots=True)
class _Pod:
    ready: bool = False
    leaving: bool = False
    busy: int = 0


@dataclass(slots=True)
class _Integral:
    """A quantity over time, and its mean over a window that ends now."""

    value: float = 0
    _at_s: float = 0
    _area: float = 0
    _marks: deque[tuple[float, float]] = field(default_factory=lambda: deque([(0.0, 0.0)]))

    def add(self, now_s: float, by: float) -> None:
        self._area += self.value * (now_s - self._at_s)
        self._at_s = now_s
        self.value += by

    def mean(self, now_s: float, window_s: float) -> float:
        """To be asked at times that never go back; marks are kept for one length of window."""
        self.add(now_s, 0)
        self._marks.append((now_s, self._area))
        while len(self._marks) > 1 and self._marks[1][0] <= now_s - window_s:
            self._marks.popleft()
        since_s, area = self._marks[0]
        return self.value if window_s == 0 or now_s == since_s else (self._area - area) / (now_s - since_s)


def simulate(bursts: Sequence[Bursts], pods: Pods, settings: Settings | None, seconds: float, replicas: int) -> Outcome:
    """What becomes of the bursts of so many seconds; those under way at the end are scored to their end.

    Args:
        bursts: one for each run.
        pods: what a replica is like.
        settings: of the autoscaler; None leaves the replicas as they are.
        seconds: for how long bursts come.
        replicas: at the start, all ready.
    """
    world = _World(pods, settings, seconds, replicas)
    for run in bursts:
        for number in range(math.ceil((seconds - run.first_s) / run.every_s)):
            world.at(run.first_s + number * run.every_s, lambda run=run: world.arrive(run))  # type: ignore[misc]
    if settings:
        for number in range(1, math.ceil(seconds / pods.scrape_s)):
            world.at(number * pods.scrape_s, world.scrape)
        for number in range(1, math.ceil(seconds / SYNC_S)):
            # After the metrics of the same moment, of which it hears at its next look in the worst case.
            world.at(number * SYNC_S + 1, world.sync)
    return world.run()


class _World:
    def __init__(self, pods: Pods, settings: Settings | None, seconds: float, replicas: int) -> None:
        self._of_pods, self._seconds = pods, seconds
        self._autoscaler = Autoscaler(settings) if settings else None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._now_s = 0.0
        self._pods = [_Pod(ready=True) for _ in range(replicas)]
        self._line: deque[tuple[_Burst, float, int]] = deque()
        self._busy, self._in_flight = _Integral(), _Integral()
        self._samples: tuple[Sample, ...] = ()
        self._waits_s: list[float] = []
        self._replicas = [(0.0, replicas)]
        self._arrived = self._scored = 0

    def at(self, when_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when_s, next(self._order), what))

    def run(self) -> Outcome:
        while self._events:
            self._now_s, _, what = heapq.heappop(self._events)
            what()
        return Outcome(
            arrived=self._arrived,
            scored=self._scored,
            waits_s=self._waits_s,
            replicas=self._replicas,
            seconds=max(self._seconds, self._now_s),
        )

    def arrive(self, run: Bursts) -> None:
        full, rest = divmod(run.completions, run.per_request)
        sizes = [run.per_request] * full + ([rest] if rest else [])
        requests = deque((run.request_s * size / run.per_request, size) for size in sizes)
        self._arrived += run.completions
        burst = _Burst(self._now_s, requests, len(requests))
        for _ in range(min(run.in_flight, len(requests))):
            self._send(burst)
        self._serve()

    def _send(self, burst: _Burst) -> None:
        takes_s, completions = burst.waiting.popleft()
        self._in_flight.add(self._now_s, completions)
        self._line.append((burst, takes_s, completions))

    def _serve(self) -> None:
        while self._line and (pod := self._freest()):
            burst, takes_s, completions = self._line.popleft()
            pod.busy += 1
            self._busy.add(self._now_s, 1)
            self.at(
                self._now_s + takes_s,
                lambda pod=pod, burst=burst, completions=completions: self._finish(pod, burst, completions),  # type: ignore[misc]
            )

    def _freest(self) -> _Pod | None:
        serving = [pod for pod in self._pods if pod.ready and not pod.leaving and pod.busy < self._of_pods.cores]
        return min(serving, key=lambda pod: pod.busy, default=None)

    def _finish(self, pod: _Pod, burst: _Burst, completions: int) -> None:
        pod.busy -= 1
        self._busy.add(self._now_s, -1)
        self._in_flight.add(self._now_s, -completions)
        self._scored += completions
        burst.unanswered -= 1
        if not burst.unanswered:
            self._waits_s.append(self._now_s - burst.at_s)
        if pod.leaving and not pod.busy:
            self._pods.remove(pod)
        if burst.waiting:
            self._send(burst)
        self._serve()

    def scrape(self) -> None:
        window_s = self._of_pods.window_s
        staying = [pod for pod in self._pods if not pod.leaving]
        ready = sum(pod.ready for pod in staying)
        busy = self._busy.mean(self._now_s, window_s or self._of_pods.scrape_s) / self._of_pods.cores
        in_flight = self._in_flight.mean(self._now_s, window_s)
        self._samples = tuple(
            Sample(metric=metric, total=total, ready=ready, unready=len(staying) - ready)
            for metric, total in ((Metric.CPU, busy), (Metric.IN_FLIGHT, in_flight))
        )

    def sync(self) -> None:
        if self._autoscaler is None or not self._samples:
            return
        staying = [pod for pod in self._pods if not pod.leaving]
        wanted = self._autoscaler.decide(self._now_s, len(staying), self._samples)
        for _ in range(wanted - len(staying)):
            self._start()
        if wanted < len(staying):
            # Those that are not ready go first, then the least busy.
            for pod in sorted(staying, key=lambda pod: (pod.ready, pod.busy))[: len(staying) - wanted]:
                self._stop(pod)
        if wanted != len(staying):
            self._replicas.append((self._now_s, wanted))

    def _start(self) -> None:
        pod = _Pod()
        self._pods.append(pod)

        def become_ready() -> None:
            pod.ready = True
            self._serve()

        self.at(self._now_s + self._of_pods.start_s, become_ready)

    def _stop(self, pod: _Pod) -> None:
        pod.leaving = True
        if not pod.busy:
            self._pods.remove(pod)

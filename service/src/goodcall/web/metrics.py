"""What Prometheus sees of a service: closed label sets, no text of anybody's."""

from collections import Counter as Tally
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

import goodcall
from goodcall import native
from goodcall.byte_bounded import CacheUse
from goodcall.reasons import Stage
from goodcall.types import Verdict
from goodcall.web.exposition import expose, of_all_workers
from goodcall.web.problems import Problem
from goodcall.web.request_record import OTHER, RequestRecord

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_REASON: Final = attrgetter("reason")
_COMPLETIONS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)

_TIMED_PATH: Final = "/score"

_Made = TypeVar("_Made", Counter, Gauge, Histogram)


class InFlight(NamedTuple):
    """What a process has taken in and not yet answered."""

    waiting: int = 0
    """Requests lined up for their first turn to score."""
    completions: int = 0
    body_bytes: int = 0


class _Series(dict[tuple[object, ...], _Made], Generic[_Made]):
    """The series of one metric by their labels' values, each looked up in the library once."""

    def __init__(self, metric: _Made) -> None:
        super().__init__()
        self._metric: _Made = metric

    def __missing__(self, labels: tuple[object, ...]) -> _Made:
        found: _Made = self._metric.labels(*labels)
        self[labels] = found
        return found


class Metrics:
    """The metrics of one app, in a registry of their own.

    Args:
        directory: of a service with several workers, after ``share_values``; the exposition is of them all then.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._registry = CollectorRegistry()
        self._exposed = of_all_workers(directory) if directory else self._registry
        self._requests_in_flight = 0
        self._look: Callable[[], InFlight] = InFlight
        self._cache_uses: Callable[[], Mapping[str, CacheUse]] = dict
        self._shown_uses: dict[str, CacheUse] = {}
        self._define_requests()
        self._define_teams()
        self._define_verdicts()
        self._define_present()
        self._define_cache()
        build = self._gauge("goodcall_build_info", "What is running; always 1.", "max", "version", "compiled_judge")
        build.labels(goodcall.__version__, str(native.judge_group is not None).lower()).set(1)

    def _define_requests(self) -> None:
        self._requests = _Series(self._counter("goodcall_requests", "Requests answered.", "path", "status"))
        self._seconds = _Series(
            self._histogram(
                "goodcall_request_seconds",
                "Seconds from a request's headers to the end of its answer; all paths but /score are other.",
                _SECONDS,
                "path",
            )
        )
        self._problems = _Series(
            self._counter("goodcall_problems", "Requests, and lines of one, answered with a problem, by code.", "code")
        )
        self._batch = self._histogram("goodcall_batch_completions", "Completions in a scoring request.", _COMPLETIONS)
        self._wait = self._histogram(
            "goodcall_wait_seconds", "Seconds that a request, or some lines of one, were lined up to score.", _SECONDS
        )

    def _define_teams(self) -> None:
        self._team_requests = _Series(
            self._counter("goodcall_team_requests", "Requests answered, by team.", "team", "status")
        )
        self._team_completions = _Series(
            self._counter("goodcall_team_completions", "Completions scored, by team.", "team")
        )
        self._refused = self._counter(
            "goodcall_refused",
            "Requests and lines refused to be sent again later, by team and problem code.",
            "team",
            "code",
        )

    def _define_verdicts(self) -> None:
        self._verdicts = _Series(
            self._counter(
                "goodcall_verdicts",
                "Verdicts given; those with null=true had an unusable task.",
                "reward",
                "reason",
                "null",
            )
        )
        self._compared = self._counter(
            "goodcall_alarm_compared",
            "Completions that the hacking alarm scored with the released reward too.",
            "reward",
        )
        self._disagreements = self._counter(
            "goodcall_alarm_disagreements",
            "Those on which the two rewards disagree, by the reason served and by which of the two pays.",
            "reward",
            "reason",
            "paid_by",
        )

    def _define_present(self) -> None:
        self._in_flight = self._gauge("goodcall_requests_in_flight", "Requests being answered now.", "livesum")
        self._waiting = self._gauge(
            "goodcall_requests_waiting", "Requests lined up for their first turn to score.", "livesum"
        )
        self._completions_in_flight = self._gauge(
            "goodcall_completions_in_flight", "Completions being scored or waiting for it.", "livesum"
        )
        self._bytes_in_flight = self._gauge(
            "goodcall_bytes_in_flight", "Bytes of request bodies being read or scored.", "livesum"
        )
        self._old_keys = self._gauge(
            "goodcall_keys_file_unusable",
            "1 while older keys are in force because the file of keys can't be used as it is.",
            "livemax",
        )

    def _define_cache(self) -> None:
        self._cache_entries = self._gauge(
            "goodcall_cache_entries", "Tasks and tools remembered, all workers together.", "livesum", "kind"
        )
        self._cache_bytes = self._gauge("goodcall_cache_bytes", "Bytes that they are reckoned at.", "livesum", "kind")
        self._cache_lookups = self._counter(
            "goodcall_cache_lookups",
            "Tasks and tools that were asked for, by whether they were there.",
            "kind",
            "result",
        )
        self._cache_evictions = self._counter(
            "goodcall_cache_evictions", "Tasks and tools forgotten to make room.", "kind"
        )

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, registry=self._registry)

    def _gauge(self, name: str, words: str, mode: Any, *labels: str) -> Gauge:
        return Gauge(name, words, labels, registry=self._registry, multiprocess_mode=mode)

    def _histogram(self, name: str, words: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, words, labels, buckets=buckets, registry=self._registry)

    def exposition(self) -> bytes:
        """Everything in the Prometheus text format."""
        self.refresh()
        return expose(self._exposed)

    def watch(self, in_flight: Callable[[], InFlight], cache_uses: Callable[[], Mapping[str, CacheUse]]) -> None:
        """From now on, ``refresh`` shows what these say."""
        self._look, self._cache_uses = in_flight, cache_uses

    def refresh(self) -> None:
        """Shows what is looked at now and then, not counted as it happens; every second where others expose it."""
        now = self._look()
        self._in_flight.set(self._requests_in_flight)
        self._waiting.set(now.waiting)
        self._completions_in_flight.set(now.completions)
        self._bytes_in_flight.set(now.body_bytes)
        for kind, use in self._cache_uses().items():
            before = self._shown_uses.get(kind)
            if use != before:
                self._shown_uses[kind] = use
                self._show_cache(kind, use, before or CacheUse())

    def _show_cache(self, kind: str, use: CacheUse, before: CacheUse) -> None:
        self._cache_entries.labels(kind).set(use.entries)
        self._cache_bytes.labels(kind).set(use.used_bytes)
        self._cache_lookups.labels(kind, "hit").inc(use.hits - before.hits)
        self._cache_lookups.labels(kind, "miss").inc(use.misses - before.misses)
        self._cache_evictions.labels(kind).inc(use.evictions - before.evictions)

    def begin_request(self) -> None:
        """Adds one request to those being answered."""
        self._requests_in_flight += 1

    def end_request(self, record: RequestRecord, path: str, team: str, seconds: float) -> None:
        """Takes it away from them, and counts it.

        Args:
            record: what is known of it.
            path: the pattern of its path, from a closed list.
            team: whose it is; empty where that does not matter.
            seconds: from its headers to the end of its answer.
        """
        status = record.status or 500
        self._requests_in_flight -= 1
        self._requests[path, status].inc()
        self._seconds[path if path == _TIMED_PATH else OTHER,].observe(seconds)
        if team:
            self._team_requests[team, status].inc()
        if record.problem:
            self.count_problem(record.problem)

    def count_problem(self, code: str) -> None:
        """Adds one request, or line of one, that was answered with a problem."""
        self._problems[code,].inc()

    def count_verdicts(self, reward_id: str, verdicts: list[Verdict]) -> int:
        """Adds verdicts to the counters; gives how many of them are none, because their task is unusable."""
        nulls = 0
        for reason, count in Tally(map(_REASON, verdicts)).items():
            is_null = reason.stage is Stage.TASK
            nulls += count * is_null
            self._verdicts[reward_id, reason, "true" if is_null else "false"].inc(count)
        return nulls

    def observe_batch(self, team: str, completions: int) -> None:
        """Adds one request of a team with so many completions."""
        self._batch.observe(completions)
        self._team_completions[team,].inc(completions)

    def count_refused(self, team: str, code: str) -> None:
        """Adds one request, or line of one, that a team is to send again later."""
        self._refused.labels(team, code).inc()

    def observe_wait(self, seconds: float) -> None:
        """Adds one request, or some lines of one, that was lined up for so long."""
        self._wait.observe(seconds)

    def count_unread(self, problem: Problem) -> None:
        """Adds one request that could not be read, so that nothing but its answer is known of it."""
        self._requests["unread", problem.status].inc()
        self.count_problem(problem.code)

    def show_old_keys(self, in_force: bool) -> None:
        """Sets whether older keys are in force, because the file of keys can't be used as it is."""
        self._old_keys.set(in_force)

    def count_compared(self, reward_id: str, served: list[Verdict], released: list[Verdict]) -> None:
        """Adds verdicts of the reward that was served and of the released one, on the same completions."""
        self._compared.labels(reward_id).inc(len(served))
        for verdict, other in zip(served, released, strict=True):
            if verdict.score != other.score:
                paid_by = "released" if other.score else "served"
                self._disagreements.labels(reward_id, verdict.reason, paid_by).inc()

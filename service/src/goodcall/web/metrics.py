"""What Prometheus sees of a service: closed label sets, no text of anybody's."""

from collections import Counter as Tally
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

import goodcall
from goodcall import native
from goodcall.byte_bounded import CacheUse
from goodcall.reasons import Stage
from goodcall.types import Verdict
from goodcall.web.exposition import expose, of_all_workers
from goodcall.web.request_record import RequestRecord

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COMPLETIONS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)

_Made = TypeVar("_Made", Counter, Gauge, Histogram)


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
                "Seconds from a request's headers to the end of its answer.",
                _SECONDS,
                "path",
            )
        )
        self._problems = _Series(
            self._counter("goodcall_problems", "Requests, and lines of one, answered with a problem, by code.", "code")
        )
        self._batch = self._histogram("goodcall_batch_completions", "Completions in a scoring request.", _COMPLETIONS)
        self._body_bytes = self._counter("goodcall_body_bytes", "Bytes of the bodies of scoring requests.")
        self._phase_seconds = _Series(
            self._counter(
                "goodcall_phase_seconds",
                "Seconds that scoring requests took: until the body was there, lined up for a turn, decoding and "
                "scoring it, encoding the answer. Of a body of lines, all that is not waiting counts as scoring.",
                "phase",
            )
        )
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

    def watch_caches(self, uses: Callable[[], Mapping[str, CacheUse]]) -> None:
        """From now on, ``refresh`` shows what caches are used for, by what they hold."""
        self._cache_uses = uses

    def refresh(self) -> None:
        """Shows what is not counted as it happens; to be called about once a second where others expose it."""
        for kind, use in self._cache_uses().items():
            before = self._shown_uses.get(kind)
            if use == before:
                continue
            self._shown_uses[kind] = use
            _, _, hits, misses, evictions = before or CacheUse()
            self._cache_entries.labels(kind).set(use.entries)
            self._cache_bytes.labels(kind).set(use.used_bytes)
            self._cache_lookups.labels(kind, "hit").inc(use.hits - hits)
            self._cache_lookups.labels(kind, "miss").inc(use.misses - misses)
            self._cache_evictions.labels(kind).inc(use.evictions - evictions)

    def begin_request(self) -> None:
        """Adds one request to those being answered."""
        self._in_flight.inc()

    def end_request(self, record: RequestRecord, path: str, team: str, seconds: float) -> None:
        """Takes it away from them, and counts it.

        Args:
            record: what is known of it.
            path: the pattern of its path, from a closed list.
            team: whose it is; empty where that does not matter.
            seconds: from its headers to the end of its answer.
        """
        status = record.status or 500
        self._in_flight.dec()
        self._requests[path, status].inc()
        self._seconds[path,].observe(seconds)
        if team:
            self._team_requests[team, status].inc()
        if record.problem:
            self.count_problem(record.problem)
        if record.reward:
            self._body_bytes.inc(record.body_bytes)
            self._count_phases(record, seconds)

    def _count_phases(self, record: RequestRecord, seconds: float) -> None:
        rest_s = seconds - record.read_s - record.wait_s - record.encode_s
        self._phase_seconds["read",].inc(record.read_s)
        self._phase_seconds["wait",].inc(record.wait_s)
        self._phase_seconds["score",].inc(max(0.0, rest_s))
        self._phase_seconds["encode",].inc(record.encode_s)

    def count_problem(self, code: str) -> None:
        """Adds one request, or line of one, that was answered with a problem."""
        self._problems[code,].inc()

    def count_verdicts(self, reward_id: str, verdicts: list[Verdict]) -> int:
        """Adds verdicts to the counters; gives how many of them are none, because their task is unusable."""
        nulls = 0
        for reason, count in Tally([verdict.reason for verdict in verdicts]).items():
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

    def begin_waiting(self) -> None:
        """Adds one request to those lined up for a turn."""
        self._waiting.inc()

    def end_waiting(self, seconds: float) -> None:
        """Takes it away from them, after so many seconds."""
        self._waiting.dec()
        self._wait.observe(seconds)

    def show_in_flight(self, completions: int, body_bytes: int) -> None:
        """Sets what is in flight now."""
        self._completions_in_flight.set(completions)
        self._bytes_in_flight.set(body_bytes)

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

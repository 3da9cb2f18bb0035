"""What Prometheus sees of a service: closed label sets, no text of anybody's."""

import os
import time
from collections import Counter as Tally
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goodcall.reasons import Stage
from goodcall.types import Verdict
from goodcall.web.problems import Problem

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COMPLETIONS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)


def share_values(directory: Path, worker: int) -> None:
    """From now on, metrics that this process makes keep their values in files that the other workers read.

    Args:
        directory: the one of all workers of a service.
        worker: the number in the files' names. They are not named for the process, so a replacement counts on where
            the worker that it replaces stopped, and however many die there are no more files than workers.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: worker)  # type: ignore[no-untyped-call]


def forget_live_values(directory: Path, worker: int) -> None:
    """Takes away what a dead worker said of its present, such as its requests in flight. What it counted stays."""
    mark_process_dead(worker, str(directory))  # type: ignore[no-untyped-call]


def _of_all_workers(directory: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return registry


class Metrics:
    """The metrics of one app, in a registry of their own.

    Args:
        directory: of a service with several workers, after ``share_values``; the exposition is of them all then.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._registry = CollectorRegistry()
        self._exposed = _of_all_workers(directory) if directory else self._registry
        self._requests = Counter("goodcall_requests", "Requests answered.", ["path", "status"], registry=self._registry)
        self._seconds = Histogram(
            "goodcall_request_seconds",
            "Seconds from a request's headers to the end of its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._in_flight = Gauge(
            "goodcall_requests_in_flight",
            "Requests being answered now.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._completions_in_flight = Gauge(
            "goodcall_completions_in_flight",
            "Completions being scored or waiting for it.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._bytes_in_flight = Gauge(
            "goodcall_bytes_in_flight",
            "Bytes of request bodies being read or scored.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._team_requests = Counter(
            "goodcall_team_requests", "Requests answered, by team.", ["team", "status"], registry=self._registry
        )
        self._team_completions = Counter(
            "goodcall_team_completions", "Completions scored, by team.", ["team"], registry=self._registry
        )
        self._refused = Counter(
            "goodcall_refused",
            "Requests and lines refused to be sent again later, by team and problem code.",
            ["team", "code"],
            registry=self._registry,
        )
        self._old_keys = Gauge(
            "goodcall_keys_file_unusable",
            "1 while older keys are in force because the file of keys can't be used as it is.",
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._batch = Histogram(
            "goodcall_batch_completions",
            "Completions in a scoring request.",
            buckets=_COMPLETIONS,
            registry=self._registry,
        )
        self._verdicts = Counter(
            "goodcall_verdicts",
            "Verdicts given; those with null=true had an unusable task.",
            ["reward", "reason", "null"],
            registry=self._registry,
        )
        self._compared = Counter(
            "goodcall_alarm_compared",
            "Completions that the hacking alarm scored with the released reward too.",
            ["reward"],
            registry=self._registry,
        )
        self._disagreements = Counter(
            "goodcall_alarm_disagreements",
            "Those on which the two rewards disagree, by the reason served and by which of the two pays.",
            ["reward", "reason", "paid_by"],
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """Everything in the Prometheus text format."""
        return generate_latest(self._exposed)

    def count_verdicts(self, reward_id: str, verdicts: list[Verdict]) -> None:
        """Adds verdicts to the counters."""
        for reason, count in Tally([verdict.reason for verdict in verdicts]).items():
            is_null = "true" if reason.stage is Stage.TASK else "false"
            self._verdicts.labels(reward_id, reason, is_null).inc(count)

    def observe_batch(self, team: str, completions: int) -> None:
        """Adds one request of a team with so many completions."""
        self._batch.observe(completions)
        self._team_completions.labels(team).inc(completions)

    def count_refused(self, team: str, code: str) -> None:
        """Adds one request, or line of one, that a team is to send again later."""
        self._refused.labels(team, code).inc()

    def count_unread(self, problem: Problem) -> None:
        """Adds one request that could not be read, so that nothing but its answer is known of it."""
        self._requests.labels("unread", problem.status).inc()

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

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """The app with every request counted and timed."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status = 500

            async def watch(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            started = time.perf_counter()
            self._in_flight.inc()
            try:
                await app(scope, receive, watch)
            finally:
                self._in_flight.dec()
                path = _route(scope)
                self._requests.labels(path, status).inc()
                if team := scope["state"].get("team"):
                    self._team_requests.labels(team.name, status).inc()
                self._seconds.labels(path).observe(time.perf_counter() - started)

        return counted


def _route(scope: Scope) -> str:
    """The pattern of the path that matched; one label for all paths that don't exist."""
    return getattr(scope.get("route"), "path", "other")

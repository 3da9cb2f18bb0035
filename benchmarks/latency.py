"""What a caller waits for: batches of 1,024 one after the other, and a probe while 8,192 are being scored.

The only figures here that are wall time, and so the only ones that need a quiet machine.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from benchmarks import bodies
from benchmarks.corpus import GROUP, Task
from benchmarks.corpus_statistics import percentile
from benchmarks.over_http import warm_up
from benchmarks.raw_client import RawClient
from benchmarks.servers import Server
from benchmarks.supply import Supply

BATCH, LARGE_BATCH = 1024, 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds of many waits."""

    p50_ms: float
    p99_ms: float
    longest_ms: float
    count: int

    @property
    def spread(self) -> float:
        """p99 over p50."""
        return self.p99_ms / self.p50_ms


def batches(server: Server, tasks: Sequence[Task], count: int) -> Latency:
    """Batches of 1,024, grouped, one after the other on one connection."""
    supply, waits_s = Supply(tasks), []
    with RawClient(server.url) as client:
        for _ in range(count + 1):
            fresh = supply.take(BATCH // GROUP)
            warm_up(client, fresh)
            [body] = bodies.grouped(fresh, BATCH)
            waits_s.append(_waited_s(partial(client.post, body)))
    return _latency(waits_s[1:])


def probes(server: Server, tasks: Sequence[Task], count: int) -> Latency:
    """Probes, one after the other, while batches of 8,192 are scored."""
    supply, waits_s = Supply(tasks), []
    with RawClient(server.url) as client, ThreadPoolExecutor(max_workers=1) as thread:
        for _ in range(count):
            fresh = supply.take(LARGE_BATCH // GROUP)
            warm_up(client, fresh)
            [body] = bodies.grouped(fresh, LARGE_BATCH)
            waits_s += _probe_until(thread.submit(client.post, body), server.url)
    return _latency(waits_s)


def _probe_until(scored: Future[bytes], url: str) -> list[float]:
    waits_s = []
    with RawClient(url) as client:
        while not scored.done():
            waits_s.append(_waited_s(lambda: client.get("/livez")))
    scored.result()
    return waits_s


def _waited_s(exchange: Callable[[], bytes]) -> float:
    started = time.perf_counter()
    exchange()
    return time.perf_counter() - started


def _latency(waits_s: Sequence[float]) -> Latency:
    return Latency(
        p50_ms=statistics.median(waits_s) * 1e3,
        p99_ms=percentile(waits_s, 99) * 1e3,
        longest_ms=max(waits_s) * 1e3,
        count=len(waits_s),
    )

"""All cores: completions a second by number of workers, driven by as many connections as keep them busy.

Wall time, and the driver needs a core's share too: on two cores a second worker can't double anything.
"""

import os
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks import bodies
from benchmarks.corpus import GROUP, Task
from benchmarks.raw_client import RawClient
from benchmarks.servers import GOODCALL, Server, serving

PER_REQUEST = 1024

_CONNECTIONS = 8
_WARMING_WAVES = 4


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a number of workers does together."""

    workers: int
    completions_per_s: float
    cpu_us: float
    """For each completion, all processes together."""


def throughputs(tasks: Sequence[Task], rounds: int) -> list[Throughput]:
    """One worker and as many as there are cores, turn by turn; medians of the rounds."""
    full = len(tasks) - len(tasks) % (PER_REQUEST // GROUP)
    wave = (bodies.grouped(tasks[:full], PER_REQUEST) * _CONNECTIONS)[:_CONNECTIONS]
    counts = sorted({1, len(os.sched_getaffinity(0))})
    with ExitStack() as stack:
        servers = {count: stack.enter_context(serving((*GOODCALL, "--workers", str(count)))) for count in counts}
        clients = {count: stack.enter_context(RawClient(server.url, _CONNECTIONS)) for count, server in servers.items()}
        for client in clients.values():
            for _ in range(_WARMING_WAVES):
                client.post_together(wave)
        found = [[_measure(count, servers[count], clients[count], wave) for count in counts] for _ in range(rounds)]
    return [_median(of_count) for of_count in zip(*found, strict=True)]


def _measure(workers: int, server: Server, client: RawClient, wave: Sequence[bytes]) -> Throughput:
    completions = PER_REQUEST * len(wave)
    cpu_s, started = server.cpu_s(), time.perf_counter()
    client.post_together(wave)
    wall_s = time.perf_counter() - started
    return Throughput(workers, completions / wall_s, (server.cpu_s() - cpu_s) / completions * 1e6)


def _median(found: Sequence[Throughput]) -> Throughput:
    return Throughput(
        found[0].workers,
        statistics.median(one.completions_per_s for one in found),
        statistics.median(one.cpu_us for one in found),
    )

"""What the service holds in memory: at its peak beside the size of a body, and after many different tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from benchmarks import bodies
from benchmarks.corpus import GROUP, Task, make_distinct_tasks
from benchmarks.over_http import MakeBodies, warm_up
from benchmarks.raw_client import RawClient
from benchmarks.servers import GOODCALL, serving
from benchmarks.supply import Supply

CACHE_BYTES = 16 << 20
"""The cache of the server that is given many tasks."""

_SHAPES: tuple[tuple[str, MakeBodies], ...] = (("grouped", bodies.grouped), ("inline", bodies.inline))
_REPORTS = 10
_TASKS_IN_A_REQUEST = 500


@dataclass(frozen=True, slots=True)
class BodyMemory:
    """The peak while one body is scored, its tasks known already."""

    shape: str
    completions: int
    body_bytes: int
    peak_above_idle_bytes: int

    @property
    def per_body_byte(self) -> float:
        """Peak above idle, in bodies."""
        return self.peak_above_idle_bytes / self.body_bytes


@dataclass(frozen=True, slots=True)
class Growth:
    """What the server holds after so many different tasks."""

    tasks: int
    held_bytes: int


def peaks(tasks: Sequence[Task], sizes: Sequence[int]) -> list[BodyMemory]:
    """One body each in a server of its own."""
    return [_peak(tasks, shape, make, size) for shape, make in _SHAPES for size in sizes]


def growth(count: int) -> list[Growth]:
    """Ten looks at a server with a cache of 16 MiB that is given so many different tasks, one completion each."""
    tasks = make_distinct_tasks(count)
    with serving(GOODCALL, {"GOODCALL_CACHE_BYTES": str(CACHE_BYTES)}) as server, RawClient(server.url) as client:
        looks = [Growth(0, server.memory_bytes())]
        for look in range(1, _REPORTS + 1):
            for body in _requests(islice(tasks, count // _REPORTS)):
                client.post(body)
            looks.append(Growth(look * count // _REPORTS, server.memory_bytes()))
    return looks


def _requests(tasks: Iterator[Task]) -> Iterator[bytes]:
    while part := list(islice(tasks, _TASKS_IN_A_REQUEST)):
        yield bodies.whole(part)


def _peak(tasks: Sequence[Task], shape: str, make: MakeBodies, completions: int) -> BodyMemory:
    fresh = Supply(tasks).take(completions // GROUP)
    [body] = make(fresh, completions)
    with serving(GOODCALL) as server, RawClient(server.url) as client:
        warm_up(client, fresh)
        idle = server.memory_bytes()
        server.forget_peak()
        client.post(body)
        return BodyMemory(shape, completions, len(body), server.peak_bytes() - idle)

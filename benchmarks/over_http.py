"""Verdicts over HTTP on loopback: the servers alone under a client that costs next to nothing, and our own client."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from benchmarks import bodies
from benchmarks.corpus import Task
from benchmarks.raw_client import RawClient
from benchmarks.rounds import Contender, Cost
from benchmarks.servers import Server
from benchmarks.supply import Supply, count_completions, warming
from goodcall_client import AsyncClient, Item, JSONText

MakeBodies: TypeAlias = Callable[[Sequence[Task], int], list[bytes]]

NAIVE_CONNECTIONS = 64
_WARMING_REQUEST = 128
"""Tasks that are prepared with one request."""
_AFTERWARDS_S = 0.003
"""What a server still does once it has answered is its cost too."""


def server_alone(
    server: Server,
    tasks: Sequence[Task],
    make_bodies: MakeBodies,
    *,
    per_request: int,
    groups: int | None = None,
    warm: bool = True,
) -> Contender:
    """CPU of a server that scores the tasks by so many completions a request, one request after the other.

    Args:
        server: the service, or another that speaks its wire.
        tasks: what a round's work is taken from.
        make_bodies: ``bodies.grouped`` or ``bodies.inline``.
        per_request: completions of one request.
        groups: how many tasks a round has; all of them unless told.
        warm: whether the server prepares each task before the clock starts.
    """
    supply, client = Supply(tasks), RawClient(server.url)

    def run() -> Cost:
        fresh = supply.take(groups or len(tasks))
        if warm:
            warm_up(client, fresh)
        ready = make_bodies(fresh, per_request)
        completions = min(count_completions(fresh), len(ready) * per_request)
        return Cost(server=_server_cpu_s(server, lambda: [client.post(body) for body in ready]) / completions)

    return run


def naive_alone(server: Server, tasks: Sequence[Task]) -> Contender:
    """CPU of the naive server that scores the tasks by one completion a request, 64 requests at a time."""
    client = RawClient(server.url, NAIVE_CONNECTIONS)
    ready = bodies.single(tasks)

    def post_all() -> None:
        for start in range(0, len(ready), NAIVE_CONNECTIONS):
            client.post_together(ready[start : start + NAIVE_CONNECTIONS])

    return lambda: Cost(server=_server_cpu_s(server, post_all) / len(ready))


def with_client(
    server: Server, tasks: Sequence[Task], loop: asyncio.AbstractEventLoop, make_item: Callable[[Task], Item]
) -> Contender:
    """CPU of our client and of the service together, by one call of the client for all tasks.

    Args:
        server: the service.
        tasks: what a round's work is taken from.
        loop: what the client runs on.
        make_item: ``to_item`` or ``to_item_of_values``; making the items is not measured.
    """
    supply, raw = Supply(tasks), RawClient(server.url)
    client = AsyncClient(server.url)

    def run() -> Cost:
        fresh = supply.take(len(tasks))
        warm_up(raw, fresh)
        items, completions = [make_item(task) for task in fresh], count_completions(fresh)
        own_s = 0.0

        def score_all() -> None:
            nonlocal own_s
            started = time.process_time()
            # Not by Runner.run: to take its signal handler back, it has the repr of the result written out.
            loop.run_until_complete(client.score(items))
            own_s = time.process_time() - started

        server_s = _server_cpu_s(server, score_all)
        return Cost(own=own_s / completions, server=server_s / completions)

    return run


def to_item(task: Task) -> Item:
    """The task as the client takes it from a dataset that keeps tools and ground truth as JSON texts."""
    return Item(
        completions=list(task.completions),
        tools=JSONText(task.tools.decode()),
        ground_truth=JSONText(task.ground_truth.decode()),
    )


def to_item_of_values(task: Task) -> Item:
    """The same with the task decoded, for the client to encode."""
    return Item(
        completions=list(task.completions),
        tools=json.loads(task.tools),
        ground_truth=json.loads(task.ground_truth),
    )


def warm_up(client: RawClient, tasks: Sequence[Task]) -> None:
    """Lets a server prepare tasks."""
    for start in range(0, len(tasks), _WARMING_REQUEST):
        part = [warming(task) for task in tasks[start : start + _WARMING_REQUEST]]
        client.post(bodies.whole(part))


def _server_cpu_s(server: Server, work: Callable[[], object]) -> float:
    before = server.cpu_s()
    work()
    time.sleep(_AFTERWARDS_S)
    return server.cpu_s() - before

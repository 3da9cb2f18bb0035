"""Everything that is measured, in the order in which it is, and how much of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import bodies, hostile_inputs, in_process, latency, memory, sweeps, workers
from benchmarks.corpus import Task, make_corpus, make_late_corpus
from benchmarks.over_http import naive_alone, server_alone, to_item, to_item_of_values, with_client
from benchmarks.rounds import Contender, Rounds, interleave
from benchmarks.servers import GOODCALL, LIMIT, NAIVE, Server, serving

PER_REQUEST = 1024

SERVER, SERVER_LATE = "server, grouped", "server, grouped, late groups"
SERVER_INLINE = "server, inline"
SERVER_COLD = "server, grouped, each task for the first time"
WITH_CLIENT = "client and server"
WITH_CLIENT_OF_VALUES = "client and server, tasks as values"
LIMIT_GROUPED, LIMIT_INLINE = "limit, grouped", "limit, inline"
NAIVE_SERVER = "naive server"

_EIGHTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to measure."""

    rounds: int
    """Of the comparison side by side."""
    sweep_rounds: int
    batches: int
    """Batches of 1,024 whose latency is taken."""
    large_batches: int
    """Batches of 8,192 beside which probes are sent."""
    distinct_tasks: int


FULL = Effort(rounds=11, sweep_rounds=5, batches=200, large_batches=10, distinct_tasks=100_000)
QUICK = Effort(rounds=3, sweep_rounds=1, batches=30, large_batches=2, distinct_tasks=10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What one run found."""

    side_by_side: Rounds
    sizes: Rounds
    lengths: Rounds
    tool_counts: Rounds
    hostile: Sequence[hostile_inputs.HostileInput]
    peaks: Sequence[memory.BodyMemory]
    growth: Sequence[memory.Growth]
    batches: latency.Latency
    probes: latency.Latency
    throughputs: Sequence[workers.Throughput]


def measure(effort: Effort, tell: Callable[[str], None]) -> Measurements:
    """Measures everything.

    Args:
        effort: how long.
        tell: is told what comes next.
    """
    early, late = make_corpus(), make_late_corpus()
    tell("side by side")
    side_by_side = _side_by_side(early, late, effort.rounds)
    with serving(GOODCALL) as server:
        tell("completions in a request")
        sizes = sweeps.sizes(server, early, effort.sweep_rounds)
        tell("lengths of completions")
        lengths = sweeps.lengths(server, early, effort.sweep_rounds)
        tell("tools of a task")
        tool_counts = sweeps.tool_counts(server, early, effort.sweep_rounds)
    with serving(GOODCALL) as server:
        tell("latency")
        batches = latency.batches(server, early, effort.batches)
        probes = latency.probes(server, early, effort.large_batches)
    tell("workers")
    throughputs = workers.throughputs(early, effort.sweep_rounds * 3)
    tell("hostile inputs")
    hostile = hostile_inputs.measure()
    tell("memory")
    return Measurements(
        side_by_side=side_by_side,
        sizes=sizes,
        lengths=lengths,
        tool_counts=tool_counts,
        hostile=hostile,
        peaks=memory.peaks(early, (PER_REQUEST, sweeps.SIZES[-1])),
        growth=memory.growth(effort.distinct_tasks),
        batches=batches,
        probes=probes,
        throughputs=throughputs,
    )


def _side_by_side(early: Sequence[Task], late: Sequence[Task], rounds: int) -> Rounds:
    with (
        serving(GOODCALL) as service,
        serving(NAIVE) as naive,
        serving(LIMIT) as limit,
        asyncio.Runner() as runner,
    ):
        contenders: dict[str, Contender] = {
            **in_process.contenders(early, late),
            SERVER: _grouped(service, early),
            SERVER_LATE: _grouped(service, late),
            SERVER_INLINE: server_alone(service, early, bodies.inline, per_request=PER_REQUEST),
            SERVER_COLD: server_alone(service, early, bodies.grouped, per_request=PER_REQUEST, warm=False),
            WITH_CLIENT: with_client(service, early, runner.get_loop(), to_item),
            WITH_CLIENT_OF_VALUES: with_client(service, early, runner.get_loop(), to_item_of_values),
            LIMIT_GROUPED: server_alone(limit, early, bodies.grouped, per_request=PER_REQUEST, warm=False),
            LIMIT_INLINE: server_alone(limit, early, bodies.inline, per_request=PER_REQUEST, warm=False),
            NAIVE_SERVER: naive_alone(naive, early[::_EIGHTH]),
        }
        return interleave(contenders, rounds)


def _grouped(server: Server, tasks: Sequence[Task]) -> Contender:
    return server_alone(server, tasks, bodies.grouped, per_request=PER_REQUEST)

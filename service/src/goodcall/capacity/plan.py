"""Replicas for a training run: enough cores for its mean, and enough at once for its bursts."""

import math
from dataclasses import dataclass

from goodcall.capacity.costs import DOCUMENTED, Costs


class Unreachable(Exception):
    """No number of replicas keeps the wait; the message says what does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingLoad:
    """What training sends: every so often all completions of a step at once."""

    prompts: int
    """Of a step of one run; each is a task with a group of completions."""
    group: int
    step_s: float
    """From one step to the next."""
    runs: int = 1
    """That share the service."""
    completion_bytes: float = 1_400
    clients: int = 1
    """Processes of one run that send, each with a client of its own."""
    per_request: int = 1_024
    """Completions that a client puts into one request at most: its ``max_completions_per_request``."""
    in_flight: int = 4
    """Requests that a client has under way at most: its ``max_in_flight``."""
    network_gbit_s: float = 10
    """Of one client."""

    @property
    def completions(self) -> int:
        """Of a step of all runs together."""
        return self.prompts * self.group * self.runs

    @property
    def of_client(self) -> int:
        """Completions of a step that one client sends."""
        return math.ceil(self.prompts * self.group / self.clients)

    @property
    def requests(self) -> int:
        """Of a step of all runs together."""
        return math.ceil(self.of_client / self.per_request) * self.clients * self.runs

    @property
    def most_at_once(self) -> int:
        """Requests under way at most."""
        return self.clients * self.runs * min(self.in_flight, math.ceil(self.of_client / self.per_request))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the service is to be."""

    cores: int = 2
    """Of a replica, each with a worker."""
    utilisation: float = 0.6
    """Of all cores, on the mean, at most."""
    wait_s: float = 1.0
    """From the moment that a step has its completions to its last verdict, at most."""
    least: int = 2
    """Replicas, so that one can be away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What it takes, and what comes of it."""

    replicas: int
    for_load: int
    """Replicas that the mean asks for."""
    for_wait: int
    """Replicas that the wait asks for when all runs end a step at once."""
    completions_per_step: int
    completions_per_s: float
    cpu_us: float
    """Of the service, for each completion, everything included."""
    utilisation: float
    client_s: float
    """Of the wait: the client's own work."""
    wire_s: float
    """Of the wait: the bytes on their way."""
    service_s: float
    """Of the wait: scoring."""
    wait_s: float
    share_of_step: float
    """The wait, of a step."""


def plan(load: TrainingLoad, wanted: Wanted, costs: Costs = DOCUMENTED) -> Plan:
    """The fewest replicas that do what is wanted.

    The wait is the worst that arithmetic allows: all runs end a step in the same moment, and nothing overlaps: a client
    encodes everything, then sends everything, then the service scores. Requests go to cores that are free; a balancer
    that can't see which are will be up to twice as slow, see docs/capacity.md.

    Raises:
        Unreachable: no number of replicas keeps the wait.
    """
    busy_s = _busy_s(load, costs)
    for_load = math.ceil(round(busy_s / load.step_s / wanted.cores / wanted.utilisation, 9))
    for_wait = _for_wait(load, wanted, costs, busy_s)
    replicas = max(for_load, for_wait, wanted.least)
    return _with(replicas, load, wanted, costs, for_load=for_load, for_wait=for_wait)


def _with(replicas: int, load: TrainingLoad, wanted: Wanted, costs: Costs, *, for_load: int, for_wait: int) -> Plan:
    busy_s = _busy_s(load, costs)
    client_s, wire_s = _client_s(load, costs), _wire_s(load)
    service_s = _service_s(busy_s, _request_s(load, costs), _useful(load, replicas * wanted.cores))
    wait_s = client_s + wire_s + service_s
    return Plan(
        replicas=replicas,
        for_load=for_load,
        for_wait=for_wait,
        completions_per_step=load.completions,
        completions_per_s=load.completions / load.step_s,
        cpu_us=busy_s / load.completions * 1e6,
        utilisation=busy_s / load.step_s / (replicas * wanted.cores),
        client_s=client_s,
        wire_s=wire_s,
        service_s=service_s,
        wait_s=wait_s,
        share_of_step=wait_s / load.step_s,
    )


def _busy_s(load: TrainingLoad, costs: Costs) -> float:
    """Core seconds of the service for a step of all runs."""
    return (
        load.requests * costs.request_us
        + load.prompts * load.runs * costs.task_us
        + load.completions * costs.of_completion_us(load.completion_bytes)
    ) / 1e6


def _request_s(load: TrainingLoad, costs: Costs) -> float:
    """Core seconds of the longest request."""
    return costs.of_request_s(min(load.of_client, load.per_request), load.group, load.completion_bytes)


def _client_s(load: TrainingLoad, costs: Costs) -> float:
    return load.of_client * costs.of_client_us(load.completion_bytes) / 1e6


def _wire_s(load: TrainingLoad) -> float:
    return load.of_client * load.completion_bytes * 8 / (load.network_gbit_s * 1e9)


def _useful(load: TrainingLoad, cores: int) -> int:
    """Cores that have something to do: a client has so many requests under way and no more."""
    return min(cores, load.most_at_once)


def _service_s(busy_s: float, request_s: float, cores: int) -> float:
    """At most: the last request begins when no core is free of the others, and takes its time."""
    return max(busy_s - request_s, 0) / cores + request_s


def _for_wait(load: TrainingLoad, wanted: Wanted, costs: Costs, busy_s: float) -> int:
    client_s, wire_s, request_s = _client_s(load, costs), _wire_s(load), _request_s(load, costs)
    left_s = wanted.wait_s - client_s - wire_s
    if left_s < request_s:
        raise Unreachable(
            f"no number of replicas gets a step's verdicts within {wanted.wait_s:g} s: clients take {client_s:.2f} s "
            f"to encode and read {load.of_client:,} completions each, the network {wire_s:.2f} s, and one request "
            f"{request_s:.2f} s; let more processes of a run send (--clients), send while generation goes on, or "
            "allow more"
        )
    rest_s = busy_s - request_s
    cores = 1 if rest_s <= 0 else math.ceil(round(rest_s / max(left_s - request_s, 1e-9), 6))
    if cores > load.most_at_once:
        raise Unreachable(
            f"{cores:,} cores would have to score at once, and clients have {load.most_at_once:,} requests under way "
            "at most; raise their max_in_flight (--in-flight) or let more processes of a run send (--clients)"
        )
    return max(1, math.ceil(cores / wanted.cores))

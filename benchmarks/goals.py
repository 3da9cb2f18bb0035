"""The goals that the service is held to, each with what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from benchmarks import sweeps
from benchmarks.hostile_inputs import SPAM
from benchmarks.in_process import PLAIN, PLAIN_LATE, VERIFIER
from benchmarks.measurements import (
    LIMIT_GROUPED,
    NAIVE_SERVER,
    SERVER,
    SERVER_INLINE,
    SERVER_LATE,
    WITH_CLIENT,
    Measurements,
)
from benchmarks.rounds import Rounds


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure with its bound."""

    name: str
    bound: float
    measured: float
    unit: str = ""
    at_least: bool = False
    """Whether the bound is one from below."""

    @property
    def is_met(self) -> bool:
        """Whether the figure keeps within the bound."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def check(found: Measurements) -> list[Goal]:
    """Every goal, in the order of the document."""
    return [*_ratios(found.side_by_side), *_growth(found), *_absolutes(found)]


def _ratios(rounds: Rounds) -> Iterator[Goal]:
    ratio = rounds.ratio
    yield Goal("verifier in-process / plain scorer, reasons included", 0.18, ratio(VERIFIER, PLAIN))
    yield Goal("server over HTTP, grouped / plain scorer", 0.28, ratio(SERVER, PLAIN))
    yield Goal("client and server / plain scorer", 0.40, ratio(WITH_CLIENT, PLAIN))
    yield Goal("server / limit", 2.5, ratio(SERVER, LIMIT_GROUPED))
    yield Goal("late-training groups: server / plain scorer", 0.22, ratio(SERVER_LATE, PLAIN_LATE))
    yield Goal("naive server / server", 60, ratio(NAIVE_SERVER, SERVER), at_least=True)
    yield Goal("inline tools: server / plain scorer", 0.5, ratio(SERVER_INLINE, PLAIN))


def _growth(found: Measurements) -> Iterator[Goal]:
    for shape in ("grouped", "inline"):
        cost = found.sizes.ratio(f"{shape} 8192", f"{shape} 256")
        yield Goal(f"a completion's cost at 8,192 a request / at 256, {shape}", 1.15, cost)
    yield Goal("a byte's cost, from one length to the next up to 200 KB, at worst", 1.15, _worst_step(found.lengths))
    after, halfway = found.growth[-1], found.growth[len(found.growth) // 2]
    memory = after.held_bytes / halfway.held_bytes
    yield Goal(f"memory after {after.tasks:,} different tasks / after {halfway.tasks:,}", 1.05, memory)
    yield Goal("peak memory above idle / body, at worst", 3, max(peak.per_body_byte for peak in found.peaks))


def _worst_step(lengths: Rounds) -> float:
    """From 1 KB on: by how much a byte gets dearer where completions get longer."""
    steps = pairwise(length for length in sweeps.LENGTHS if length >= 1000)
    return max(lengths.ratio(f"server {long}", f"server {short}") * short / long for short, long in steps)


def _absolutes(found: Measurements) -> Iterator[Goal]:
    [spam] = (hostile for hostile in found.hostile if hostile.name == SPAM)
    yield Goal("45 KB of `<tool_call>`", 1, spam.verifier_ms, " ms")
    yield Goal("any hostile completion of up to 1 MiB", 100, max(one.verifier_ms for one in found.hostile), " ms")
    yield Goal("p99 / p50 of batches of 1,024", 3, found.batches.spread)
    yield Goal("a probe's answer while 8,192 are scored, p99", 100, found.probes.p99_ms, " ms")

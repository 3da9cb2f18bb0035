"""The document and the plot hold what was measured, and the goals are held to it."""

import re

import pytest

from benchmarks import document, plot, sweeps
from benchmarks.goals import Goal, check
from benchmarks.hostile_inputs import SPAM, HostileInput
from benchmarks.in_process import PLAIN, PLAIN_LATE, VERIFIER, VERIFIER_COLD, VERIFIER_LATE, VERIFIER_PYTHON
from benchmarks.latency import Latency
from benchmarks.measurements import (
    LIMIT_GROUPED,
    LIMIT_INLINE,
    NAIVE_SERVER,
    SERVER,
    SERVER_COLD,
    SERVER_INLINE,
    SERVER_LATE,
    WITH_CLIENT,
    Measurements,
)
from benchmarks.memory import BodyMemory, Growth
from benchmarks.rounds import Cost, Rounds, interleave
from benchmarks.workers import Throughput

COSTS_US = {
    PLAIN: 25,
    VERIFIER: 4,
    VERIFIER_COLD: 20,
    VERIFIER_PYTHON: 9,
    PLAIN_LATE: 25,
    VERIFIER_LATE: 3,
    SERVER: 6.5,
    SERVER_LATE: 5,
    SERVER_INLINE: 12,
    SERVER_COLD: 20,
    WITH_CLIENT: 9,
    LIMIT_GROUPED: 2.9,
    LIMIT_INLINE: 7,
    NAIVE_SERVER: 400,
}
WAITS = Latency(p50_ms=10, p99_ms=20, longest_ms=25, count=300)


def rounds(costs_us):
    """Three rounds around these figures."""
    return Rounds({name: [Cost(own=us * noise / 1e6) for noise in (0.9, 1, 1.2)] for name, us in costs_us.items()})


def sweep(names, steps, us_per_step=0.0):
    return rounds({f"{name} {step}": 4 + step * us_per_step for name in names for step in steps})


MEASURED = Measurements(
    side_by_side=rounds(COSTS_US),
    sizes=sweep(("grouped", "inline"), sweeps.SIZES),
    lengths=sweep(("plain", "verifier", "server"), sweeps.LENGTHS, 1 / 500),
    tool_counts=sweep(("grouped", "inline"), sweeps.TOOL_COUNTS),
    hostile=[HostileInput(SPAM, 45_056, 0.02, "think_missing", None, "stopped after 2 s")],
    peaks=[BodyMemory("grouped", 1024, 1_000_000, 2_000_000)],
    growth=[Growth(tasks, 60_000_000 + min(tasks, 3)) for tasks in range(0, 100, 10)],
    batches=WAITS,
    probes=WAITS,
    throughputs=[Throughput(1, 90_000, 7.0)],
)


def test_the_document_holds_every_goal_and_every_contender():
    text = document.write(MEASURED, "make bench", "benchmarks.svg")
    rows = set(re.findall(r"^\| (.*?) \|", text, re.MULTILINE))
    assert {goal.name for goal in check(MEASURED)} | COSTS_US.keys() <= rows


def test_the_document_says_with_what_it_was_made_and_leaves_no_place_unfilled():
    text = document.write(MEASURED, "make bench", "benchmarks.svg")
    assert "`make bench`" in text
    assert "Python 3." in text
    assert "(benchmarks.svg)" in text
    assert "$" not in text


def test_the_plot_is_the_same_for_the_same_figures(tmp_path):
    for name in ("one.svg", "other.svg"):
        plot.draw(MEASURED, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_goals_are_held_to_what_was_measured():
    measured = {goal.name: (round(goal.measured, 3), goal.is_met) for goal in check(MEASURED)}
    assert measured["verifier in-process / plain scorer, reasons included"] == (0.16, True)
    assert measured["inline tools: server / plain scorer"] == (0.48, True)
    assert measured["naive server / server"] == (61.538, True)
    assert measured["45 KB of `<tool_call>`"] == (0.02, True)
    assert measured["p99 / p50 of batches of 1,024"] == (2.0, True)


@pytest.mark.parametrize(
    ("measured", "at_least", "is_met"), [(2, False, True), (3, False, False), (2, True, True), (1, True, False)]
)
def test_a_goal_is_a_bound_from_above_or_from_below(measured, at_least, is_met):
    assert Goal("figure", 2, measured, at_least=at_least).is_met is is_met


def test_a_ratio_is_the_median_of_the_ratios_within_a_round():
    costs = {"a": [Cost(1), Cost(20), Cost(3)], "b": [Cost(1), Cost(10), Cost(1)]}
    assert Rounds(costs).ratio("a", "b") == 2


def test_contenders_take_turns_and_their_first_turn_is_not_counted():
    turns = []

    def contender(name):
        def run():
            turns.append(name)
            return Cost(own=len(turns))

        return run

    found = interleave({"a": contender("a"), "b": contender("b")}, rounds=2)
    assert turns == ["a", "b"] * 3
    assert found.costs == {"a": [Cost(3), Cost(5)], "b": [Cost(4), Cost(6)]}

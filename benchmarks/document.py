"""The document: the template filled with a run's figures."""

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from string import Template

from benchmarks import sweeps
from benchmarks.corpus import GROUP, TASKS, make_corpus
from benchmarks.corpus_statistics import measure as measure_corpus
from benchmarks.goals import Goal, check
from benchmarks.in_process import PLAIN, PLAIN_LATE
from benchmarks.latency import Latency
from benchmarks.measurements import PER_REQUEST, WITH_CLIENT, Measurements
from benchmarks.rounds import Rounds
from goodcall import native

PLOT_SAYS = "CPU time for each completion: side by side, by completions in a request, by length, by tools"

_COMPILED = "Its compiled judge was there; *without* it, Python does the same."
_NOT_COMPILED = "Its compiled judge was not there, so Python did it all."
_TEMPLATE = Path(__file__).with_name("template.md")
_PACKAGES = ("fastapi", "uvicorn", "uvloop", "msgspec", "jsonschema-rs", "pydantic", "httpx")


def write(found: Measurements, command: str, plot: str) -> str:
    """The document in Markdown.

    Args:
        found: what was measured.
        command: what was run to measure it.
        plot: where the plot is, from the document.
    """
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        command=command,
        machine=machine(),
        versions=", ".join(f"{package} {version(package)}" for package in _PACKAGES),
        plot=plot,
        plot_says=PLOT_SAYS,
        goals=goals_table(check(found)),
        rounds=len(found.side_by_side.costs[PLAIN]),
        per_request=f"{PER_REQUEST:,}",
        side_by_side=_side_by_side(found.side_by_side),
        judge=_COMPILED if native.judge_group else _NOT_COMPILED,
        plain_us=_figure(found.side_by_side.microseconds(PLAIN)),
        client_us=_figure(found.side_by_side.own_microseconds(WITH_CLIENT)),
        sizes=_sweep(found.sizes, "completions", sweeps.SIZES, ("grouped", "inline")),
        lengths=_sweep(found.lengths, "bytes", sweeps.LENGTHS, ("plain", "verifier", "server")),
        tool_counts=_sweep(found.tool_counts, "tools", sweeps.TOOL_COUNTS, ("grouped", "inline")),
        hostile=_hostile(found),
        peaks=_peaks(found),
        growth=table(("tasks", "MB"), ((f"{look.tasks:,}", f"{look.held_bytes / 1e6:.0f}") for look in found.growth)),
        latency=_latency(found),
        workers=_workers(found),
        tasks=TASKS,
        group=GROUP,
        corpus=_corpus(),
    )


def machine() -> str:
    """What was measured on, in words."""
    cpus = len(os.sched_getaffinity(0))
    return f"{cpus} {platform.machine()} CPUs under {platform.system()}, Python {platform.python_version()}"


def goals_table(goals: Iterable[Goal]) -> str:
    """Goals and what was measured, in Markdown."""
    rows = (
        (
            goal.name,
            f"{'≥' if goal.at_least else '≤'} {goal.bound:g}{goal.unit}",
            f"{_figure(goal.measured)}{goal.unit}",
            "yes" if goal.is_met else "**no**",
        )
        for goal in goals
    )
    return table(("figure", "goal", "measured", "met"), rows)


def _side_by_side(rounds: Rounds) -> str:
    rows = []
    for name in rounds.costs:
        baseline = PLAIN_LATE if "late" in name else PLAIN
        rows.append((name, _figure(rounds.microseconds(name)), f"{rounds.ratio(name, baseline):.3f}"))
    return table(("", "µs", "times plain scorer"), rows)


def _sweep(rounds: Rounds, what: str, steps: Sequence[int], names: Sequence[str]) -> str:
    rows = ((f"{step:,}", *(_figure(rounds.microseconds(f"{name} {step}")) for name in names)) for step in steps)
    return table((what, *names), rows)


def _hostile(found: Measurements) -> str:
    rows = (
        (
            one.name,
            f"{one.verifier_ms:.2f}",
            f"`{one.reason}`",
            "" if one.plain_ms is None else f"{one.plain_ms:.2f}",
            one.plain_outcome,
        )
        for one in found.hostile
    )
    return table(("completion", "verifier, ms", "reason", "plain scorer, ms", "its answer"), rows)


def _peaks(found: Measurements) -> str:
    rows = (
        (
            f"{peak.completions:,} {peak.shape}",
            f"{peak.body_bytes / 1e6:.1f}",
            f"{peak.peak_above_idle_bytes / 1e6:.1f}",
            f"{peak.per_body_byte:.2f}",
        )
        for peak in found.peaks
    )
    return table(("completions", "body, MB", "peak above idle, MB", "times body"), rows)


def _latency(found: Measurements) -> str:
    rows = (("batches of 1,024", found.batches), ("probes while 8,192 are scored", found.probes))
    return table(("", "p50, ms", "p99, ms", "longest, ms", "of"), (_waits(name, latency) for name, latency in rows))


def _workers(found: Measurements) -> str:
    rows = ((f"{one.workers}", f"{one.completions_per_s:,.0f}", _figure(one.cpu_us)) for one in found.throughputs)
    return table(("workers", "completions a second", "CPU µs"), rows)


def _waits(name: str, latency: Latency) -> tuple[str, ...]:
    waits = (latency.p50_ms, latency.p99_ms, latency.longest_ms)
    return (name, *(f"{wait:.1f}" for wait in waits), f"{latency.count:,}")


def _corpus() -> str:
    rows = ((figure.name, _figure(figure.target), _figure(figure.value)) for figure in measure_corpus(make_corpus()))
    return table(("", "benchmark", "corpus"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: the first column is words, the others are aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(value: float) -> str:
    """Three significant digits, and no fewer than the integer part has."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"

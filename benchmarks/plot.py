"""The plot: four panels of CPU time for each completion."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks import sweeps
from benchmarks.in_process import PLAIN, VERIFIER
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

_SHOWN = (NAIVE_SERVER, PLAIN, WITH_CLIENT, SERVER_INLINE, SERVER, SERVER_LATE, VERIFIER, LIMIT_GROUPED)
_COLOURS = {
    **dict.fromkeys((NAIVE_SERVER, PLAIN, "plain"), "#b0a8a0"),
    **dict.fromkeys((SERVER, WITH_CLIENT, SERVER_INLINE, SERVER_LATE, "grouped", "server"), "#1f6f8b"),
    **dict.fromkeys((VERIFIER, "verifier"), "#e08e45"),
    "inline": "#7fb3c8",
    LIMIT_GROUPED: "#555555",
}


_STYLE = {"svg.hashsalt": "goodcall", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def draw(found: Measurements, path: Path) -> None:
    """Writes the plot as SVG, the same bytes for the same figures."""
    mpl.rcParams.update(_STYLE)
    figure = Figure(figsize=(10, 7), layout="constrained")
    (bars, sizes), (lengths, tools) = figure.subplots(2, 2)
    _draw_bars(bars, found.side_by_side)
    _draw_lines(sizes, found.sizes, sweeps.SIZES, ("grouped", "inline"))
    _label(sizes, "Server, by completions in a request", "completions in a request")
    _draw_lines(lengths, found.lengths, sweeps.LENGTHS, ("plain", "server", "verifier"))
    _label(lengths, "By length of a completion", "bytes of a completion")
    _draw_lines(tools, found.tool_counts, sweeps.TOOL_COUNTS, ("grouped", "inline"))
    _label(tools, "Server, by tools of a task", "tools of a task")
    figure.savefig(path, metadata={"Date": None})


def _draw_bars(axes: Axes, rounds: Rounds) -> None:
    figures = [rounds.microseconds(name) for name in _SHOWN]
    bars = axes.barh(_SHOWN, figures, color=[_COLOURS[name] for name in _SHOWN])
    axes.bar_label(bars, fmt=lambda value: f"{value:.3g}", padding=3)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.15)
    _number(axes.xaxis)
    axes.set_title("Side by side, corpus of 1.4 KB, 1,024 a request", loc="left")
    axes.set_xlabel("CPU µs for each completion")


def _draw_lines(axes: Axes, rounds: Rounds, steps: Sequence[int], names: Sequence[str]) -> None:
    for name in names:
        figures = [rounds.microseconds(f"{name} {step}") for step in steps]
        axes.plot(steps, figures, marker="o", markersize=4, color=_COLOURS[name], label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(steps, [_short(step) for step in steps])
    axes.minorticks_off()
    _number(axes.yaxis)
    axes.legend(frameon=False)


def _number(axis: Axis) -> None:
    """Writes plain numbers on a logarithmic axis, three for each power of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def _short(step: int) -> str:
    return f"{step // 1000}k" if step >= 10_000 else f"{step:,}"


def _label(axes: Axes, title: str, steps: str) -> None:
    axes.set_title(title, loc="left")
    axes.set_xlabel(steps)
    axes.set_ylabel("CPU µs for each completion")

"""Charts as inline SVG: no script, no reference to anything outside, at home on light and dark pages.

Text and axes take the page's own colour (`currentColor`); curves have colours that stand out on both. No text that
comes from a run is ever drawn: names of curves belong into the legend, which is the page's.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import cycle

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK = "#010203"
"""Stands for the page's text colour while matplotlib draws; occurs nowhere else."""
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#3b82c4", "#c96f1c", "#3a9a5b", "#c9504f", "#8e6bbf", "#8a8f98"
TEAL, PINK, OCHRE = "#22918c", "#d16ba5", "#a98a2c"
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, TEAL, PINK, OCHRE)
"""For curves of one kind, in this order."""

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "goodcall",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

_DOTS_UNTIL = 16
"""Points of a curve that are drawn as dots too; more would only thicken it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line through points, in the order of their x."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: str
    low: Sequence[float] = ()
    """With `high`, one for each point: a band around the line."""
    high: Sequence[float] = ()
    bars: bool = False
    """Draws `low` and `high` as a bar at each point instead of a band."""
    faint: bool = False
    """Stands behind the others, and is not in the legend: raw values behind their mean, for example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An entry of a chart's legend."""

    label: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """An `<svg>` element and what its colours mean."""

    svg: Markup
    legend: tuple[Key, ...]


def line_chart(
    name: str,
    description: str,
    curves: Sequence[Curve],
    *,
    x_label: str,
    y_label: str,
    y_range: tuple[float | None, float | None] = (None, None),
    marks: Iterable[float] = (),
) -> Chart:
    """Curves over each other.

    Args:
        name: Unique on the page; made of letters and digits.
        description: For those who can't see the chart.
        curves: At least one, with at least one point.
        x_label: Of the lower axis.
        y_label: Of the left axis.
        y_range: Where the left axis must begin and end; None leaves it to the values.
        marks: Where dotted lines stand, for example where a run went on after it had stopped.
    """
    with mpl.rc_context(STYLE):
        figure, axes = _canvas(x_label, y_label)
        for curve in curves:
            _draw(axes, curve)
        _mark(axes, marks)
        bottom, top = y_range
        axes.set_ylim(bottom=bottom, top=top)
        legend = dict.fromkeys(Key(label=curve.label, colour=curve.colour) for curve in curves if not curve.faint)
        return Chart(svg=_svg(figure, name, description), legend=tuple(legend))


def shares_chart(
    name: str,
    description: str,
    xs: Sequence[float],
    shares: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    *,
    x_label: str,
    marks: Iterable[float] = (),
) -> Chart:
    """Shares that make up a whole, stacked, the first at the bottom; each has one share in [0, 1] for each x."""
    with mpl.rc_context(STYLE):
        figure, axes = _canvas(x_label, "share of completions")
        layers = [list(layer) for layer in shares.values()]
        if len(xs) == 1:  # one point has no area
            xs, layers = [xs[0] - 0.5, xs[0] + 0.5], [layer * 2 for layer in layers]
        axes.stackplot(xs, layers, colors=[colours[label] for label in shares], alpha=0.85, linewidth=0)
        _mark(axes, marks)
        axes.set_ylim(0, 1)
        axes.set_xlim(xs[0], xs[-1])
        legend = tuple(Key(label=label, colour=colours[label]) for label in shares)
        return Chart(svg=_svg(figure, name, description), legend=legend)


def coloured(labels: Iterable[str], colours: Sequence[str] = COLOURS) -> dict[str, str]:
    """A colour for each label; they repeat when there are not enough."""
    return dict(zip(labels, cycle(colours), strict=False))


def _draw(axes: Axes, curve: Curve) -> None:
    if curve.faint:
        axes.plot(curve.xs, curve.ys, color=curve.colour, alpha=0.35, linewidth=0.8)
        return
    if curve.low and curve.bars:
        axes.vlines(curve.xs, curve.low, curve.high, color=curve.colour, alpha=0.4, linewidth=3)
    elif curve.low:
        axes.fill_between(curve.xs, curve.low, curve.high, color=curve.colour, alpha=0.18, linewidth=0)
    dots = "o" if len(curve.xs) <= _DOTS_UNTIL else ""
    axes.plot(curve.xs, curve.ys, color=curve.colour, marker=dots, markersize=3, linewidth=1.6, zorder=3)


def _mark(axes: Axes, marks: Iterable[float]) -> None:
    for mark in marks:
        axes.axvline(mark, color=INK, alpha=0.7, linewidth=1, linestyle=(0, (1, 2)))


def _canvas(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.4, 2.7), layout="constrained")
    axes = figure.add_subplot(xlabel=x_label, ylabel=y_label)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=x_label.endswith("step")))
    axes.grid(axis="y", color=GREY, alpha=0.25)
    return figure, axes


def _svg(figure: Figure, name: str, description: str) -> Markup:
    """The figure as an `<svg>` element for an HTML page, its ids made unique by `name`."""
    buffer = StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Inside HTML these declarations mean nothing, and without them the page names no other host at all.
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    label = Markup("{}").format(description)
    svg = re.sub(r'^<svg[^>]*?(viewBox="[^"]*")[^>]*>', rf'<svg \1 role="img" aria-label="{label}">', svg)
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    # Drawn by matplotlib from numbers and from words of this package: markup by construction.
    return Markup(svg.replace(INK, "currentColor"))  # noqa: S704

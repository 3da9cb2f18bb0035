"""The report's charts as inline SVG: no script, no reference to anything outside, at home on light and dark pages.

Text and axes take the page's own colour (`currentColor`); the lines have colours that stand out on both.
"""

import re
from collections.abc import Sequence
from io import StringIO

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goodcall_trainer.demo.evaluate import Evaluation

INK = "#010203"
"""Stands for the page's text colour while matplotlib draws; occurs nowhere else."""
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#3b82c4", "#d97f2b", "#3a9a5b", "#c9504f", "#8e6bbf", "#8a8f98"
SHOWN_REASONS = 5

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "goodcall",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def heldout_chart(evaluations: Sequence[Evaluation]) -> str:
    """Greedy and sampled held-out accuracy over GRPO steps."""
    with mpl.rc_context(STYLE):
        figure, axes = _canvas("GRPO step", "held-out exact match")
        steps = [evaluation.step for evaluation in evaluations]
        axes.plot(steps, [e.greedy_accuracy for e in evaluations], "o-", color=BLUE, label="greedy")
        axes.plot(steps, [e.sampled_accuracy for e in evaluations], "s-", color=ORANGE, label="sampled")
        axes.set_ylim(0, 1.02)
        axes.legend(loc="lower right")
        return _svg(figure, "heldout", "Greedy and sampled held-out exact match over GRPO steps")


def reward_chart(rewards: Sequence[tuple[int, float]]) -> str:
    """Mean reward of each batch of rollouts over GRPO steps."""
    with mpl.rc_context(STYLE):
        figure, axes = _canvas("GRPO step", "mean reward of rollouts")
        axes.plot([step for step, _ in rewards], [reward for _, reward in rewards], "o-", color=GREEN, markersize=3)
        axes.set_ylim(0, 1.02)
        return _svg(figure, "reward", "Mean training reward over GRPO steps")


def reasons_chart(evaluations: Sequence[Evaluation]) -> str:
    """Share of the commonest reasons among the sampled held-out completions, over GRPO steps."""
    with mpl.rc_context(STYLE):
        figure, axes = _canvas("GRPO step", "share of sampled completions")
        steps = [evaluation.step for evaluation in evaluations]
        for reason, colour in zip(_commonest(evaluations), (RED, ORANGE, PURPLE, BLUE, GREY), strict=False):
            shares = [e.sampled_reasons.get(reason, 0) / len(e.sampled) for e in evaluations]
            axes.plot(steps, shares, "o-", color=colour, markersize=3, label=reason)
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper right", fontsize=8)
        return _svg(figure, "reasons", "Reasons of wrong sampled completions over GRPO steps")


def _commonest(evaluations: Sequence[Evaluation]) -> list[str]:
    """The reasons for a score other than 1, the most frequent over all measurements first."""
    totals: dict[str, int] = {}
    for evaluation in evaluations:
        for judged in evaluation.sampled:
            if judged.verdict.score != 1.0:
                totals[judged.verdict.reason] = totals.get(judged.verdict.reason, 0) + 1
    return sorted(totals, key=lambda reason: -totals[reason])[:SHOWN_REASONS]


def _canvas(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes = figure.add_subplot(xlabel=x_label, ylabel=y_label)
    axes.grid(color=GREY, alpha=0.25)
    return figure, axes


def _svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an `<svg>` element for an HTML page, its ids made unique by `name`."""
    buffer = StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Inside HTML these declarations mean nothing, and without them the page names no other host at all.
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r'^<svg[^>]*?(viewBox="[^"]*")[^>]*>', rf'<svg \1 role="img" aria-label="{description}">', svg)
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace(INK, "currentColor")

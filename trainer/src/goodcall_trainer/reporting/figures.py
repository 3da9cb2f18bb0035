"""The figures of a run: charts with the numbers to read off them, or one line where nothing was logged."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from goodcall_trainer.reporting.charts import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    Chart,
    Curve,
    coloured,
    line_chart,
    shares_chart,
)
from goodcall_trainer.reporting.plots import GENERATION, HACKING, THROUGHPUT, Plot
from goodcall_trainer.reporting.run_log import Line, RunLog
from goodcall_trainer.reporting.series import (
    Series,
    generated_per_s,
    hacking_gap,
    series,
    smoothed,
    thinned,
    tokens_per_s,
)

RIGHT = "ok"
"""The reason of a completion that nothing is wrong with."""
OTHER = "other"
"""The layer of the reasons that are too rare for one of their own."""
_SHOWN_REASONS = 7
_MOST_LAYERS = 120
"""Points along the steps at which shares are drawn; more are taken together."""
_Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart with its heading, and what it shows in numbers."""

    title: str
    chart: Chart
    numbers: Mapping[str, Series]
    """For each curve its values, of which the page shows the first and the last; empty for shares."""
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What stands where a figure would: what was not logged, and why that may be."""

    title: str
    why: str


def plotted(plot: Plot, lines: Sequence[Line], resumes: Sequence[int] = (), *, prefix: str = "") -> Figure | Missing:
    """The figure of those metrics of a plot that were logged; `prefix` keeps ids apart on a page that has it twice."""
    found = {label: points for label, metric in plot.metrics.items() if (points := series(lines, metric))}
    return _figure(plot, found, resumes, prefix=prefix)


def throughput_figure(log: RunLog) -> Figure | Missing:
    """Tokens for each second of wall time."""
    points = tokens_per_s(log.steps, log.resumes)
    return _figure(THROUGHPUT, {"tokens per second": points} if points else {}, log.resumes)


def generation_figure(log: RunLog) -> Figure | Missing:
    """Tokens of completions for each second of generation."""
    points = generated_per_s(log.steps)
    return _figure(GENERATION, {"tokens per second": points} if points else {}, log.resumes)


def hacking_figure(log: RunLog) -> Figure | Missing:
    """How much more the released scorer gives than the hardened one, for the same completions."""
    gap = hacking_gap(log.steps)
    figure = _figure(HACKING, {"released - hardened": gap} if gap else {}, log.resumes, zero=True)
    if isinstance(figure, Missing):
        return figure
    scores = {name: series(log.steps, f"hacking.{name}") for name in ("released", "hardened")}
    return replace(figure, numbers={**figure.numbers, **scores})


def reward_figure(log: RunLog) -> Figure | Missing:
    """The mean reward of each step's completions, with their standard deviation as a band around it."""
    mean = series(log.steps, "reward")
    if not mean:
        return Missing(title="Reward", why="TRL logs it with every step that makes new completions")
    spread = series(log.steps, "reward_std").at
    is_share = all(0 <= y <= 1 and spread.get(x, 0.0) <= _most_spread(y) for x, y in zip(mean.xs, mean.ys, strict=True))
    band = "Band: one standard deviation of the step's rewards." if spread else "Their spread was not logged."
    return Figure(
        title="Reward",
        chart=line_chart(
            "reward",
            "Mean reward over steps",
            curves_through("mean reward", mean, BLUE, spread),
            x_label="step",
            y_label="mean reward of completions",
            y_range=(0, 1.02) if is_share else (None, None),
            marks=log.resumes,
        ),
        numbers={"mean reward": mean},
        notes=[band],
    )


def heldout_figure(log: RunLog) -> Figure | Missing:
    """Greedy and sampled scores on held-out rows, shares of right ones with their 95 % intervals."""
    found = {name: points for name in ("greedy", "sampled") if (points := series(log.heldout, name))}
    if not found:
        return Missing(title="Held-out score", why="the run has not measured any yet, or has no held-out rows")
    rows = series(log.heldout, "rows").at
    judged = {line["step"]: max(rows.get(line["step"], 0), sum(reason_counts(line).values())) for line in log.heldout}
    are_shares = all(_is_share(y, judged[x]) for points in found.values() for x, y in points.at.items())
    is_in_unit = all(0 <= y <= 1 for points in found.values() for y in points.ys)
    colours = coloured(found)
    curves = [
        _with_intervals(label, points, colours[label], rows if are_shares else {}) for label, points in found.items()
    ]
    return Figure(
        title="Held-out score",
        chart=line_chart(
            "heldout",
            "Greedy and sampled held-out scores over steps",
            curves,
            x_label="step",
            y_label="mean score",
            y_range=(0, 1.02) if is_in_unit else (None, None),
            marks=log.resumes,
        ),
        numbers={name: points.ends for name, points in found.items()},
        notes=[f"Bars: 95 % intervals (Wilson), {max(rows.values()):,.0f} rows."] if rows and are_shares else [],
    )


def reasons_figure(log: RunLog, colours: Mapping[str, str]) -> Figure | Missing:
    """The share of each reason among a step's verdicts: those that have a colour, and the rest as one."""
    counted = [(line["step"], counts) for line in log.steps if (counts := reason_counts(line))]
    if not counted:
        return Missing(title="Reasons of verdicts", why="the reward function logs them with every step")
    binned = _binned(counted)
    shares = {reason: [counts.get(reason, 0) / sum(counts.values()) for _, counts in binned] for reason in colours}
    rest = [max(0.0, 1 - sum(layer)) for layer in zip(*shares.values(), strict=True)]
    if any(set(counts) - set(colours) for _, counts in binned):
        shares[OTHER] = rest
    return Figure(
        title="Reasons of verdicts",
        chart=shares_chart(
            "reasons",
            "Shares of the reasons of verdicts over steps",
            [step for step, _ in binned],
            shares,
            {**colours, OTHER: GREY},
            x_label="step",
            marks=log.resumes,
        ),
        numbers={},
    )


def reason_counts(line: Line) -> dict[str, int]:
    """How often each reason occurs in a step or a measurement; empty when it was not logged."""
    reasons = line.get("reasons")
    entries = reasons.items() if isinstance(reasons, dict) else ()
    return {reason: count for reason, count in entries if isinstance(count, int) and count > 0}


def reason_colours(totals: Mapping[str, int]) -> dict[str, str]:
    """Colours for the reasons that get a layer of their own: what is right, then the commonest of the others."""
    common = sorted((reason for reason in totals if reason != RIGHT), key=lambda reason: (-totals[reason], reason))
    right = {RIGHT: GREEN} if RIGHT in totals else {}
    return right | coloured(common[:_SHOWN_REASONS], [colour for colour in COLOURS if colour != GREEN])


def curves_through(label: str, points: Series, colour: str, spread: Mapping[float, float] | None = None) -> list[Curve]:
    """The line through points, with `spread` to both sides; many points stand faint behind their running mean."""
    line, window = smoothed(points)
    line = thinned(line)
    around = [(spread or {}).get(x, 0.0) for x in line.xs] if spread else []
    mean = Curve(
        label=label,
        xs=line.xs,
        ys=line.ys,
        colour=colour,
        low=[y - half for y, half in zip(line.ys, around, strict=bool(around))] if around else (),
        high=[y + half for y, half in zip(line.ys, around, strict=bool(around))] if around else (),
    )
    if window == 1:
        return [mean]
    raw = thinned(points)
    return [Curve(label=label, xs=raw.xs, ys=raw.ys, colour=colour, faint=True), mean]


def wilson(share: float, rows: float) -> tuple[float, float]:
    """The 95 % interval of a share that was seen in so many rows."""
    square = _Z * _Z / rows
    middle = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * (share * (1 - share) / rows + square / (4 * rows)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _figure(
    plot: Plot, found: Mapping[str, Series], resumes: Sequence[int], *, prefix: str = "", zero: bool = False
) -> Figure | Missing:
    """`zero` draws the line at 0, so that it is on the chart whatever the values are."""
    if not found:
        return Missing(title=plot.title, why=plot.absent)
    colours = coloured(plot.metrics or found)
    curves = [curve for label, points in found.items() for curve in curves_through(label, points, colours[label])]
    if zero:
        ends = [min(points.xs[0] for points in found.values()), max(points.xs[-1] for points in found.values())]
        curves.append(Curve(label="zero", xs=ends, ys=[0, 0], colour=GREY, faint=True))
    return Figure(
        title=plot.title,
        chart=line_chart(
            prefix + plot.name,
            f"{plot.title} over steps",
            curves,
            x_label="step",
            y_label=plot.y_label,
            y_range=plot.y_range,
            marks=resumes,
        ),
        numbers=found,
    )


def _with_intervals(label: str, points: Series, colour: str, rows: Mapping[float, float]) -> Curve:
    """The line through shares, with a bar at each when it is known of how many rows they are."""
    counts = [rows.get(x, 0) for x in points.xs]
    bounds = (
        [wilson(y, count) for y, count in zip(points.ys, counts, strict=True)] if all(c > 0 for c in counts) else []
    )
    return Curve(
        label=label,
        xs=points.xs,
        ys=points.ys,
        colour=colour,
        low=[low for low, _ in bounds],
        high=[high for _, high in bounds],
        bars=True,
    )


def _is_share(mean: float, judged: float) -> bool:
    """Whether so many scores can have that mean when each is 0 or 1, in single precision; graded ones rarely do."""
    return 0 <= mean <= 1 and abs(mean * judged - round(mean * judged)) < 1e-3 + 1e-6 * judged


def _most_spread(mean: float) -> float:
    """The largest standard deviation of numbers in [0, 1] with that mean, but for what few numbers add to it."""
    return 1.1 * math.sqrt(mean * (1 - mean)) + 1e-6


def _binned(counted: Sequence[tuple[int, Mapping[str, int]]]) -> list[tuple[float, Mapping[str, int]]]:
    """Neighbouring steps taken together where there are more than can be told apart."""
    bins = min(len(counted), _MOST_LAYERS)
    return [
        _together(counted[len(counted) * number // bins : len(counted) * (number + 1) // bins])
        for number in range(bins)
    ]


def _together(part: Sequence[tuple[int, Mapping[str, int]]]) -> tuple[float, Mapping[str, int]]:
    totals: Counter[str] = Counter()
    for _, counts in part:
        totals.update(counts)
    return sum(step for step, _ in part) / len(part), totals

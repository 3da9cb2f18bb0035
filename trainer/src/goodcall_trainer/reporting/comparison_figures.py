"""The curves of several runs over each other: by steps, and by wall time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from goodcall_trainer.reporting.charts import Chart, Curve, coloured, line_chart
from goodcall_trainer.reporting.comparison import Arm, Comparison
from goodcall_trainer.reporting.figures import curves_through
from goodcall_trainer.reporting.run_log import RunLog
from goodcall_trainer.reporting.scores import heldout_over_time
from goodcall_trainer.reporting.series import Series, series, smoothed, thinned

_UNITS = ((18_000.0, 3600.0, "hours"), (300.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
"""From how many seconds on an axis is in a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """One measure of all the runs that logged it."""

    title: str
    by_step: Chart
    by_time: Chart | None
    """None when the runs logged no times."""
    without: Sequence[str]
    """Runs that did not log it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Something that runs are compared in."""

    name: str
    title: str
    y_label: str
    by_step: Callable[[RunLog], Series]
    by_time: Callable[[RunLog], Series]


def overlays(comparison: Comparison) -> tuple[list[Overlay], list[str]]:
    """A chart for each measure that any run logged, and the titles of those that none did."""
    colours = coloured(arm.label for arm in comparison.arms)
    drawn, absent = [], []
    for measure in _MEASURES:
        if any(measure.by_step(run.log) for run in comparison.runs):
            drawn.append(_overlay(measure, comparison.arms, colours))
        else:
            absent.append(measure.title)
    return drawn, absent


def _overlay(measure: Measure, arms: Sequence[Arm], colours: Mapping[str, str]) -> Overlay:
    by_step = [curve for arm in arms for curve in _arm_by_step(measure, arm, colours[arm.label])]
    by_time = [curve for arm in arms for curve in _arm_by_time(measure, arm, colours[arm.label])]
    scaled, unit = _scaled(by_time)
    description = f"{measure.title} of the runs"
    return Overlay(
        title=measure.title,
        by_step=line_chart(
            f"{measure.name}step", f"{description} over steps", by_step, x_label="step", y_label=measure.y_label
        ),
        by_time=line_chart(
            f"{measure.name}time",
            f"{description} over wall time",
            scaled,
            x_label=f"wall time in {unit}",
            y_label=measure.y_label,
        )
        if scaled
        else None,
        without=[run.label for arm in arms for run in arm.runs if not measure.by_step(run.log)],
    )


def _arm_by_step(measure: Measure, arm: Arm, colour: str) -> list[Curve]:
    """The one run, or the mean of several with the band between the lowest and the highest."""
    points = [found for run in arm.runs if (found := measure.by_step(run.log))]
    if not points:
        return []
    if len(points) == 1:
        return curves_through(arm.label, points[0], colour)
    smooth = [smoothed(one)[0].at for one in points]
    steps = [x for x in points[0].xs if all(x in one for one in smooth)]
    if not steps:
        return [curve for one in points for curve in curves_through(arm.label, one, colour)]
    kept = thinned(Series(tuple(steps), tuple(fmean(one[x] for one in smooth) for x in steps)))
    return [
        Curve(
            label=arm.label,
            xs=kept.xs,
            ys=kept.ys,
            colour=colour,
            low=[min(one[x] for one in smooth) for x in kept.xs],
            high=[max(one[x] for one in smooth) for x in kept.xs],
        )
    ]


def _arm_by_time(measure: Measure, arm: Arm, colour: str) -> list[Curve]:
    """A line for each run: no two runs log at the same second."""
    lines = [thinned(smoothed(points)[0]) for run in arm.runs if (points := measure.by_time(run.log))]
    return [Curve(label=arm.label, xs=line.xs, ys=line.ys, colour=colour) for line in lines]


def _scaled(curves: Sequence[Curve]) -> tuple[list[Curve], str]:
    longest = max((curve.xs[-1] for curve in curves), default=0.0)
    size, unit = next((size, unit) for least, size, unit in _UNITS if longest >= least)
    return [replace(curve, xs=[x / size for x in curve.xs]) for curve in curves], unit


def _of_steps(name: str, title: str, y_label: str, metric: str) -> Measure:
    return Measure(
        name=name,
        title=title,
        y_label=y_label,
        by_step=lambda log: series(log.steps, metric),
        by_time=lambda log: series(log.steps, metric, x="time_s"),
    )


def _of_heldout(name: str) -> Measure:
    return Measure(
        name=name,
        title=f"Held-out score, {name}",
        y_label="mean score",
        by_step=lambda log: series(log.heldout, name),
        by_time=lambda log: heldout_over_time(log, name),
    )


_MEASURES = (
    _of_heldout("greedy"),
    _of_heldout("sampled"),
    _of_steps("reward", "Reward", "mean reward of completions", "reward"),
    _of_steps("hardened", "Hardened score of some completions", "mean score", "hacking.hardened"),
    _of_steps("entropy", "Entropy", "nats per token", "entropy"),
    _of_steps("length", "Completion length", "tokens", "completions/mean_length"),
    _of_steps("kl", "KL from the reference policy", "nats per token", "kl"),
    _of_steps("gradient", "Gradient norm", "norm", "grad_norm"),
    _of_steps("loss", "Loss", "loss", "loss"),
)

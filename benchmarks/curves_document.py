"""The page of the learning curves: their figures, with spread, and a plot."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.document import machine, table

PLOT = "curves.svg"
_SAYS = "Held-out exact match over seconds of the processor: greedy and sampled, one line a seed"
_COLOURS = ("#3b82c4", "#d97f2b", "#8e6bbf", "#3a9a5b", "#8a8f98")
_STYLE = {"svg.hashsalt": "goodcall", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}

_PAGE = """\
# Five ways to go on from one warm-up

Two questions that the Tool-N1 paper asks of policies of 7 and 14 billion parameters (arXiv 2505.00024), asked of
the demo's policy of 0.6 million: are partial rewards better than binary ones, and is GRPO better than supervised
training for as long? Written by `python -m benchmarks.curves`, on {machine};
the figures are in [curves.json](curves.json).

**What may be read off this, and what not.** The warm-up is flawed on purpose, in about six of ten demonstrations, and
held-out queries share tools, phrasings and values with training. So this is about unlearning demonstrated mistakes in
a tiny world with {seeds} seeds; it neither confirms nor contradicts the paper.

![{says}]({plot})

## After training

Held-out exact match by `tool_n1/hardened@1` on 256 queries, whatever the policy was trained on: the mean over the
seeds, and the lowest to the highest. A share has a standard error of up to 0.03.

{after}

## Seed by seed

{each}

- **GRPO**: {grpo_steps} steps of the demo's, on its 960 tasks. *Binary* is `tool_n1/hardened@1`, *partial*
  `tool_n1/partial_reason@1`, *partial with names* `tool_n1/partial_reason_name@1`: the paper's finer rewards, as
  released.
- **SFT, right answers**: supervised training on flawless demonstrations of GRPO's 960 tasks, for the seconds that
  GRPO on binary rewards took with that seed. It sees what GRPO never sees: the right call, and sound reasoning
  that leads to it.
- **SFT, the warm-up's mix**: the same, on the flawed demonstrations of the warm-up: what more of the same does.
- Seconds are those of the processor, on one thread, generation included and measuring left out. Learning
  rates: GRPO as in the demo; SFT a quarter of the warm-up's highest, chosen before the first run and not tuned.
"""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement."""

    seconds: float
    """Of the processor, spent on training since the warm-up."""
    greedy: float
    sampled: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One way with one seed."""

    way: str
    seed: int
    steps: int
    points: list[Point]


def write(found: Sequence[Curve], into: Path) -> None:
    """Writes curves.md and the plot beside it."""
    _draw(found).savefig(into / PLOT, metadata={"Date": None})
    (into / "curves.md").write_text(_page(found), encoding="utf-8")


def _page(found: Sequence[Curve]) -> str:
    return _PAGE.format(
        machine=machine(),
        seeds=len({curve.seed for curve in found}),
        says=_SAYS,
        plot=PLOT,
        after=table(("", "greedy before", "greedy after", "sampled before", "sampled after"), _after(found)),
        each=table(("", "seed", "steps", "seconds", "greedy", "sampled"), map(_each, found)),
        grpo_steps=found[0].steps,
    )


def _after(found: Sequence[Curve]) -> Iterable[Sequence[str]]:
    for way in _ways(found):
        curves = [curve for curve in found if curve.way == way]
        yield (
            way,
            *(
                _spread(getattr(curve.points[index], decoding) for curve in curves)
                for decoding in ("greedy", "sampled")
                for index in (0, -1)
            ),
        )


def _spread(values: Iterable[float]) -> str:
    shares = list(values)
    return f"{statistics.mean(shares):.3f} ({min(shares):.3f} to {max(shares):.3f})"


def _each(curve: Curve) -> Sequence[str]:
    last = curve.points[-1]
    return (
        curve.way,
        str(curve.seed),
        f"{curve.steps:,}",
        f"{last.seconds:.0f}",
        f"{last.greedy:.3f}",
        f"{last.sampled:.3f}",
    )


def _draw(found: Sequence[Curve]) -> Figure:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _plot(left, found, "greedy", lambda point: point.greedy)
        _plot(right, found, "sampled", lambda point: point.sampled)
        left.legend(loc="lower right", frameon=False, fontsize=8)
        return figure


def _plot(axes: Axes, found: Sequence[Curve], title: str, value: Callable[[Point], float]) -> None:
    colours = dict(zip(_ways(found), _COLOURS, strict=True))
    named: set[str] = set()
    for curve in found:
        label = None if curve.way in named else curve.way
        named.add(curve.way)
        seconds = [point.seconds for point in curve.points]
        values = [value(point) for point in curve.points]
        axes.plot(seconds, values, ".-", color=colours[curve.way], alpha=0.8, linewidth=1, label=label)
    axes.set(title=title, xlabel="seconds of the processor", ylabel="held-out exact match", ylim=(0, 1.02))
    axes.grid(alpha=0.25)


def _ways(found: Sequence[Curve]) -> list[str]:
    return list(dict.fromkeys(curve.way for curve in found))

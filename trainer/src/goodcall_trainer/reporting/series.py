"""Numbers over steps or seconds, taken from the lines that a run logged."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeGuard

from goodcall_trainer.reporting.run_log import Line, is_number

_SMOOTHED_FROM, _WIDEST = 60, 50
_BINS = 200
_BOUND = 1e100


@dataclass(frozen=True, slots=True)
class Series:
    """Points with finite numbers, in the order of their x; false when there are none."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]

    def __bool__(self) -> bool:
        return bool(self.xs)

    @property
    def at(self) -> dict[float, float]:
        """The value at each x."""
        return dict(zip(self.xs, self.ys, strict=True))

    @property
    def head(self) -> float:
        """The mean of the first tenth, of one point at least."""
        return _mean(self.ys[: self._tenth])

    @property
    def tail(self) -> float:
        """The mean of the last tenth, of one point at least."""
        return _mean(self.ys[-self._tenth :])

    @property
    def ends(self) -> "Series":
        """The first point and the last."""
        return Series(self.xs[:1] + self.xs[-1:], self.ys[:1] + self.ys[-1:])

    @property
    def _tenth(self) -> int:
        return max(1, len(self.ys) // 10)


def series(lines: Sequence[Line], metric: str, *, x: str = "step") -> Series:
    """What was logged under a name, without what is no finite number; `a.b` is `b` within the object `a`."""
    points = ((line.get(x), logged(line, metric)) for line in lines)
    return _series((float(at), float(y)) for at, y in points if _is_finite(at) and _is_finite(y))


def logged(line: Line, metric: str) -> object:
    """What a line says under a name, which may itself hold points as TRL's may; None when it says nothing."""
    if metric in line:
        return line[metric]
    outer, _, inner = metric.partition(".")
    within = line.get(outer)
    return within.get(inner) if isinstance(within, dict) else None


def tokens_per_s(lines: Sequence[Line], resumes: Sequence[int] = ()) -> Series:
    """Tokens that the trainer took in for each second of wall time, between lines that tell both.

    Pairs that a stop of the run lies between are left out: the time that it was away is not its speed.
    """
    told = [line for line in lines if _is_finite(line.get("num_tokens")) and _is_finite(line.get("time_s"))]
    return _series(
        (later["step"], (later["num_tokens"] - earlier["num_tokens"]) / (later["time_s"] - earlier["time_s"]))
        for earlier, later in pairwise(told)
        if later["time_s"] > earlier["time_s"]
        and later["num_tokens"] > earlier["num_tokens"]
        and not any(earlier["step"] <= resume < later["step"] for resume in resumes)
    )


def generated_per_s(lines: Sequence[Line]) -> Series:
    """Tokens of completions for each second that one process generated, for each step with rollouts of its own."""
    tokens, seconds = series(lines, "generation_tokens"), series(lines, "generation_s").at
    return _series((x, y / seconds[x]) for x, y in zip(tokens.xs, tokens.ys, strict=True) if seconds.get(x, 0.0) > 0)


def hacking_gap(lines: Sequence[Line]) -> Series:
    """Released - hardened for each step in which both scored."""
    released, hardened = series(lines, "hacking.released"), series(lines, "hacking.hardened").at
    both = [(x, y - hardened[x]) for x, y in zip(released.xs, released.ys, strict=True) if x in hardened]
    return Series(tuple(x for x, _ in both), tuple(gap for _, gap in both))


def seconds_at(lines: Sequence[Line], step: float, *, before: float = 0.0) -> float | None:
    """Seconds at which a step was done: of the newest line up to it, `before` if there is none; None without times."""
    times = series(lines, "time_s")
    if not times:
        return None
    lines_until = bisect_right(times.xs, step)
    return times.ys[lines_until - 1] if lines_until else before


def not_finite(lines: Sequence[Line]) -> dict[str, list[int]]:
    """For each metric that was NaN or infinite, the steps at which it was."""
    steps: dict[str, list[int]] = {}
    for line in lines:
        for name, value in line.items():
            if is_number(value) and not _is_finite(value):
                steps.setdefault(name, []).append(line["step"])
    return steps


def smoothed(points: Series) -> tuple[Series, int]:
    """At each point the mean of it and those before it, and of how many: a twentieth of all, 50 at most.

    Few points stay as they are, and the number is 1.
    """
    window = min(_WIDEST, len(points.ys) // 20) if len(points.ys) >= _SMOOTHED_FROM else 1
    means = (_mean(points.ys[max(0, end - window) : end]) for end in range(1, len(points.ys) + 1))
    return Series(points.xs, tuple(means)), window


def thinned(points: Series, bins: int = _BINS) -> Series:
    """At most four points for each bin that look the same when drawn: its first, lowest, highest and last."""
    if len(points.xs) <= 4 * bins:
        return points
    kept: set[int] = set()
    for number in range(bins):
        within = range(len(points.xs) * number // bins, len(points.xs) * (number + 1) // bins)
        kept |= {within[0], min(within, key=points.ys.__getitem__), max(within, key=points.ys.__getitem__), within[-1]}
    order = sorted(kept)
    return Series(tuple(points.xs[i] for i in order), tuple(points.ys[i] for i in order))


def _series(points: Iterator[tuple[float, float]]) -> Series:
    pairs = sorted(points, key=lambda point: point[0])
    return Series(tuple(x for x, _ in pairs), tuple(y for _, y in pairs))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _is_finite(value: object) -> TypeGuard[int | float]:
    """Beyond the bound not even a mean can be made, so it counts as infinite."""
    return is_number(value) and abs(value) <= _BOUND

"""Several runs against each other: which settings differ, and what came of them, with the spread over seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from goodcall_trainer.reporting.record import settings_of, shown
from goodcall_trainer.reporting.run_log import RunLog
from goodcall_trainer.reporting.scores import heldout_over_time, scores_of

SEEDS = frozenset({"seed", "data_seed"})
PLACES = frozenset({"output_dir", "out", "run_name", "logging_dir", "url"})
"""Last parts of the names of settings that say where a run writes or is called, and decide nothing."""
NOT_SET = "not set"
_MOST_IN_A_LABEL = 2
_LONGEST_VALUE = 40
_SAME_TIME = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of the runs."""

    label: str
    """As much of its folder's path as tells it from the others'."""
    log: RunLog
    seed: int | None
    """None where the record has none, or what can be none."""
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A score over the runs of one arm."""

    mean: float
    deviation: float | None
    """Standard deviation over the seeds; None for a single run."""
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Runs that differ in nothing but their seed."""

    label: str
    runs: Sequence[Run]
    settings: Mapping[str, Any]

    @property
    def scores(self) -> dict[str, Spread]:
        """Those scores that all of its runs have."""
        names = [name for name in self.runs[0].scores if all(name in run.scores for run in self.runs)]
        return {name: _spread([run.scores[name] for run in self.runs]) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that is known of the runs together."""

    arms: Sequence[Arm]
    differences: Mapping[str, Sequence[str]]
    """Settings that differ, with a value for each arm."""
    at_equal_time: Mapping[str, Sequence[Spread | None]]
    """Held-out scores when the quickest run ended, for each arm; empty when all took about as long."""
    equal_time_s: float | None
    notes: Sequence[str]
    """What to bear in mind when reading the numbers."""

    @property
    def runs(self) -> list[Run]:
        return [run for arm in self.arms for run in arm.runs]


def compare_runs(logs: Sequence[RunLog]) -> Comparison:
    """Puts runs with equal settings into one arm, and compares the arms."""
    runs = [
        Run(label=label, log=log, seed=_seed(log), scores=scores_of(log))
        for label, log in zip(_labels([log.folder.path for log in logs]), logs, strict=True)
    ]
    alike: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        alike.setdefault(tuple(sorted(_shown_settings(run.log).items())), []).append(run)
    settings = [dict(key) for key in alike]
    differences = _differences(settings)
    arms = [
        Arm(label=_arm_label(number, members, differences), runs=members, settings=settings[number])
        for number, members in enumerate(alike.values())
    ]
    shortest = _shortest(runs) if len(arms) > 1 else None
    return Comparison(
        arms=arms,
        differences=differences,
        at_equal_time={} if shortest is None else _at_equal_time(arms, shortest),
        equal_time_s=shortest,
        notes=list(_notes(arms, differences)),
    )


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON values."""
    return {
        "arms": [
            {
                "label": arm.label,
                "runs": [
                    {
                        "folder": str(run.log.folder.path),
                        "label": run.label,
                        "seed": run.seed,
                        "scores": dict(run.scores),
                    }
                    for run in arm.runs
                ],
                "scores": {name: _spread_as_json(spread) for name, spread in arm.scores.items()},
            }
            for arm in comparison.arms
        ],
        "differences": {name: list(values) for name, values in comparison.differences.items()},
        "equal_time_s": comparison.equal_time_s,
        "at_equal_time": {
            name: [spread and _spread_as_json(spread) for spread in spreads]
            for name, spreads in comparison.at_equal_time.items()
        },
        "notes": list(comparison.notes),
    }


def _seed(log: RunLog) -> int | None:
    seed = log.record.get("seed")
    return seed if isinstance(seed, int) else None


def _spread_as_json(spread: Spread) -> dict[str, float | int | None]:
    return {"mean": spread.mean, "deviation": spread.deviation, "runs": spread.runs}


def _spread(values: Sequence[float]) -> Spread:
    deviation = stdev(values) if len(values) > 1 else None
    return Spread(mean=fmean(values), deviation=deviation, runs=len(values))


def _shown_settings(log: RunLog) -> dict[str, str]:
    """Settings that decide a run, but for its seeds."""
    return {
        name: shown(value)
        for name, value in settings_of(log.record).items()
        if name.rpartition(".")[2] not in SEEDS | PLACES
    }


def _differences(settings: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    names = sorted({name for one in settings for name in one})
    values = {name: [one.get(name, NOT_SET) for one in settings] for name in names}
    return {name: list(row) for name, row in values.items() if len(set(row)) > 1}


def _labels(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    paths = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, paths)) + 1):
        labels = ["/".join(parts[-length:]) for parts in paths]
        if len(set(labels)) == len(labels):
            return labels
    return [str(folder) for folder in folders]


def _arm_label(number: int, runs: Sequence[Run], differences: Mapping[str, Sequence[str]]) -> str:
    """What is particular about an arm, where that is short; otherwise the names of its runs."""
    own = {name: values[number] for name, values in differences.items() if name != "digest"}
    short = 0 < len(own) <= _MOST_IN_A_LABEL and all(len(value) <= _LONGEST_VALUE for value in own.values())
    if len(runs) == 1 or not short:
        return ", ".join(run.label for run in runs)
    return ", ".join(f"{name.rpartition('.')[2]} = {value}" for name, value in own.items())


def _shortest(runs: Sequence[Run]) -> float | None:
    """Seconds of the quickest run, when another took noticeably longer."""
    times = [run.log.seconds for run in runs]
    known = [time for time in times if time]
    return min(known) if len(known) == len(times) and max(known) > _SAME_TIME * min(known) else None


def _at_equal_time(arms: Sequence[Arm], seconds: float) -> dict[str, list[Spread | None]]:
    found = {f"heldout_{name}": [_score_at(arm, name, seconds) for arm in arms] for name in ("greedy", "sampled")}
    return {name: spreads for name, spreads in found.items() if any(spreads)}


def _score_at(arm: Arm, name: str, seconds: float) -> Spread | None:
    """The newest measurement up to then of each run; None when one of them has none."""
    newest = []
    for run in arm.runs:
        points = heldout_over_time(run.log, name)
        before = [y for at, y in zip(points.xs, points.ys, strict=True) if at <= seconds]
        if not before:
            return None
        newest.append(before[-1])
    return _spread(newest)


def _notes(arms: Sequence[Arm], differences: Mapping[str, Sequence[str]]) -> Iterator[str]:
    runs = [run for arm in arms for run in arm.runs]
    if {"reward", "digest"} & set(differences):
        yield (
            "The rewards differ, and with them what reward and held-out scores measure: the hardened score is common "
            "to the runs, and so are evaluations."
        )
    if any(name.startswith("data.") for name in differences):
        yield "The runs were trained on different data."
    twins = [
        ", ".join(run.label for run in arm.runs) for arm in arms if len({str(r.seed) for r in arm.runs}) < len(arm.runs)
    ]
    if twins:
        yield f"Among these are runs of one seed, so that their spread is not one over seeds: {'; '.join(twins)}."
    if len(arms) > 1 and any(len(arm.runs) == 1 for arm in arms):
        yield "An arm of one seed has no spread: its difference from another may be chance."
    if len({run.scores.get("steps") for run in runs}) > 1:
        steps = ", ".join(f"{run.label} {run.scores['steps']:,.0f}" for run in runs)
        yield f"The runs have made different numbers of steps: {steps}."
    if len({run.label for run in runs if not run.log.record}) > 0:
        unknown = ", ".join(run.label for run in runs if not run.log.record)
        yield f"The record could not be read, so that settings are unknown: {unknown}."

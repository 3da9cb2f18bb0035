"""What `goodcall-train evaluate` found for the run, one column each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goodcall_trainer.reporting.run_log import is_number, read_object
from goodcall_trainer.run.folder import RunFolder

RESULT = "result.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluations:
    """A table: a row for each score that any of them has."""

    names: Sequence[str]
    scores: Mapping[str, Sequence[float | None]]
    """For each score one value for each name; None where that evaluation has none."""
    unreadable: Sequence[str]
    """Those that have no result yet, or a torn one."""


def read_evaluations(run: RunFolder) -> Evaluations:
    """All evaluations in a run's folder, by name."""
    found: dict[str, dict[str, float]] = {}
    unreadable = []
    for folder in sorted(path for path in run.evaluations.glob("*") if path.is_dir()):
        result = read_object(folder / RESULT) if (folder / RESULT).is_file() else None
        if result is None:
            unreadable.append(folder.name)
        else:
            found[folder.name] = _scores(result)
    names = dict.fromkeys(name for scores in found.values() for name in scores)
    return Evaluations(
        names=list(found),
        scores={name: [scores.get(name) for scores in found.values()] for name in names},
        unreadable=unreadable,
    )


def _scores(result: Mapping[str, Any]) -> dict[str, float]:
    scores = result.get("scores")
    entries = scores.items() if isinstance(scores, dict) else ()
    return {name: float(score) for name, score in entries if is_number(score)}

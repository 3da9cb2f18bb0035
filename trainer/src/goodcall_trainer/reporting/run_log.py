"""What a run has left so far, read so that nothing in it can stop the reading.

A run may be going on, may have died in the middle of a line, and may have logged NaN. What can't be read is
skipped and counted.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from goodcall_trainer.run.folder import RunFolder

Line: TypeAlias = Mapping[str, Any]
"""An object of JSON lines, with a whole number as its `step`."""


class NoRun(Exception):
    """The folder is not one of a run; the message says so and names what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A start of the run's process: the first, or one that went on."""

    step: int
    """Steps that were done by then."""
    at: datetime | None
    """None when the record does not tell."""
    changed: Any
    """Settings that differ from the start before, as the record tells them; None when none do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """An end before the last step that the run itself could still write down."""

    reason: str
    at: datetime | None
    """None when the record does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLog:
    """A run's folder as values."""

    folder: RunFolder
    record: Mapping[str, Any]
    """`run.json`; empty when it could not be read."""
    steps: Sequence[Line]
    """One line for each step of the training, in order."""
    warm_up: Sequence[Line]
    """The same for the supervised steps before reinforcement learning, if they are in the same folder."""
    heldout: Sequence[Line]
    """One line for each measurement on held-out rows, in order."""
    logged_at: datetime | None
    """When `metrics.jsonl` was last written to."""
    unreadable: Mapping[str, int]
    """Lines that were skipped, by file; 1 for `run.json` itself."""

    @property
    def algorithm(self) -> str:
        """`grpo`, `rloo`, `sft`, or what else the record says."""
        return str(self.record.get("algorithm", "grpo"))

    @property
    def starts(self) -> Sequence[Start]:
        """In order; empty when the record tells of none."""
        entries = _objects(self.record.get("starts"))
        return tuple(
            Start(step=entry["step"], at=_time(entry.get("at")), changed=entry.get("changed"))
            for entry in entries
            if isinstance(entry.get("step"), int)
        )

    @property
    def stops(self) -> Sequence[Stop]:
        """In order; a process that was killed leaves none."""
        entries = _objects(self.record.get("stops"))
        return tuple(Stop(reason=str(entry.get("reason", "")), at=_time(entry.get("at"))) for entry in entries)

    @property
    def resumes(self) -> tuple[int, ...]:
        """Steps after which the run went on in a new process."""
        return tuple(start.step for start in self.starts[1:])

    @property
    def seconds(self) -> float | None:
        """From the first start to the newest step."""
        times = [line["time_s"] for line in self.steps if is_number(line.get("time_s"))]
        return max(times, default=None)


def read_run(path: Path) -> RunLog:
    """The run in a folder.

    Raises:
        NoRun: It has no `run.json`.
        OSError: A file can't be read.
    """
    folder = RunFolder(path)
    if not folder.record.is_file():
        what = f"it has no {folder.record.name}" if path.is_dir() else "it is no folder"
        raise NoRun(f"{path} is not the folder of a run: {what}")
    record = read_object(folder.record)
    metrics, torn_metrics = read_lines(folder.metrics_file)
    heldout, torn_heldout = read_lines(folder.heldout_file)
    supervised = [line for line in metrics if line.get("phase") == "sft"]
    others = [line for line in metrics if line.get("phase") not in ("sft", "heldout")]
    unreadable = {
        folder.record.name: int(record is None),
        folder.metrics_file.name: torn_metrics,
        folder.heldout_file.name: torn_heldout,
    }
    return RunLog(
        folder=folder,
        record=record or {},
        steps=_by_step(others or supervised),
        warm_up=_by_step(supervised) if others else (),
        heldout=_by_step(heldout),
        logged_at=_changed_at(folder.metrics_file),
        unreadable={name: count for name, count in unreadable.items() if count},
    )


def read_lines(path: Path) -> tuple[list[Line], int]:
    """The objects in a file of JSON lines, and how many lines are none; nothing where there is no file."""
    if not path.exists():
        return [], 0
    texts = [text for text in path.read_bytes().split(b"\n") if text.strip()]
    lines = [line for text in texts if (line := _line(text)) is not None]
    return lines, len(texts) - len(lines)


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None when it holds none, whatever else it holds."""
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is one as JSON has them, NaN and infinities included, and fits into a double."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _line(text: bytes) -> Line | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    has_step = isinstance(value, dict) and isinstance(value.get("step"), int) and is_number(value["step"])
    return value if has_step else None


def _by_step(lines: Iterable[Line]) -> tuple[Line, ...]:
    """In order of steps, and of two lines for one step the later: a run that goes on repeats what was not saved."""
    newest = {line["step"]: line for line in lines}
    return tuple(newest[step] for step in sorted(newest))


def _objects(values: object) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _time(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _changed_at(path: Path) -> datetime | None:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None

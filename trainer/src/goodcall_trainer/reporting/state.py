"""Whether a run is going on, is finished, or seems to have died: as its files tell it."""

from datetime import UTC, datetime
from enum import StrEnum
from statistics import median

from goodcall_trainer.reporting.record import settings_of
from goodcall_trainer.reporting.run_log import RunLog
from goodcall_trainer.reporting.series import series

_SILENT_S = 300.0
_SILENT_STEPS = 10.0


class State(StrEnum):
    """Of a run."""

    FINISHED = "finished"
    STOPPED = "stopped"
    """The run ended itself before its last step, and its record says why."""
    GOING_ON = "going on"
    SILENT = "silent"
    """No step for longer than ten of its steps take and than five minutes."""


def state_of(log: RunLog, now: datetime) -> State:
    """Finished is what has final weights that are newer than its last start."""
    weights = [path.stat().st_mtime for path in log.folder.policy.glob("*.safetensors")]
    started = max((start.at for start in log.starts if start.at), default=datetime.min.replace(tzinfo=UTC))
    if weights and datetime.fromtimestamp(max(weights), UTC) >= started:
        return State.FINISHED
    if any(stop.at and stop.at >= started for stop in log.stops):
        return State.STOPPED
    newest = max((time for time in (log.logged_at, started) if time), default=started)
    silent_s = (now - newest).total_seconds()
    return State.SILENT if silent_s > _patience_s(log) else State.GOING_ON


def steps_done(log: RunLog) -> int:
    """The newest step that was logged."""
    return int(log.steps[-1]["step"]) if log.steps else 0


def steps_wanted(log: RunLog) -> int | None:
    """Where the run ends, when its recipe says so in steps."""
    named = [value for name, value in settings_of(log.record).items() if name.rpartition(".")[2] == "max_steps"]
    return next((value for value in named if isinstance(value, int) and value > 0), None)


def newest_checkpoint(log: RunLog) -> str | None:
    """The name of the folder that the run would go on from."""
    numbers = [
        int(digits)
        for path in log.folder.checkpoints.glob("checkpoint-*")
        if (digits := path.name.rpartition("-")[2]).isdecimal()
    ]
    return f"checkpoint-{max(numbers)}" if numbers else None


def _patience_s(log: RunLog) -> float:
    steps = series(log.steps, "step_time").ys[-100:]
    return max(_SILENT_S, _SILENT_STEPS * median(steps) if steps else 0.0)

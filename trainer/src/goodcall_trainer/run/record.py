"""What a run is, kept with it in `run.json`: enough to refuse to go on as another run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from goodcall_trainer.run.folder import RunFolder, replace_text
from goodcall_trainer.run.stop import ENVIRONMENT, CannotResume

PACKAGES = ("goodcall-trainer", "goodcall-client", "trl", "transformers", "accelerate", "torch", "peft", "vllm")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, from its first start to its end, over all restarts."""

    algorithm: str
    """`grpo`, `rloo` or `sft`."""
    recipe: Mapping[str, Any]
    """The recipe with everything resolved, as JSON has it."""
    reward: str | None
    """`family/variant@version`; None where nothing is rewarded."""
    digest: str | None
    """The digest that every answer of the service carries."""
    seed: int
    world_size: int
    """How many processes share a batch."""
    versions: Mapping[str, str]
    data: Sequence[Mapping[str, Any]]
    """`path`, `sha256` and `rows` of each file of rows, in order."""
    starts: Sequence[Mapping[str, Any]] = ()
    """`at` (ISO time) and `step` of each start; `changed`, where something differs from the start before."""
    stops: Sequence[Mapping[str, Any]] = ()
    """`at` and `reason` of each end before the last step that the run itself could still write down."""

    @property
    def elapsed_s(self) -> float:
        """Seconds of wall time since the first start."""
        if not self.starts:
            return 0.0
        return max(0.0, (_now() - datetime.fromisoformat(self.starts[0]["at"])).total_seconds())


def start(
    folder: RunFolder, now: RunRecord, *, step: int, allow_reward_change: bool = False, writes: bool = True
) -> RunRecord:
    """The record of the run that starts at `step`, which is 0 or that of the checkpoint it goes on from.

    `now` is what was asked for this time. Only the process with `writes` writes; the others check all the same, so that
    all of them stop, and none waits for one that is gone.

    Raises:
        CannotResume: What was asked for is another run than the one in the folder: another reward or digest (unless
            `allow_reward_change`), algorithm, seed, number of processes or rows. Other changes of the recipe and of
            package versions are allowed, and recorded under `starts`.
    """
    before = read(folder) if step else None
    if before is None and step:
        raise CannotResume(
            f"{folder.checkpoints} has checkpoints and {folder.record} is not there, so nobody knows what they are "
            "of. Take another --out, or --no-resume to begin again."
        )
    entry: dict[str, Any] = {"at": _now().isoformat(), "step": step}
    if before is not None:
        _expect_the_same_run(before, now, folder, allow_reward_change=allow_reward_change)
        if changed := changes(before, now):
            entry["changed"] = changed
    starts, stops = (before.starts, before.stops) if before else ((), ())
    record = replace(now, starts=(*starts, entry), stops=stops)
    if writes:
        write(folder, record)
    return record


def stopped(folder: RunFolder, reason: str) -> None:
    """Adds to the record why the run ended before its last step; does nothing where there is no record."""
    if record := read(folder):
        write(folder, replace(record, stops=(*record.stops, {"at": _now().isoformat(), "reason": reason})))


def read(folder: RunFolder) -> RunRecord | None:
    """The record in the folder; None where there is none.

    Raises:
        CannotResume: There is one, and it cannot be read.
    """
    if not folder.record.exists():
        return None
    try:
        return RunRecord(**json.loads(folder.record.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise CannotResume(f"{folder.record} is no record of a run: {error}", exit_code=ENVIRONMENT) from error


def write(folder: RunFolder, record: RunRecord) -> None:
    folder.path.mkdir(parents=True, exist_ok=True)
    replace_text(folder.record, json.dumps(asdict(record), indent=2) + "\n")


def changes(before: RunRecord, now: RunRecord) -> dict[str, list[Any]]:
    """What differs, as [before, now] under dotted keys: `recipe.grpo.learning_rate`, `versions.torch`, `digest`."""
    old, new = _flat(asdict(before)), _flat(asdict(now))
    ignored = ("starts", "stops")
    return {
        key: [old.get(key), new.get(key)]
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and key not in ignored
    }


def data_file(path: Path, rows: int) -> dict[str, Any]:
    """The entry of a file of rows under `data`."""
    with path.open("rb") as file:
        return {"path": str(path), "sha256": hashlib.file_digest(file, "sha256").hexdigest(), "rows": rows}


def versions_here() -> dict[str, str]:
    """The installed versions of what decides the numbers of a run."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def check_world_size(world_size: int, expected: int | None) -> None:
    """Refuses to start on a number of processes that nobody meant: a node that is missing, a launcher set up wrongly.

    Raises:
        CannotResume: It is not the expected one; None expects nothing.
    """
    if expected is not None and world_size != expected:
        raise CannotResume(
            f"{expected} processes are expected and {world_size} "
            f"{'is' if world_size == 1 else 'are'} here: a batch would have another size. "
            "Look for the machine that is missing, or change the expected number.",
            exit_code=ENVIRONMENT,
        )


def _expect_the_same_run(before: RunRecord, now: RunRecord, folder: RunFolder, *, allow_reward_change: bool) -> None:
    if (before.reward, before.digest) != (now.reward, now.digest) and not allow_reward_change:
        raise CannotResume(
            f"the run in {folder.path} was rewarded by {before.reward} ({before.digest}), and now it would be by "
            f"{now.reward} ({now.digest}): its curve would mean two things. Give it the service that it began with, "
            "or say --allow-reward-change."
        )
    if before.world_size != now.world_size:
        raise CannotResume(
            f"the run in {folder.path} began on {before.world_size} processes and there are {now.world_size} now: "
            "its batches would be others. Start as many as before, or begin a new run from the checkpoint's weights: "
            "another --out, with --model and the checkpoint's folder.",
            exit_code=ENVIRONMENT,
        )
    for name in ("algorithm", "seed"):
        if getattr(before, name) != getattr(now, name):
            raise CannotResume(
                f"the run in {folder.path} has {name} {getattr(before, name)}, not {getattr(now, name)}. "
                "Take another --out, or --no-resume to begin again."
            )
    if [file["sha256"] for file in before.data] != [file["sha256"] for file in now.data]:
        raise CannotResume(
            f"the run in {folder.path} began on other rows: {_named(before)}, now {_named(now)}. The next batch would "
            "not be the next. Take another --out, or --no-resume to begin again."
        )


def _named(record: RunRecord) -> str:
    return ", ".join(f"{file['path']} ({file['sha256'][:12]}…)" for file in record.data) or "no file"


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        # What JSON read has lists where Python has tuples.
        return {prefix: json.loads(json.dumps(value))}
    return {
        key: leaf
        for name, inner in value.items()
        for key, leaf in _flat(inner, f"{prefix}.{name}" if prefix else name).items()
    }


def _now() -> datetime:
    return datetime.now(UTC)

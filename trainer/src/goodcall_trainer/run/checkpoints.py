"""Checkpoints that a kill cannot spoil: each is sealed when all of it is there, and only sealed ones are gone on from.

TRL's trainer writes a checkpoint file by file into its final folder, the list of steps last, and deletes older ones
after that. Whoever is killed meanwhile leaves a folder that looks like the others.
"""

import json
import os
import shutil
from pathlib import Path

from goodcall_trainer.run.folder import replace_text

SEAL = "complete.json"
"""Holds the size of every other file of the checkpoint, by its path in it."""


def seal(checkpoint: Path) -> None:
    """Declares the checkpoint complete. Its files are on the disk before the seal is."""
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file() and path.name != SEAL]
    for path in files:
        _flush(path)
    sizes = {str(path.relative_to(checkpoint)): path.stat().st_size for path in files}
    replace_text(checkpoint / SEAL, json.dumps(sizes, indent=2) + "\n")
    _flush(checkpoint)


def is_complete(checkpoint: Path) -> bool:
    """Whether it is sealed, and every file that was there then still has its size."""
    try:
        sizes = json.loads((checkpoint / SEAL).read_bytes())
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def step_of(checkpoint: Path) -> int:
    """The number of optimiser steps behind it, from its name."""
    return int(checkpoint.name.rpartition("-")[2])


def newest_complete(checkpoints: Path) -> Path | None:
    """What a restart goes on from; None where it begins at the beginning."""
    complete = [path for path in _all(checkpoints) if is_complete(path)]
    return max(complete, key=step_of, default=None)


def remove_incomplete(checkpoints: Path) -> list[Path]:
    """Deletes what a kill left half done, and returns what that was. Only one process may do it.

    Left lying, they would count among those that `save_total_limit` keeps.
    """
    incomplete = [path for path in _all(checkpoints) if not is_complete(path)]
    for path in incomplete:
        shutil.rmtree(path)
    return incomplete


def _all(checkpoints: Path) -> list[Path]:
    return [path for path in checkpoints.glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

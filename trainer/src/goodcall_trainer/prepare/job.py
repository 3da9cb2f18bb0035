"""What a run is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from goodcall_trainer.prepare.benchmark import Benchmark
from goodcall_trainer.prepare.recipe import Recipe
from goodcall_trainer.prepare.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to prepare, and how."""

    sources: Sequence[Source]
    recipe: Recipe
    seed: int
    """Decides which rows are held out, masked and added to."""
    benchmark: Benchmark | None = None
    """What must not be trained on."""

"""What a run is asked to do: a recipe, and what the command line says besides."""

from dataclasses import dataclass
from pathlib import Path

from goodcall_trainer.environment import Environment
from goodcall_trainer.recipe.layers import Layers
from goodcall_trainer.recipe.settings import Recipe
from goodcall_trainer.run.folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One start of a run."""

    recipe: Recipe
    layers: Layers
    """The recipe as it was written, for messages."""
    out: Path
    environment: Environment
    url: str | None = None
    """A running service; None starts one for the run."""
    resume: bool = True
    """Whether to go on from the newest complete checkpoint in `out`."""
    world_size: int | None = None
    """How many processes must be here; None takes what the recipe says."""
    allow_reward_change: bool = False
    mask_unavailable: bool = False
    """Whether completions that the service does not judge in time are left out, where the run would stop."""

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.out)

"""The arithmetic of batches: how many prompts and completions make a step, and a round of rollouts.

TRL counts `steps_per_generation` in forward passes, `gradient_accumulation_steps` of which make one step of the optimiser.
"""

from dataclasses import dataclass

from goodcall_trainer.recipe.settings import Recipe

_DEVICE_BATCH, _GENERATIONS = 8, 8
"""What TRL takes where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Sizes for one number of processes."""

    world_size: int
    group: int
    """Completions of one prompt."""
    completions_per_step: int
    """Completions that one step of the optimiser learns from, over all processes."""
    completions_per_rollout: int
    """Completions made at a time: TRL's `generation_batch_size`."""

    @property
    def prompts_per_step(self) -> float:
        return self.completions_per_step / self.group

    @property
    def prompts_per_rollout(self) -> float:
        return self.completions_per_rollout / self.group

    @property
    def steps_per_rollout(self) -> float:
        """Steps of the optimiser that share one round of rollouts."""
        return self.completions_per_rollout / self.completions_per_step


def batch_of(recipe: Recipe, world_size: int) -> Batch:
    """The batch of a recipe on so many processes; a group is one example where there are no rollouts."""
    trl = recipe.trl
    per_pass = trl.get("per_device_train_batch_size", _DEVICE_BATCH) * world_size
    accumulated = trl.get("gradient_accumulation_steps", 1)
    passes = trl.get("steps_per_generation", accumulated)
    return Batch(
        world_size=world_size,
        group=1 if recipe.algorithm == "sft" else trl.get("num_generations", _GENERATIONS),
        completions_per_step=per_pass * accumulated,
        completions_per_rollout=trl.get("generation_batch_size", per_pass * passes),
    )

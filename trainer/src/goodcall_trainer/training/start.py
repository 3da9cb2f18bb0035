"""What GRPO and SFT have in common: rows, policy and prompts made ready, and the record of the run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from transformers import PreTrainedTokenizerBase

from goodcall_trainer.recipe.batch import Batch, batch_of
from goodcall_trainer.recipe.keys import trl_config
from goodcall_trainer.recipe.unusable import RecipeUnusable
from goodcall_trainer.rendering import Rendering, rendering_of
from goodcall_trainer.run import record
from goodcall_trainer.run.checkpoints import newest_complete, remove_incomplete, step_of
from goodcall_trainer.run.record import RunRecord, check_world_size, versions_here
from goodcall_trainer.run.stop import USAGE, AllStepsDone, RunStopped
from goodcall_trainer.training.dataset import Prompts
from goodcall_trainer.training.examples import Examples, examples_of
from goodcall_trainer.training.job import Job
from goodcall_trainer.training.policy import load_tokenizer, policy_path, unused_weights
from goodcall_trainer.training.progress import Say


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """All that a TRL trainer is made from."""

    config: Any
    """An object of TRL's config class."""
    policy: str
    tokenizer: PreTrainedTokenizerBase
    rendering: Rendering
    examples: Examples
    checkpoint: Path | None
    """What the run goes on from; None begins at the beginning."""


def make_ready(job: Job, say: Say) -> Ready:
    """Everything that has to be there before the service is asked anything.

    Raises:
        RecipeUnusable: the recipe can't be meant, or its data or model can't be used.
        RunStopped: the number of processes, the weights or the folder are not what was expected.
    """
    recipe, folder = job.recipe, job.folder
    check_world_size(job.environment.world_size, job.world_size or recipe.guards.world_size)
    # Before TRL's settings: once those of ZeRO-3 are in force, transformers only loads weights for good.
    unused = unused_weights(recipe)
    config = trl_config(recipe, folder.checkpoints)
    checkpoint = _checkpoint(job)
    examples = examples_of(recipe.data)
    with PartialState().main_process_first():
        policy = policy_path(recipe, job.out, examples.train, first=job.environment.first)
    tokenizer = load_tokenizer(policy, recipe)
    rendering = rendering_of(recipe.prompt, tokenizer)
    say("recipe", f"{recipe.name}: {recipe.about}")
    say("policy", policy)
    if unused:
        say("weights", unused)
    if rendering.assistant_prefix:
        say("prompt", f"ends with {rendering.assistant_prefix!r}, which the service reads before each completion")
    _say_batch(job, say)
    return Ready(
        config=config,
        policy=policy,
        tokenizer=tokenizer,
        rendering=rendering,
        examples=examples,
        checkpoint=checkpoint,
    )


def begin_record(job: Job, ready: Ready, *, digest: str | None) -> RunRecord:
    """Writes `run.json`, or refuses to go on with another run.

    Raises:
        CannotResume: what is asked for is not the run in the folder.
    """
    recipe = job.recipe
    now = RunRecord(
        algorithm=recipe.algorithm,
        recipe=recipe.as_json(),
        reward=recipe.reward.id if digest else None,
        digest=digest,
        seed=ready.config.seed,
        world_size=job.environment.world_size,
        versions=versions_here(),
        data=ready.examples.files,
    )
    step = step_of(ready.checkpoint) if ready.checkpoint else 0
    return record.start(
        job.folder, now, step=step, allow_reward_change=job.allow_reward_change, writes=job.environment.first
    )


def say_rows(say: Say, what: str, prompts: Prompts) -> None:
    """How many rows there are, and how many were left out."""
    left_out = [f"; left out: {rows:,} {why}" for why, rows in prompts.left_out.items() if rows]
    say(what, f"{len(prompts.dataset):,} rows{''.join(left_out)}")


def expect_a_round(batch: Batch, rows: int) -> None:
    """TRL drops what does not fill a round of rollouts, so that too few rows would train nothing and say nothing.

    Raises:
        RecipeUnusable: there are too few.
    """
    if rows < batch.prompts_per_rollout:
        raise RecipeUnusable(
            f"{rows:,} rows are fewer than one round of rollouts takes, which is {batch.prompts_per_rollout:,g} "
            "prompts: nothing would be trained. Give more rows, or make steps_per_generation and "
            "gradient_accumulation_steps smaller."
        )


def train(trainer: Any, ready: Ready, say: Say) -> None:
    """All steps that are left."""
    try:
        trainer.train(resume_from_checkpoint=str(ready.checkpoint) if ready.checkpoint else None)
    except AllStepsDone:
        say("steps", "all were taken before; nothing is left to train")


def write_policy(job: Job, trainer: Any, say: Say) -> None:
    """Writes the final weights and the tokenizer to the run's `policy/`.

    Adapters are merged into what they adapt. Where FSDP or ZeRO spread that over processes, they are written alone.
    """
    folder = job.folder.policy
    if not job.recipe.model.lora:
        trainer.save_model(str(folder))
        say("policy", f"written to {folder}")
    elif trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        trainer.save_model(str(folder))
        say("policy", f"its adapters were written to {folder}; what they adapt is {job.recipe.model.path}")
    else:
        _save_merged(trainer, folder)
        say("policy", f"written to {folder}, adapters merged")


def _save_merged(trainer: Any, folder: Path) -> None:
    """A policy like any other, which every run and server can start from."""
    if trainer.accelerator.is_main_process:
        merged = trainer.accelerator.unwrap_model(trainer.model).merge_and_unload()
        merged.save_pretrained(folder)
        trainer.processing_class.save_pretrained(folder)


def prepare_torch(*, on_cpu: bool) -> None:
    """Leaves small models on a CPU to few threads: more would mostly wait for each other."""
    if on_cpu:
        torch.set_num_threads(min(4, torch.get_num_threads()))


def _checkpoint(job: Job) -> Path | None:
    """The first process's choice, for all: on a shared file system others may see a folder later than it does."""
    checkpoints = job.folder.checkpoints
    chosen: list[str | None] = [None]
    if job.environment.first:
        remove_incomplete(checkpoints)
        newest = newest_complete(checkpoints)
        chosen = [newest.name if newest else None]
    broadcast_object_list(chosen)
    [name] = chosen
    if name and not job.resume:
        raise RunStopped(
            f"{checkpoints} has the checkpoints of a run, the newest {name}; --no-resume does not delete them. "
            "Take another --out, or remove that folder.",
            exit_code=USAGE,
        )
    return checkpoints / name if name else None


def _say_batch(job: Job, say: Say) -> None:
    batch = batch_of(job.recipe, job.environment.world_size)
    if job.recipe.algorithm == "sft":
        say("batch", f"{batch.completions_per_step} demonstrations a step")
    else:
        say(
            "batch",
            f"{batch.prompts_per_step:g} prompts of {batch.group} completions a step, "
            f"{batch.steps_per_rollout:g} steps to a round of {batch.completions_per_rollout:,} rollouts",
        )

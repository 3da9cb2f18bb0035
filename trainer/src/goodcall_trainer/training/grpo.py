"""GRPO and RLOO by TRL's trainers, on rewards of the service: what is put around them, in the order in which it is."""

from pathlib import Path
from typing import Any

from rich.console import Console
from transformers import PrinterCallback
from trl import GRPOTrainer, RLOOTrainer

from goodcall_trainer.recipe.batch import batch_of
from goodcall_trainer.recipe.keys import lora_config, refusals_named
from goodcall_trainer.reward import HackingAlarm, RewardTally, make_reward, score_early
from goodcall_trainer.rollouts.adapter import synced_sampler
from goodcall_trainer.rollouts.timing import time_generation
from goodcall_trainer.run.folder import RunFolder
from goodcall_trainer.run.guards import guards_for
from goodcall_trainer.training import service
from goodcall_trainer.training.dataset import Prompts, prompts_of
from goodcall_trainer.training.job import Job
from goodcall_trainer.training.progress import HeldoutLog, StepLines, speaker
from goodcall_trainer.training.start import (
    begin_record,
    expect_a_round,
    make_ready,
    prepare_torch,
    say_rows,
    train,
    write_policy,
)

TRAINERS: dict[str, Any] = {"grpo": GRPOTrainer, "rloo": RLOOTrainer}


def train_grpo(job: Job, url: str, console: Console) -> None:
    """Trains the recipe's policy on the verdicts of the service at `url`, and leaves a run's folder behind.

    Raises:
        RecipeUnusable: the recipe can't be meant, or its data or model can't be used.
        RunStopped: a guard stopped it, or it may not go on.
        GoodcallError: the service gave no verdicts until the deadline; the newest checkpoint is untouched.
    """
    recipe, folder = job.recipe, job.folder
    say = speaker(console, first=job.environment.first)
    ready = make_ready(job, say)
    prepare_torch(on_cpu=ready.config.use_cpu)
    url = service.shared_url(job, url)
    digest = service.digest_of(job, url)
    say("service", f"{url}, reward {recipe.reward.id} {digest[:19]}…")
    rows, heldout = (
        prompts_of(examples, ready.rendering, ready.tokenizer, recipe.prompt.max_tokens)
        for examples in (ready.examples.train, ready.examples.heldout)
    )
    say_rows(say, "train", rows)
    say_rows(say, "held out", heldout)
    expect_a_round(batch_of(recipe, job.environment.world_size), len(rows.dataset))
    record = begin_record(job, ready, digest=digest)
    tally = RewardTally()
    client = service.async_client(job, url)
    reward = make_reward(
        client,
        ready.tokenizer,
        reward=recipe.reward.id,
        digest=digest,
        assistant_prefix=ready.rendering.assistant_prefix,
        on_unavailable="mask" if job.mask_unavailable else "raise",
        alarm=HackingAlarm() if recipe.reward.alarm else None,
        tally=tally,
    )
    if job.environment.first:
        _completions_into(folder)
    with refusals_named(recipe), synced_sampler(ready.config, max_logp_gap=recipe.guards.max_logp_gap):
        trainer = TRAINERS[recipe.algorithm](
            model=ready.policy,
            reward_funcs=reward,
            args=ready.config,
            train_dataset=rows.dataset,
            eval_dataset=_measured(heldout),
            processing_class=ready.tokenizer,
            peft_config=lora_config(recipe),
            callbacks=[
                *guards_for(
                    folder,
                    phase=recipe.algorithm,
                    tally=tally,
                    max_logp_gap=recipe.guards.max_logp_gap,
                    elapsed_s=record.elapsed_s,
                ),
                StepLines(console),
                HeldoutLog(folder, rows=len(heldout.dataset), tally=tally, console=console),
            ],
        )
    trainer.remove_callback(PrinterCallback)
    score_early(trainer, reward)
    time_generation(trainer)
    try:
        train(trainer, ready, say)
        write_policy(job, trainer, say)
    finally:
        service.close(client, trainer)


def _measured(heldout: Prompts) -> Any:
    return heldout.dataset if len(heldout.dataset) else None


def _completions_into(folder: RunFolder) -> None:
    """TRL writes tables of completions beside its checkpoints; they belong one folder higher."""
    folder.completions.mkdir(parents=True, exist_ok=True)
    folder.checkpoints.mkdir(parents=True, exist_ok=True)
    link = folder.checkpoints / folder.completions.name
    if not link.is_symlink():
        link.symlink_to(Path("..") / folder.completions.name, target_is_directory=True)

"""Supervised fine-tuning by TRL's SFTTrainer, with the loss on the completions alone."""

from rich.console import Console
from transformers import PrinterCallback
from trl import SFTTrainer

from goodcall_trainer.recipe.keys import lora_config, refusals_named
from goodcall_trainer.reward import RewardTally
from goodcall_trainer.run.guards import guards_for
from goodcall_trainer.training.dataset import demonstrations_of
from goodcall_trainer.training.job import Job
from goodcall_trainer.training.progress import StepLines, speaker
from goodcall_trainer.training.start import begin_record, make_ready, prepare_torch, say_rows, train, write_policy


def train_sft(job: Job, console: Console) -> None:
    """Trains the recipe's policy on demonstrations, and leaves a run's folder behind.

    Raises:
        RecipeUnusable: the recipe can't be meant, or its data or model can't be used.
        RunStopped: a guard stopped it, or it may not go on.
    """
    recipe, folder = job.recipe, job.folder
    say = speaker(console, first=job.environment.first)
    ready = make_ready(job, say)
    prepare_torch(on_cpu=ready.config.use_cpu)
    shown = demonstrations_of(
        ready.examples.train, ready.rendering, ready.tokenizer, recipe.prompt, ready.config.max_length
    )
    say_rows(say, "train", shown)
    record = begin_record(job, ready, digest=None)
    guards = guards_for(
        folder,
        phase="sft",
        tally=RewardTally(),
        max_logp_gap=recipe.guards.max_logp_gap,
        elapsed_s=record.elapsed_s,
    )
    with refusals_named(recipe):
        trainer = SFTTrainer(
            model=ready.policy,
            args=ready.config,
            train_dataset=shown.dataset,
            processing_class=ready.tokenizer,
            peft_config=lora_config(recipe),
            callbacks=[*guards, StepLines(console)],
        )
    trainer.remove_callback(PrinterCallback)
    train(trainer, ready, say)
    write_policy(job, trainer, say)

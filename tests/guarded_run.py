"""A run of GRPO that takes seconds, with all that keeps a run safe around it; a program of its own, to be killed.

`python guarded_run.py OUT URL` trains a policy that was just made, on eight rows with no expected call and behind a
finished thought, so that a made-up text is mostly right and sometimes not. It ends with exit code 0, or with the one of
what stopped it and the reason on standard error. Started again, it goes on.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from goodcall_client import AsyncClient, Client, GoodcallError
from goodcall_trainer.demo.demonstrations import demonstrate
from goodcall_trainer.demo.generate import generate_splits
from goodcall_trainer.demo.policy import build_policy, train_tokenizer
from goodcall_trainer.reward import HackingAlarm, RewardTally, make_reward, reward_columns, score_early
from goodcall_trainer.run.checkpoints import newest_complete, remove_incomplete, step_of
from goodcall_trainer.run.folder import RunFolder
from goodcall_trainer.run.guards import guards_for
from goodcall_trainer.run.record import RunRecord, start, stopped, versions_here
from goodcall_trainer.run.stop import ENVIRONMENT, RunStopped

REWARD = "tool_n1/hardened@1"
PREFIX = "<think>So.</think>"
SMALL = {
    "max_steps": 10,
    "per_device_train_batch_size": 8,
    "steps_per_generation": 2,
    "num_generations": 4,
    "max_completion_length": 24,
    "learning_rate": 1e-3,
    "lr_scheduler_type": "linear",
    "save_steps": 2,
    "save_total_limit": 2,
}
"""Two batches of rollouts an epoch, so that the run goes through its rows two times and a half."""


def guarded_run(
    out: Path,
    url: str,
    *,
    reward: str = REWARD,
    allow_reward_change: bool = False,
    on_unavailable: Any = "raise",
    deadline_s: float = 120.0,
    early: bool = True,
    callbacks: Sequence[TrainerCallback] = (),
    **settings: Any,
) -> Any:
    """Trains, or goes on training, in the folder `out`; the trained policy."""
    folder, tally = RunFolder(out), RewardTally()
    rows = [replace(row, ground_truth=()) for row in generate_splits(seed=1, sft=600, grpo=8, heldout=0).grpo]
    tokenizer = made_up_tokenizer()
    remove_incomplete(folder.checkpoints)
    checkpoint = newest_complete(folder.checkpoints)
    with Client(url, deadline_s=deadline_s) as client:
        judging = client.score([], reward=reward)
    record = start(
        folder,
        RunRecord(
            algorithm="grpo",
            recipe=settings,
            reward=judging.reward,
            digest=judging.digest,
            seed=1,
            world_size=1,
            versions=versions_here(),
            data=(),
        ),
        step=step_of(checkpoint) if checkpoint else 0,
        allow_reward_change=allow_reward_change,
    )
    client = AsyncClient(url, deadline_s=deadline_s)
    reward_function = make_reward(
        client,
        tokenizer,
        reward=judging.reward,
        digest=judging.digest,
        assistant_prefix=PREFIX,
        on_unavailable=on_unavailable,
        alarm=HackingAlarm(share=1.0),
        tally=tally,
    )
    guards = guards_for(folder, phase="grpo", tally=tally, max_logp_gap=0.05, elapsed_s=record.elapsed_s)
    trainer = GRPOTrainer(
        model=build_policy(tokenizer, seed=1),
        reward_funcs=reward_function,
        args=GRPOConfig(
            output_dir=str(folder.checkpoints),
            seed=1,
            logging_steps=1,
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            **{**SMALL, **settings},
        ),
        train_dataset=Dataset.from_list([reward_columns(row) for row in rows]),
        processing_class=tokenizer,
        callbacks=[*callbacks, *guards],
    )
    trainer.remove_callback(PrinterCallback)
    if early:
        score_early(trainer, reward_function)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except (RunStopped, GoodcallError) as reason:
        stopped(folder, str(reason))
        raise
    finally:
        asyncio.run_coroutine_threadsafe(client.aclose(), trainer.async_loop).result(timeout=5)
    trainer.save_model(str(folder.policy))
    return trainer.model


def made_up_tokenizer() -> Any:
    rng = random.Random(1)
    rows = generate_splits(seed=1, sft=200, grpo=8, heldout=0).sft
    return train_tokenizer(
        demonstration.prompt + demonstration.completion
        for demonstration in (demonstrate(row, habit_share=0, slip_share=0, rng=rng) for row in rows)
    )


class KilledWhileSaving(TrainerCallback):
    """Ends the process by SIGKILL when of the checkpoint of `step` the weights are written, and the rest is not."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        del args, control
        if state.global_step == self._step - 1:
            write = model.save_pretrained

            def write_and_die(*arguments: Any, **options: Any) -> None:
                write(*arguments, **options)
                os.kill(os.getpid(), signal.SIGKILL)

            model.save_pretrained = write_and_die


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("url")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            guarded_run(options.out, options.url)
        except (RunStopped, GoodcallError) as reason:
            sys.stderr.write(f"{reason}\n")
            sys.exit(getattr(reason, "exit_code", ENVIRONMENT))


if __name__ == "__main__":
    main()

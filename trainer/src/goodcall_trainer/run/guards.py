"""What watches a run while it trains: callbacks for TRL's trainers, each for one thing that must not pass unseen."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.utils import RepeatSampler

from goodcall_trainer.reward.tally import RewardCounts, RewardTally, of_all_processes
from goodcall_trainer.run.checkpoints import seal
from goodcall_trainer.run.folder import RunFolder
from goodcall_trainer.run.stop import MISSED, USAGE, AllStepsDone, CannotResume, RunStopped

LOGP_GAP = "sampling/sampling_logp_difference/mean"
"""TRL's name for the mean difference between the log-probabilities of sampler and learner, in nats a token."""


def guards_for(
    folder: RunFolder, *, phase: str, tally: RewardTally, max_logp_gap: float, elapsed_s: float = 0.0
) -> list[TrainerCallback]:
    """Everything in this module, in the order in which it must be told of a step: first written down, then judged.

    Args:
        folder: The run's.
        phase: `grpo`, `rloo` or `sft`, as `metrics.jsonl` has it.
        tally: The one that the reward function adds to; for `sft`, a new one.
        max_logp_gap: Above this the sampler's weights are taken for stale.
        elapsed_s: Seconds since the run's first start; see `RunRecord.elapsed_s`.
    """
    return [
        ExactResume(),
        MetricsLog(folder, phase=phase, tally=tally, elapsed_s=elapsed_s),
        FiniteValues(),
        LogpGap(max_logp_gap),
        SealedCheckpoints(),
    ]


class MetricsLog(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Writes `metrics.jsonl`: a line for each step, with TRL's names unchanged and what the reward function counted."""

    def __init__(self, folder: RunFolder, *, phase: str, tally: RewardTally, elapsed_s: float) -> None:
        self._folder = folder
        self._phase = phase
        self._tally = tally
        self._began = time.monotonic() - elapsed_s

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Each step shall occur once: what was written beyond the checkpoint is written anew."""
        del args, control
        if state.is_world_process_zero:
            self._folder.drop_steps_after(state.global_step, phase=self._phase)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **_: Any
    ) -> None:
        del args, control
        # The last log of a run sums it up, without a loss, and is no step.
        if "loss" not in logs:
            return
        counts = of_all_processes(_gathered(self._tally.take()))
        if state.is_world_process_zero:
            values = {**logs, **(counts.as_metrics(logs.get("step_time")) if self._phase != "sft" else {})}
            elapsed_s = time.monotonic() - self._began
            self._folder.append_metrics(self._phase, state.global_step, time_s=elapsed_s, **_as_json(values))


class FiniteValues(TrainerCallback):  # type: ignore[misc]
    """Stops at the first step whose loss or gradient is not a number: the weights after it are none, either.

    It is told of a step before that step's checkpoint would be written, so the newest one is from before.
    """

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        del state, control
        # transformers would log the mean of the losses before in place of one that is no number.
        args.logging_nan_inf_filter = False

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **_: Any
    ) -> None:
        del args, control
        for name in ("loss", "grad_norm"):
            value = logs.get(name)
            if value is not None and not math.isfinite(value):
                raise RunStopped(
                    f"step {state.global_step}: {name} is {value}. The weights are spoilt from here on and were not "
                    "saved; restarted, the run goes on from the newest checkpoint, and stops here again unless "
                    "something is changed: a lower learning_rate, a lower max_grad_norm, dtype float32.",
                    exit_code=MISSED,
                )


class LogpGap(TrainerCallback):  # type: ignore[misc]
    """Stops when sampler and learner disagree on how likely the sampled tokens are.

    They compute the same thing in two ways, so a small gap is there always; a large one means that the sampler has
    other weights, and that the policy is trained on rollouts of another. Without vLLM there is no such metric.
    """

    def __init__(self, max_gap: float) -> None:
        if not max_gap > 0:
            raise ValueError(f"max_logp_gap is {max_gap}: it must be above 0")
        self._max_gap = max_gap

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **_: Any
    ) -> None:
        del args, control
        if LOGP_GAP not in logs:
            return
        gap = logs[LOGP_GAP]  # None where TRL found no finite one
        if gap is None or not gap <= self._max_gap:
            raise RunStopped(
                f"step {state.global_step}: the log-probabilities of sampler and learner differ by {gap} nats a token "
                f"on average, and {self._max_gap:g} is the most that guards.max_logp_gap allows: the sampler has other "
                "weights than the learner, or another precision. Nothing was saved after it.",
                exit_code=MISSED,
            )


class SealedCheckpoints(TrainerCallback):  # type: ignore[misc]
    """Seals each checkpoint when every process has written its part of it."""

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        del state, control
        if args.save_total_limit == 1:
            raise RunStopped(
                "save_total_limit is 1: the only checkpoint would be deleted before the next one is complete. "
                "Keep at least 2.",
                exit_code=USAGE,
            )

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        del control
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
        if state.is_world_process_zero:
            seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")


class ExactResume(TrainerCallback):  # type: ignore[misc]
    """Sees to it that a run that goes on does what it would have done, and refuses where it could not.

    Two things are not in TRL's checkpoints. The rollouts that several steps share: so checkpoints may only be written
    when a batch of rollouts is used up. And how often its sampler has shuffled: without the shuffles before, a run that
    goes on in its second epoch would see the rows in the order of the first once more. Where the last step was done
    before, it raises `AllStepsDone`.
    """

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, train_dataloader: Any, **_: Any
    ) -> None:
        del control
        if state.global_step >= state.max_steps:
            raise AllStepsDone
        _expect_every_step_logged(args)
        _expect_whole_checkpoints(args)
        round_steps = _steps_of_a_round(args)
        if args.save_strategy == "steps" and state.save_steps % round_steps:
            raise RunStopped(
                f"save_steps is {state.save_steps} and each batch of rollouts serves {round_steps} steps, so that a "
                f"checkpoint would be written in the middle of one. Take a multiple of {round_steps}.",
                exit_code=USAGE,
            )
        if state.global_step % round_steps:
            raise CannotResume(
                f"the checkpoint of step {state.global_step} lies in the middle of a batch of rollouts, which serves "
                f"{round_steps} steps; the run can't go on from there as if it had not stopped."
            )
        # Its fraction is exact at the end of an epoch, so nothing has to be rounded here.
        shuffle_again(train_dataloader, epochs=int(state.epoch or 0))


def _expect_every_step_logged(args: TrainingArguments) -> None:
    for name, wanted in (("logging_strategy", "steps"), ("logging_steps", 1)):
        if (found := getattr(args, name)) != wanted:
            raise RunStopped(
                f"{name} is {getattr(found, 'value', found)}: it must be {wanted}, since a step that is not logged is "
                "not guarded.",
                exit_code=USAGE,
            )


def _expect_whole_checkpoints(args: TrainingArguments) -> None:
    """Two settings of transformers with which a run goes on otherwise than it would have gone, without a word."""
    for name, why in (
        ("save_only_model", "checkpoints would lack the optimizer's state and the random states"),
        ("ignore_data_skip", "a run that goes on would see its first rows once more"),
    ):
        if getattr(args, name):
            raise RunStopped(f"{name} is on: {why}. Leave it out.", exit_code=USAGE)


def shuffle_again(train_dataloader: Any, *, epochs: int) -> None:
    """Brings TRL's sampler to where it is after `epochs` epochs; samplers of others keep count themselves."""
    sampler = _innermost_sampler(train_dataloader)
    if isinstance(sampler, RepeatSampler) and sampler.shuffle:
        for _ in range(epochs):
            torch.randperm(sampler.num_samples, generator=sampler.generator)


def _innermost_sampler(train_dataloader: Any) -> Any:
    """Beneath the samplers of batches, of which accelerate puts one around another for several processes."""
    sampler = train_dataloader
    while inner := getattr(sampler, "batch_sampler", None) or getattr(sampler, "sampler", None):
        sampler = inner
    return sampler


def _steps_of_a_round(args: TrainingArguments) -> int:
    """Optimiser steps between two moments at which no rollouts are left over; 1 where there are none."""
    batches: int = args.gradient_accumulation_steps
    generate_every: int = getattr(args, "steps_per_generation", 1) * getattr(args, "num_iterations", 1)
    return math.lcm(generate_every, batches) // batches


def _gathered(counts: RewardCounts) -> list[RewardCounts]:
    """Those of all processes, on each of them."""
    if not torch.distributed.is_initialized():
        return [counts]
    found: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(found, counts)
    return found


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN; None says as much in a line of metrics, and the reason of the stop has the rest."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }

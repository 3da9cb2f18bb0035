"""GRPO by TRL's `GRPOTrainer`: the settings, and a callback that passes on what happens.

The algorithm is all TRL's. Generation is by transformers on the CPU; there is no vLLM, no reference model (beta is 0)
and one process.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from datasets import Dataset
from transformers import (
    PreTrainedTokenizerFast,
    PrinterCallback,
    Qwen3ForCausalLM,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from trl import GRPOConfig, GRPOTrainer

from goodcall_client import AsyncClient
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.reward import make_reward, reward_columns, score_early
from goodcall_trainer.row import Row

Metrics: TypeAlias = Mapping[str, float | None]


def train_grpo(
    policy: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    rows: Sequence[Row],
    config: DemoConfig,
    *,
    url: str,
    checkpoints: Path,
    on_step: Callable[[int, Metrics], None],
    on_round: Callable[[int], None],
) -> None:
    """Trains `policy` in place on rewards from the service at `url`.

    Calls `on_step(step, metrics)` after each step with what TRL logs, rewards where new rollouts were made. Calls
    `on_round(step)` every `config.evaluate_every` steps, when a checkpoint is written too.

    Raises:
        GoodcallError: The service gave no scores until its deadline. The newest checkpoint is untouched.
    """
    client = AsyncClient(url, deadline_s=config.deadline_s)
    reward = make_reward(client, tokenizer, reward=config.reward)
    trainer = GRPOTrainer(
        model=policy,
        reward_funcs=reward,
        args=grpo_config(config, checkpoints),
        train_dataset=Dataset.from_list([reward_columns(row) for row in rows]),
        processing_class=tokenizer,
        callbacks=[_Reporter(on_step, on_round, config.evaluate_every)],
    )
    trainer.remove_callback(PrinterCallback)
    score_early(trainer, reward)
    try:
        trainer.train()
    finally:
        # The client's connections belong to the loop on which TRL awaits reward functions.
        asyncio.run_coroutine_threadsafe(client.aclose(), trainer.async_loop).result(timeout=5)


def grpo_config(config: DemoConfig, checkpoints: Path) -> GRPOConfig:
    """Settings of the demo in TRL's words; what is not named here keeps TRL's default."""
    return GRPOConfig(
        output_dir=str(checkpoints),
        seed=config.seed,
        max_steps=config.grpo_steps,
        learning_rate=config.grpo_learning_rate,
        lr_scheduler_type="linear",
        per_device_train_batch_size=config.prompts_per_step * config.group_size,
        steps_per_generation=config.steps_per_rollout,
        num_generations=config.group_size,
        max_completion_length=config.max_completion_tokens,
        temperature=1.0,
        beta=0.0,
        loss_type="dapo",
        scale_rewards="group",
        save_steps=config.evaluate_every,
        save_total_limit=1,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        # TRL's defaults are for large models on GPUs.
        bf16=False,
        gradient_checkpointing=False,
    )


class _Reporter(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Hands TRL's metrics to `on_step`, and every so many steps the step number to `on_round`."""

    def __init__(
        self, on_step: Callable[[int, Metrics], None], on_round: Callable[[int], None], round_steps: int
    ) -> None:
        self._on_step = on_step
        self._on_round = on_round
        self._round_steps = round_steps

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **_: Any
    ) -> None:
        del args, control
        # The last log of a run sums it up, without a loss, and is no step.
        if "loss" in logs:
            self._on_step(state.global_step, logs)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        del args, control
        if state.global_step % self._round_steps == 0:
            self._on_round(state.global_step)

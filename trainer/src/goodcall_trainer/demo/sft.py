"""The warm-up: supervised fine-tuning on demonstrations, with the loss on the completions alone.

A loop of its own rather than TRL's SFTTrainer: a step takes a tenth of a second here, of which a trainer
would be a good part. It knows nothing of rewards.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence

import torch
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.demonstrations import Demonstration

RISING_STEPS = 30
IGNORED = -100
"""Label of tokens without loss, as torch's cross entropy has it."""

Example = tuple[list[int], list[int]]
"""Token ids of a prompt, and of its completion."""


def warm_up(
    policy: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    demonstrations: Sequence[Demonstration],
    config: DemoConfig,
    on_step: Callable[[int, float], None],
) -> None:
    """Trains `policy` in place; calls `on_step(step, loss)` after each step, from 1."""
    optimizer = torch.optim.AdamW(policy.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    examples = [(tokenizer(d.prompt)["input_ids"], tokenizer(d.completion)["input_ids"]) for d in demonstrations]
    batches = _batches(examples, config.sft_batch_size, random.Random(config.seed))
    policy.train()
    for step in range(1, config.sft_steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = config.sft_learning_rate * _schedule(step, config.sft_steps)
        loss = policy(**_collate(next(batches), tokenizer.pad_token_id)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        on_step(step, loss.item())


def _schedule(step: int, steps: int) -> float:
    """Rises over `RISING_STEPS`, falls along a cosine from 1 to 0.1."""
    falling = 0.55 + 0.45 * math.cos(math.pi * step / steps)
    return min(1.0, step / RISING_STEPS) * falling


def _batches(examples: Sequence[Example], size: int, rng: random.Random) -> Iterator[list[Example]]:
    """Batches without end; every epoch in another order, its remainder left out."""
    while True:
        order = rng.sample(examples, k=len(examples))
        for start in range(0, len(order) - size + 1, size):
            yield order[start : start + size]


def _collate(batch: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    """Right-padded `input_ids` and `labels`, both [batch, length]; causal attention needs no mask for that."""
    length = max(len(prompt) + len(completion) for prompt, completion in batch)
    input_ids = torch.full((len(batch), length), pad_id)
    labels = torch.full((len(batch), length), IGNORED)
    for row, (prompt, completion) in enumerate(batch):
        end = len(prompt) + len(completion)
        input_ids[row, :end] = torch.tensor(prompt + completion)
        labels[row, len(prompt) : end] = torch.tensor(completion)
    return {"input_ids": input_ids, "labels": labels}

"""How often the policy is right on held-out tasks: completions from the policy, verdicts from the service.

"Right" is a score of 1 by the reward that the run trains on, so a held-out number and a training reward mean the same.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3ForCausalLM

from goodcall_client import Client, Item, Verdict
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.prompt import render_prompt
from goodcall_trainer.row import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One completion with what the service says of it."""

    row: Row
    completion: str
    """With its special tokens."""
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One measurement on all held-out rows, in their order."""

    step: int
    """GRPO steps done before it."""
    greedy: tuple[Judged, ...]
    """The likeliest token each time."""
    sampled: tuple[Judged, ...]
    """One sample per row, at temperature 1 from the whole distribution, as in training."""
    digest: str
    """Of the reward that judged."""

    @property
    def greedy_accuracy(self) -> float:
        return accuracy(self.greedy)

    @property
    def sampled_accuracy(self) -> float:
        return accuracy(self.sampled)

    @property
    def sampled_reasons(self) -> Mapping[str, int]:
        """How often the service gave each reason, the commonest first."""
        return dict(Counter(judged.verdict.reason for judged in self.sampled).most_common())


def accuracy(judged: Sequence[Judged]) -> float:
    """Share of score 1 in [0, 1], among those that have a score at all.

    Raises:
        ValueError: None has; the reasons say what is wrong with the rows.
    """
    scores = [one.verdict.score for one in judged if one.verdict.score is not None]
    if not scores:
        reasons = sorted({one.verdict.reason for one in judged})
        raise ValueError(f"no held-out row could be scored: {', '.join(reasons)}; the rows need repair")
    return sum(score == 1.0 for score in scores) / len(scores)


def evaluate(
    policy: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    rows: Sequence[Row],
    client: Client,
    config: DemoConfig,
    *,
    step: int,
) -> Evaluation:
    """Greedy and sampled completions of all rows, judged by the service in one call.

    Leaves torch's random state as it was, so that measuring more often does not change the training.

    Raises:
        GoodcallError: The service gave no verdicts.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        greedy = complete(policy, tokenizer, rows, max_tokens=config.max_completion_tokens, sample=False)
        sampled = complete(policy, tokenizer, rows, max_tokens=config.max_completion_tokens, sample=True)
    items = [
        Item(id=row.id, tools=row.tools, ground_truth=list(row.ground_truth), completions=pair)
        for row, *pair in zip(rows, greedy, sampled, strict=True)
    ]
    result = client.score(items, reward=config.reward)
    verdicts = [item.verdicts for item in result.items]
    return Evaluation(
        step=step,
        greedy=_judged(rows, greedy, [first for first, _ in verdicts]),
        sampled=_judged(rows, sampled, [second for _, second in verdicts]),
        digest=result.digest,
    )


def complete(
    policy: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    rows: Sequence[Row],
    *,
    max_tokens: int,
    sample: bool,
) -> list[str]:
    """One completion for each row, up to its end of turn, special tokens kept."""
    prompts = tokenizer([render_prompt(row) for row in rows], padding=True, return_tensors="pt")
    generation = GenerationConfig(
        max_new_tokens=max_tokens,
        do_sample=sample,
        top_k=0 if sample else None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    was_training = policy.training
    policy.eval()
    with torch.inference_mode():
        tokens = policy.generate(**prompts, generation_config=generation)
    policy.train(was_training)
    completions = tokens[:, prompts["input_ids"].shape[1] :]
    return [_until_end(tokenizer.decode(ids), tokenizer) for ids in completions]


def _until_end(text: str, tokenizer: PreTrainedTokenizerFast) -> str:
    """Without the padding that fills a batch after shorter completions."""
    before, end, _ = text.partition(tokenizer.eos_token)
    return before + end


def _judged(rows: Sequence[Row], completions: Sequence[str], verdicts: Sequence[Verdict]) -> tuple[Judged, ...]:
    return tuple(
        Judged(row=row, completion=completion, verdict=verdict)
        for row, completion, verdict in zip(rows, completions, verdicts, strict=True)
    )

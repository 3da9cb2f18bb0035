"""Scoring while TRL still computes: the requests leave when the completions are there, not when TRL asks.

TRL 1.16 generates a whole generation batch in one call, then computes log-probabilities (of the old policy where
a batch serves several steps or comes from vLLM, of the reference model where `beta` is not 0), and calls the reward
functions last. So no completion can be scored while others of its batch are still being generated: neither `generate`
of transformers nor TRL's call of vLLM hands out the first before the last. But all can be scored while the
log-probabilities are computed, which takes far longer than scoring does.
"""

import asyncio
from typing import Any, Protocol


class Early(Protocol):
    """A reward function that can begin before it is called, and is told when training begins to wait for it."""

    def begin(
        self, loop: asyncio.AbstractEventLoop, rows: list[dict[str, Any]], completion_ids: list[list[int]], step: int
    ) -> None: ...

    def asked(self) -> None: ...


def score_early(trainer: Any, reward: Early) -> None:
    """From now on the trainer lets `reward` begin as soon as it has generated a batch.

    `trainer` is a GRPOTrainer or RLOOTrainer of TRL 1.16 that was made with `reward` as its reward function. Nothing
    that it computes changes. It hooks into three methods that TRL does not promise to keep, which is why the version is
    pinned.
    """
    generate_and_score = trainer._generate_and_score_completions  # noqa: SLF001 - TRL offers no other place
    generate = trainer._generate  # noqa: SLF001
    calculate_rewards = trainer._calculate_rewards  # noqa: SLF001
    rows: list[dict[str, Any]] = []

    def remembering_the_rows(inputs: list[dict[str, Any]]) -> Any:
        rows[:] = inputs
        return generate_and_score(inputs)

    def and_then_begin(prompts: Any) -> Any:
        generated = generate(prompts)
        reward.begin(trainer.async_loop, list(rows), generated[1], trainer.state.global_step)
        return generated

    def saying_so(*batch: Any) -> Any:
        reward.asked()
        return calculate_rewards(*batch)

    trainer._generate_and_score_completions = remembering_the_rows  # noqa: SLF001
    trainer._generate = and_then_begin  # noqa: SLF001
    trainer._calculate_rewards = saying_so  # noqa: SLF001

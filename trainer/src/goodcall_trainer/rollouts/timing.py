"""How long rollouts take, among a run's metrics: TRL logs the time of a step, and not what of it was generation."""

import time
from typing import Any


def time_generation(trainer: Any) -> None:
    """From now on the trainer logs for each batch of rollouts `generation_s` and `generation_tokens`.

    `trainer` is a GRPOTrainer or RLOOTrainer of TRL 1.16. Seconds are wall time from the prompts' tokens to the
    completions' on this process, weight sync included; tokens are those of the completions that it made. Nothing that
    the trainer computes changes. It hooks into a method that TRL does not promise to keep, which is why the version is
    pinned.
    """
    generate = trainer._generate_single_turn  # noqa: SLF001 - TRL offers no other place

    def timed(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        generated = generate(*args, **kwargs)
        metrics = trainer._metrics["train" if trainer.model.training else "eval"]  # noqa: SLF001
        metrics["generation_s"].append(time.perf_counter() - started)
        # GRPO's has log-probabilities beside the tokens, RLOO's does not.
        completion_ids = generated[0] if isinstance(generated, tuple) else generated
        metrics["generation_tokens"].append(float(sum(map(len, completion_ids))))
        return generated

    trainer._generate_single_turn = timed  # noqa: SLF001

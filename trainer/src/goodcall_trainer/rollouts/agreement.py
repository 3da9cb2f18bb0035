"""Whether sampler and learner have the same weights: found out before the first step, by asking both the same.

Both give log-probabilities to one fixed text. That alone shows little when a sampler starts from the same files as
the learner: it agrees even if it never takes new weights. So the learner is then shaken, which moves those
log-probabilities far; a sampler that agrees again after a sync must have taken every weight that matters.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch

from goodcall_trainer.run.stop import MISSED, RunStopped

logger = logging.getLogger(__name__)

MAX_LOGP_GAP = 0.05
"""Nats a token. Seen were 0.001 in float32 and up to 0.01 in bfloat16, and 0.15 to 0.7 with other weights."""

FIXED_TEXT = (
    "The user asks for the weather in Oslo tomorrow, so I call get_weather once: one city, one day, nothing else."
)
MAX_TOKENS = 32

_FOLLOWS_WITHIN = 0.1
"""The gap that may be left after a shake, as a share of the way that the learner went: its logits are large, so its
rounding is, and a sampler that misses only the output layer still stays behind by half the way."""

Logps: TypeAlias = Callable[[], Sequence[float]]


class SamplerDisagrees(RunStopped):
    """The sampler has other weights than the learner although they were just sent to it."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason} Nothing was trained and nothing saved after that. With VLLM_LOGGING_LEVEL=INFO vLLM says what "
            "it loads. If both have the right weights and differ in precision, give them one dtype, or raise "
            "max_logp_gap.",
            exit_code=MISSED,
        )


def mean_gap(first: Sequence[float], second: Sequence[float]) -> float:
    """The mean absolute difference, in nats a token; not finite when one of them isn't."""
    return sum(abs(a - b) for a, b in zip(first, second, strict=True)) / len(first)


def check_agreement(learner: Logps, sampler: Logps, *, max_logp_gap: float) -> float:
    """The gap on the fixed text.

    Raises:
        SamplerDisagrees: It is above `max_logp_gap`, or no number.
    """
    gap = mean_gap(learner(), sampler())
    if not gap <= max_logp_gap:
        raise SamplerDisagrees(
            f"after a weight sync the log-probabilities of sampler and learner on a fixed text differ by {gap:.4g} "
            f"nats a token, and {max_logp_gap:g} is the most allowed: the sampler has other weights."
        )
    return gap


def check_that_sampler_follows(
    model: torch.nn.Module, sync: Callable[[], None], learner: Logps, sampler: Logps, *, max_logp_gap: float
) -> None:
    """Shakes the learner, syncs, compares; then puts its weights back to the bit and syncs again.

    Raises:
        SamplerDisagrees: The sampler stayed behind.
    """
    before = learner()
    with shaken(model):
        sync()
        after = learner()
        gap = mean_gap(after, sampler())
    sync()
    way = mean_gap(before, after)
    logger.info("the learner was moved by %.3g nats a token, and the sampler followed within %.3g", way, gap)
    if not gap <= max_logp_gap + _FOLLOWS_WITHIN * way:
        raise SamplerDisagrees(
            f"the sampler does not take new weights: the learner's were changed on purpose, which moved its "
            f"log-probabilities by {way:.4g} nats a token, and after a sync the sampler's were {gap:.4g} from them."
        )
    if way <= 2 * max_logp_gap:
        logger.warning("changing the weights moved the learner by %.3g nats a token, too little to prove a sync", way)


@contextmanager
def shaken(model: torch.nn.Module) -> Iterator[None]:
    """Every other element of each parameter is twice itself inside the block, and exactly itself after it.

    Twice, since doubling and halving lose no bit of a floating-point number; every other element, since norms would
    cancel a factor that all have in common.
    """
    elements = [torch.atleast_1d(weights.data) for weights in model.parameters() if weights.is_floating_point()]
    try:
        for element in elements:
            element[..., ::2].mul_(2)
        yield
    finally:
        for element in elements:
            element[..., ::2].mul_(0.5)


def learner_logps(model: Any, ids: Sequence[int], device: torch.device) -> list[float]:
    """What `model` gives each token of `ids` after the first, in nats; collective where its weights are sharded."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids], device=device), use_cache=False).logits[0, :-1]
    finally:
        model.train(was_training)
    following = torch.tensor(ids[1:], device=device)[:, None]
    gathered: list[float] = logits.float().log_softmax(-1).gather(1, following)[:, 0].tolist()
    return gathered

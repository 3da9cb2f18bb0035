"""How a TRL trainer gets a sampler whose weights are known to be the learner's.

    with synced_sampler(config):
        trainer = GRPOTrainer(args=config, …)

TRL makes the object that talks to vLLM while the trainer is made, from a class that stands in the trainer's module. For
the length of the block another class stands there; the trainer keeps its object, and TRL is as it was.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from trl import GRPOConfig, RLOOConfig
from trl.trainer import grpo_trainer, rloo_trainer

from goodcall_trainer.rollouts.agreement import MAX_LOGP_GAP
from goodcall_trainer.rollouts.generation import CheckedGeneration, ColocatedOnCPU, ServedOnCPU
from goodcall_trainer.rollouts.swap import swapped

WEIGHTS_FOLDER = "sampler-weights"


@contextmanager
def synced_sampler(config: GRPOConfig | RLOOConfig, *, max_logp_gap: float = MAX_LOGP_GAP) -> Iterator[None]:
    """Trainers made in the block prove their weight sync before the first step, wherever vLLM runs.

    Without `use_vllm` it does nothing. On a GPU TRL's own sync is used, unchanged. On a CPU, colocated, vLLM reloads
    the weights in memory; on a CPU with a server they go through `OUTPUT_DIR/sampler-weights`, which the server must be
    able to read under the same path.

    Args:
        config: What the trainer is made from.
        max_logp_gap: Nats a token by which the two may differ on a fixed text.

    Raises (from the trainer, when it is made or at the first sync):
        SamplerUnavailable: A server that is not healthy in `vllm_server_timeout`, dies, or lacks a needed option.
        SamplerDisagrees: The sampler has other weights than the learner after a sync.
    """
    if not config.use_vllm:
        yield
        return
    with ExitStack() as swaps:
        for module in (grpo_trainer, rloo_trainer):
            swaps.enter_context(swapped(module, "VLLMGeneration", _builder(config, max_logp_gap)))
        yield


def _builder(config: GRPOConfig | RLOOConfig, max_logp_gap: float) -> Any:
    # RLOO neither asks vLLM for log-probabilities nor measures them.
    measured = getattr(config, "vllm_importance_sampling_correction", False)
    settings: dict[str, Any] = {"max_logp_gap": max_logp_gap, "measured": measured}
    if config.device.type != "cpu":
        return partial(CheckedGeneration, **settings)
    if config.vllm_mode == "colocate":
        return partial(ColocatedOnCPU, **settings)
    return partial(ServedOnCPU, folder=Path(config.output_dir) / WEIGHTS_FOLDER, **settings)

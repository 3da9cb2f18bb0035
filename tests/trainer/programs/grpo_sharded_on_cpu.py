"""`grpo_with_fixed_draws.py` with the policy in shards on CPUs, which accelerate does on GPUs only.

Where it finds no GPU, accelerate passes over its configuration for FSDP without a word, and copies the policy to every
process. Torch's FSDP2 itself needs none, and neither does DeepSpeed: told that the processes are those of GPUs and talk
by gloo, accelerate shards as it does there.
"""

import grpo_with_fixed_draws as fixed
from accelerate.state import DistributedType, PartialState
from torch.distributed.tensor import DTensor
from trl import GRPOTrainer


def generate(trainer, *arguments, **named):
    """The same, of a policy that each of two processes has half of."""
    for name, weights in trainer.model.named_parameters():
        if isinstance(weights, DTensor):
            all_of_it, here = weights.numel(), weights.to_local().numel()
        else:
            all_of_it, here = weights.ds_numel, weights.ds_tensor.numel()
        assert 2 * here == all_of_it, name
    return fixed.generate(trainer, *arguments, **named)


PartialState._prepare_backend = lambda *_arguments, **_named: ("gloo", DistributedType.MULTI_GPU)
GRPOTrainer._generate_single_turn = generate
if __name__ == "__main__":
    fixed.main()

"""A run of several processes, on one machine or many: how they end together, and what starts them.

The processes are started by torchrun or by `accelerate launch` and talk through torch.distributed; there is no
scheduler and no protocol of our own.
"""

from contextlib import AbstractContextManager, nullcontext

from goodcall_trainer.environment import Environment


def ending_together(environment: Environment) -> AbstractContextManager[None]:
    """Ends a block on all processes of the run when it fails on one; see `peers.together`. Alone, it does nothing."""
    if environment.world_size == 1:
        return nullcontext()
    from goodcall_trainer.launch.peers import together  # noqa: PLC0415 - takes seconds

    return together(environment)

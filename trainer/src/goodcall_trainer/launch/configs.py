"""The shipped configurations of `accelerate launch`, as files. Imports nothing heavy."""

from pathlib import Path

CONFIGS = {
    "ddp": "a copy of the policy on each GPU, gradients averaged",
    "zero3": "DeepSpeed ZeRO-3: weights, gradients and optimizer states cut into a part for each GPU",
    "fsdp2": "the same by PyTorch's own FSDP2, without DeepSpeed",
}
"""Names, and what each does."""


def config_path(name: str) -> Path:
    """The file of one of `CONFIGS`."""
    return Path(__file__).with_name(f"{name}.yaml")

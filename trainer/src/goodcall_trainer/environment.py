"""What the trainer reads from its environment, in one place: keys, and what launchers say."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """This process among those of its run."""

    api_key: str | None = None
    """Sent to the service; from `GOODCALL_API_KEY`."""
    endpoint_api_key: str | None = None
    """Sent to the endpoint that `evaluate` measures; from `GOODCALL_ENDPOINT_API_KEY`. No other key goes there."""
    rank: int = 0
    """This process's number; from `RANK`, which torchrun and accelerate set."""
    world_size: int = 1
    """How many processes there are; from `WORLD_SIZE`."""
    local_world_size: int = 1
    """How many of them are on this machine; from `LOCAL_WORLD_SIZE`."""
    attempt: int = 0
    """How often torchrun has started all of them anew; from `TORCHELASTIC_RESTART_COUNT`."""

    def __repr__(self) -> str:
        """Without the keys."""
        return f"Environment(rank={self.rank}, world_size={self.world_size}, local_world_size={self.local_world_size})"

    @property
    def first(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    @property
    def one_machine(self) -> bool:
        return self.local_world_size >= self.world_size


def read_environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """What the environment says.

    Raises:
        ValueError: a launcher's number is no number.
    """
    world_size = int(variables.get("WORLD_SIZE", "1"))
    return Environment(
        api_key=variables.get("GOODCALL_API_KEY") or None,
        endpoint_api_key=variables.get("GOODCALL_ENDPOINT_API_KEY") or None,
        rank=int(variables.get("RANK", "0")),
        world_size=world_size,
        local_world_size=int(variables.get("LOCAL_WORLD_SIZE", str(world_size))),
        attempt=int(variables.get("TORCHELASTIC_RESTART_COUNT", "0")),
    )

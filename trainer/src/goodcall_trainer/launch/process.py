"""Which of the run's processes this one is, as torchrun tells it by the environment. Imports nothing heavy."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


class UnusableLaunch(Exception):
    """The launcher's variables contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One of `world_size` processes; all numbers start at 0."""

    rank: int = 0
    """Among all processes. The process of rank 0 writes the run's files."""
    world_size: int = 1
    """Processes of the run, on all machines."""
    local_rank: int = 0
    """Among the processes of this machine, which is also the number of its GPU."""
    local_world_size: int = 1
    """Processes on this machine."""
    attempt: int = 0
    """How often the launcher has started the run anew."""

    def __post_init__(self) -> None:
        if not (0 <= self.rank < self.world_size and 0 <= self.local_rank < self.local_world_size <= self.world_size):
            raise UnusableLaunch(
                f"RANK={self.rank} of WORLD_SIZE={self.world_size} and LOCAL_RANK={self.local_rank} of "
                f"LOCAL_WORLD_SIZE={self.local_world_size} don't fit together; start the run by torchrun or "
                "`accelerate launch`, which set all four."
            )

    @property
    def is_main(self) -> bool:
        """Whether this one writes the run's files and speaks for all on the terminal."""
        return self.rank == 0

    @property
    def is_first_on_machine(self) -> bool:
        return self.local_rank == 0

    @property
    def is_alone(self) -> bool:
        return self.world_size == 1

    @property
    def machine(self) -> str:
        """Names the machine to the others of it: the lowest rank on it. torchrun numbers machine by machine."""
        return str(self.rank - self.local_rank)


def this_process(environment: Mapping[str, str] = os.environ) -> Process:
    """This process, from torchrun's variables; the only one of its run where there are none.

    Raises:
        UnusableLaunch: They contradict each other, or are no numbers.
    """
    if "RANK" not in environment:
        return Process()
    return Process(
        rank=_number(environment, "RANK", 0),
        world_size=_number(environment, "WORLD_SIZE", 1),
        local_rank=_number(environment, "LOCAL_RANK", 0),
        local_world_size=_number(environment, "LOCAL_WORLD_SIZE", 1),
        attempt=_number(environment, "TORCHELASTIC_RESTART_COUNT", 0),
    )


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    value = environment.get(name, str(otherwise))
    if not value.isdecimal():
        raise UnusableLaunch(f"the environment variable {name} is no number; torchrun sets it, nobody else should")
    return int(value)

"""The reward that a person named on the command line."""

from typing import Any

from goodcall.bulk.nearest import nearest
from goodcall.cli.failures import CommandFailed
from goodcall.errors import UnknownReward
from goodcall.rewards import CATALOGUE, Reward, find_reward


def named_reward(name: str) -> Reward[Any]:
    """The reward of the catalogue that a person named.

    Raises:
        CommandFailed: there is none; says which may be meant.
    """
    try:
        return find_reward(name)
    except UnknownReward as error:
        names = {reward.name for reward in CATALOGUE.values()}.union(error.known)
        advice = nearest(name, names, otherwise="goodcall rewards lists all")
        raise CommandFailed(f"unknown reward {name}; {advice}") from None

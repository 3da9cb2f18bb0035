"""The catalogue: every reward that can be named, and how a name is resolved."""

from types import MappingProxyType
from typing import Any

from goodcall.errors import UnknownReward
from goodcall.rewards import apibank, bfcl, necessity, schema, tool_n1, tool_n1_released, toolrl
from goodcall.rewards.reward import Reward, compute_digest

__all__ = ["CATALOGUE", "DEFAULT_REWARD", "Reward", "compute_digest", "find_reward"]

DEFAULT_REWARD = tool_n1.HARDENED.id

_REWARDS: tuple[Reward[Any], ...] = (
    tool_n1.HARDENED,
    *tool_n1_released.VARIANTS,
    *toolrl.VARIANTS,
    bfcl.AST,
    *apibank.VARIANTS,
    schema.VALID,
    necessity.DECISION,
)

CATALOGUE = MappingProxyType({reward.id: reward for reward in _REWARDS})
"""Every reward by its id."""


def find_reward(name: str) -> Reward[Any]:
    """The reward of that id; for a name without ``@version``, its newest version.

    Raises:
        UnknownReward: the catalogue holds none of that name.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    versions = [reward for reward in CATALOGUE.values() if reward.name == name]
    if not versions:
        raise UnknownReward(tuple(CATALOGUE))
    return max(versions, key=lambda reward: reward.version)

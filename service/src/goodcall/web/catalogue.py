"""The reward catalogue as the wire shows it."""

from typing import Any

from pydantic import BaseModel, Field

from goodcall.rewards import CATALOGUE, DEFAULT_REWARD, Reward


class RewardEntry(BaseModel):
    """What people should know about one version of one reward."""

    id: str = Field(description="`family/variant@version`.")
    digest: str = Field(description="Changes whenever an answer of this version would.")
    summary: str
    range: list[float] = Field(description="The lowest and the highest score.", min_length=2, max_length=2)
    needs: list[str] = Field(description="What an item must carry beside its completions.")
    dialect: str = Field(description="How a completion writes its calls for this reward to read them.")
    source: str = Field(description="Where the definition comes from.")

    @classmethod
    def of(cls, reward: Reward[Any]) -> "RewardEntry":
        """The entry of a reward."""
        return cls(
            id=reward.id,
            digest=reward.digest,
            summary=reward.summary,
            range=[reward.low, reward.high],
            needs=list(reward.needs),
            dialect=reward.dialect,
            source=reward.source,
        )


class Catalogue(BaseModel):
    """Every reward that can be named, and the one that is used when none is."""

    default: str
    rewards: list[RewardEntry]

    @classmethod
    def current(cls) -> "Catalogue":
        """The catalogue of this service."""
        return cls(default=DEFAULT_REWARD, rewards=[RewardEntry.of(reward) for reward in CATALOGUE.values()])

"""The hacking alarm: does the policy earn more where a reward is lax than where it is strict?

A sample of each batch is judged by the scorer that was published with Tool-N1 and by the hardened reward. The gap
between the two means is what a policy earns without doing the task; while it rises, the policy learns to. It is counted
and never a reward.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from goodcall_client import AsyncClient, GoodcallError, Item
from goodcall_trainer.reward.tally import HackingCounts

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HackingAlarm:
    """Judges a sample of the items that it is shown."""

    share: float = 0.1
    """Of the items, above 0 and up to 1: every tenth, beginning with the first, so that there is always one."""
    released: str = "tool_n1/released@1"
    hardened: str = "tool_n1/hardened@1"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share}: above 0 and up to 1 is wanted; no alarm at all is alarm=None")

    async def judge(self, client: AsyncClient, items: Sequence[Item]) -> HackingCounts:
        """The counts of the sample; nothing counted where the service does not say. It never raises a GoodcallError.

        Completions to which one of the two rewards gives no number are left out.
        """
        sample = items[:: round(1 / self.share)]
        try:
            released, hardened = await asyncio.gather(
                *(client.score(sample, reward=reward, on_unavailable="mask") for reward in self._rewards)
            )
        except GoodcallError as error:
            logger.warning("the hacking alarm judged nothing: %s", error)
            return HackingCounts()
        pairs = [
            (lax, strict)
            for lax, strict in zip(released.scores, hardened.scores, strict=True)
            if lax is not None and strict is not None
        ]
        return HackingCounts(
            judged=len(pairs), released=sum(lax for lax, _ in pairs), hardened=sum(strict for _, strict in pairs)
        )

    @property
    def _rewards(self) -> tuple[str, str]:
        return self.released, self.hardened

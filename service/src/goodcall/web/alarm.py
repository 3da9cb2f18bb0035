"""The live reward-hacking alarm: where the released reward would pay and the strict one does not.

A share of the requests is scored a second time, after they are answered, with the reward that was published with the
paper. What a policy under training earns there and not here is what it would have learnt to fake. Only counts leave
this module, never text.
"""

import asyncio
from typing import Any

from goodcall.items import Item, ItemVerdicts, prefix_of, to_context, to_task
from goodcall.rewards import Reward, find_reward
from goodcall.scoring import Scorer
from goodcall.types import Verdict
from goodcall.web.metrics import Metrics
from goodcall.web.wire import ScoreRequest

WATCHED = "tool_n1/hardened"
RELEASED = "tool_n1/released@1"


class HackingAlarm:
    """Counts where ``tool_n1/released`` disagrees with ``tool_n1/hardened`` on a share of the requests.

    Args:
        share: in [0, 1]; of the requests for ``tool_n1/hardened``, evenly spread. 0 watches none.
    """

    def __init__(self, share: float, metrics: Metrics) -> None:
        self._share = share
        self._due = 0.0
        self._metrics = metrics

    def takes(self, reward: Reward[Any]) -> bool:
        """Whether the request at hand is one of the watched; to be asked once a request."""
        if reward.name != WATCHED:
            return False
        self._due += self._share
        if self._due < 1:
            return False
        self._due -= 1
        return True

    async def compare(
        self, request: ScoreRequest, scored: list[ItemVerdicts], reward: Reward[Any], scorer: Scorer
    ) -> None:
        """Scores a request's texts again and counts the disagreements; parsed messages are left out."""
        for item, served in zip(request.items, scored, strict=True):
            prefix = prefix_of(item, request.assistant_prefix)
            pairs = [
                (verdict, completion)
                for verdict, completion in zip(served.verdicts, item.completions, strict=True)
                if isinstance(completion, str) and verdict.score is not None
            ]
            released = _released([completion for _, completion in pairs], item, prefix, scorer)
            self._metrics.count_compared(reward.id, [verdict for verdict, _ in pairs], released)
            await asyncio.sleep(0)


def _released(completions: list[str], item: Item, prefix: str, scorer: Scorer) -> list[Verdict]:
    return scorer.score_group(
        completions, to_task(item), find_reward(RELEASED), assistant_prefix=prefix, context=to_context(item)
    )

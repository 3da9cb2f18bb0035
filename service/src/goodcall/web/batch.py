"""Items to verdicts, without keeping the event loop from everything else."""

import asyncio
from typing import Any

from goodcall.errors import MissingNeed, UnsupportedCompletion
from goodcall.items import Item, ItemVerdicts, prefix_of, to_completions, to_context, to_task
from goodcall.rewards import Reward
from goodcall.scoring import Scorer
from goodcall.types import Verdict
from goodcall.web.problems import ProblemCode, RequestProblem

COMPLETIONS_BETWEEN_YIELDS = 128
"""One or two milliseconds of work: probes are answered in between."""


class Batch:
    """The scoring of one request's items, one after the other.

    Args:
        reward: what judges.
        scorer: remembers tasks from request to request.
        assistant_prefix: the one of items without their own.
        explain: whether verdicts carry their detail.
    """

    def __init__(self, reward: Reward[Any], scorer: Scorer, *, assistant_prefix: str, explain: bool) -> None:
        self.reward = reward
        self._scorer = scorer
        self._assistant_prefix = assistant_prefix
        self._explain = explain
        self._scored_since_yield = 0

    async def score(self, item: Item, pointer: str) -> ItemVerdicts:
        """One verdict for each completion of an item, in order.

        Args:
            item: a task and its completions.
            pointer: where the item stands in the request, for problems.

        Raises:
            RequestProblem: the item lacks what the reward needs, or holds a message and the reward judges text.
        """
        try:
            return ItemVerdicts(item.id, await self._verdicts(item))
        except MissingNeed as error:
            detail = f"{error.reward_id} needs {error.need} in every item."
            raise RequestProblem(ProblemCode.INVALID_REQUEST, detail, pointer) from None
        except UnsupportedCompletion as error:
            raise RequestProblem(ProblemCode.UNSUPPORTED_COMPLETION, f"{error}.", f"{pointer}/completions") from None

    async def _verdicts(self, item: Item) -> list[Verdict]:
        task, context = to_task(item), to_context(item)
        prefix = prefix_of(item, self._assistant_prefix)
        completions = to_completions(item)
        verdicts: list[Verdict] = []
        # An item without completions goes round once, so that it is looked at.
        for start in range(0, len(completions) or 1, COMPLETIONS_BETWEEN_YIELDS):
            part = completions[start : start + COMPLETIONS_BETWEEN_YIELDS]
            verdicts += self._scorer.score_group(
                part, task, self.reward, assistant_prefix=prefix, context=context, explain=self._explain
            )
            self._scored_since_yield += len(part)
            if self._scored_since_yield >= COMPLETIONS_BETWEEN_YIELDS:
                self._scored_since_yield = 0
                await asyncio.sleep(0)
        return verdicts

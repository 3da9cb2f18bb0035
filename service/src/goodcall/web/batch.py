"""A request's items to verdicts, without keeping the event loop from everything else."""

import asyncio
from collections.abc import Iterator
from typing import Any

from goodcall.errors import UnsupportedCompletion
from goodcall.rewards import Reward
from goodcall.scoring import Scorer
from goodcall.types import TaskSource, Verdict
from goodcall.web.problems import ProblemCode, RequestProblem
from goodcall.web.wire import Item, ScoreRequest, to_completion, to_task

COMPLETIONS_BETWEEN_YIELDS = 128
"""A few milliseconds of work: probes are answered in between."""


async def score_items(request: ScoreRequest, reward: Reward[Any], scorer: Scorer) -> list[list[Verdict]]:
    """One list of verdicts for each item, one verdict for each completion, all in order.

    Raises:
        RequestProblem: a completion is a message and the reward judges text.
    """
    verdicts = []
    scored_since_yield = 0
    for index, item in enumerate(request.items):
        task, group = to_task(item), []
        for part in _parts(item):
            group += _score_part(request, index, part, task, reward, scorer)
            scored_since_yield += len(part)
            if scored_since_yield >= COMPLETIONS_BETWEEN_YIELDS:
                scored_since_yield = 0
                await asyncio.sleep(0)
        verdicts.append(group)
    return verdicts


def _parts(item: Item) -> Iterator[list[Any]]:
    for start in range(0, len(item.completions), COMPLETIONS_BETWEEN_YIELDS):
        yield item.completions[start : start + COMPLETIONS_BETWEEN_YIELDS]


def _score_part(
    request: ScoreRequest, index: int, part: list[Any], task: TaskSource, reward: Reward[Any], scorer: Scorer
) -> list[Verdict]:
    prefix = request.items[index].assistant_prefix
    try:
        return scorer.score_group(
            [to_completion(completion) for completion in part],
            task,
            reward,
            assistant_prefix=request.assistant_prefix if prefix is None else prefix,
            explain=request.explain,
        )
    except UnsupportedCompletion as error:
        raise RequestProblem(ProblemCode.UNSUPPORTED_COMPLETION, f"{error}.", f"/items/{index}/completions") from None

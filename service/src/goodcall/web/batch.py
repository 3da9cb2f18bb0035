"""A request's items to verdicts, without keeping the event loop from everything else."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from goodcall.errors import UnsupportedCompletion
from goodcall.items import Item, Message, prefix_of, to_completion, to_context, to_task
from goodcall.rewards import Reward
from goodcall.scoring import Scorer
from goodcall.types import Completion, Verdict
from goodcall.web.problems import ProblemCode, RequestProblem
from goodcall.web.wire import ScoreRequest

COMPLETIONS_BETWEEN_YIELDS = 128
"""A few milliseconds of work: probes are answered in between."""

_Judge: TypeAlias = Callable[[list[Completion]], list[Verdict]]


async def score_items(request: ScoreRequest, reward: Reward[Any], scorer: Scorer) -> list[list[Verdict]]:
    """One list of verdicts for each item, one verdict for each completion, all in order.

    Raises:
        RequestProblem: a completion is a message and the reward judges text.
    """
    verdicts = []
    scored_since_yield = 0
    for index, item in enumerate(request.items):
        judge, group = _judge_of(item, request, reward, scorer), []
        for part in _parts(item):
            group += _judged(judge, part, f"/items/{index}/completions")
            scored_since_yield += len(part)
            if scored_since_yield >= COMPLETIONS_BETWEEN_YIELDS:
                scored_since_yield = 0
                await asyncio.sleep(0)
        verdicts.append(group)
    return verdicts


def _judge_of(item: Item, request: ScoreRequest, reward: Reward[Any], scorer: Scorer) -> _Judge:
    return partial(
        scorer.score_group,
        task=to_task(item),
        reward=reward,
        assistant_prefix=prefix_of(item, request.assistant_prefix),
        context=to_context(item),
        explain=request.explain,
    )


def _parts(item: Item) -> Iterator[list[str | Message]]:
    for start in range(0, len(item.completions), COMPLETIONS_BETWEEN_YIELDS):
        yield item.completions[start : start + COMPLETIONS_BETWEEN_YIELDS]


def _judged(judge: _Judge, part: list[str | Message], pointer: str) -> list[Verdict]:
    try:
        return judge([to_completion(completion) for completion in part])
    except UnsupportedCompletion as error:
        raise RequestProblem(ProblemCode.UNSUPPORTED_COMPLETION, f"{error}.", pointer) from None

"""Items to verdicts, without keeping the event loop from everything else."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, TypeGuard, cast

from goodcall.errors import MissingNeed, UnsupportedCompletion
from goodcall.items import Item, ItemVerdicts, Message, prefix_of, to_completion, to_context, to_task
from goodcall.rewards import Reward
from goodcall.scoring import Scorer
from goodcall.types import Completion, Verdict
from goodcall.web.admission import Slot
from goodcall.web.problems import ProblemCode, RequestProblem

COMPLETIONS_A_PART = 128
"""No turn ends in the midst of a part, which takes some milliseconds at most."""
CHARACTERS_A_PART = 1 << 18
"""A part of more than this is scored a completion at a time."""


class Batch:
    """The scoring of one request's items, one after the other.

    Args:
        reward: what judges.
        scorer: remembers tasks from request to request.
        slot: says when it is this request's turn.
        assistant_prefix: the one of items without their own.
        explain: whether verdicts carry their detail.
    """

    def __init__(
        self, reward: Reward[Any], scorer: Scorer, slot: Slot, *, assistant_prefix: str, explain: bool
    ) -> None:
        self.reward = reward
        self._scorer = scorer
        self._slot = slot
        self._assistant_prefix = assistant_prefix
        self._explain = explain

    async def score(self, items: Sequence[Item], place: str = "/items/{}") -> list[ItemVerdicts]:
        """One verdict for each completion of each item, all in order.

        Items that follow one another with the same task are judged as the one group that they are.

        Args:
            items: tasks with their completions.
            place: the pattern of an item's JSON Pointer, for problems.

        Raises:
            RequestProblem: an item lacks what the reward needs, or holds a message and the reward judges text.
            ClientDisconnect: nobody waits for the verdicts any more.
        """
        scored: list[ItemVerdicts] = []
        for _, neighbours in groupby(items, _TASK):
            run = list(neighbours)
            try:
                verdicts = await self._verdicts(run)
            except MissingNeed as error:
                detail = f"{error.reward_id} needs {error.need} in every item."
                raise RequestProblem(ProblemCode.INVALID_REQUEST, detail, place.format(len(scored))) from None
            except UnsupportedCompletion as error:
                pointer = place.format(len(scored) + _first_with_message(run))
                raise RequestProblem(
                    ProblemCode.UNSUPPORTED_COMPLETION, f"{error}.", f"{pointer}/completions"
                ) from None
            scored += _shared_out(verdicts, run)
        return scored

    async def _verdicts(self, run: Sequence[Item]) -> list[Verdict]:
        first, completions = run[0], _completions(run)
        task, context, prefix = to_task(first), to_context(first), prefix_of(first, self._assistant_prefix)
        verdicts: list[Verdict] = []
        for part in _parts(completions):
            if not self._slot.has_turn:
                await self._slot.take_turn()
            verdicts += self._scorer.score_group(
                part, task, self.reward, assistant_prefix=prefix, context=context, explain=self._explain
            )
            self._slot.scored += len(part)
        return verdicts


_TASK = attrgetter("tools", "ground_truth", "context", "assistant_prefix")
"""All of an item that its verdicts depend on, but for its completions."""


def _completions(run: Sequence[Item]) -> Sequence[str | Message]:
    return run[0].completions if len(run) == 1 else [completion for item in run for completion in item.completions]


def _shared_out(verdicts: list[Verdict], run: Sequence[Item]) -> list[ItemVerdicts]:
    if len(run) == 1:
        return [ItemVerdicts(run[0].id, verdicts)]
    rest = iter(verdicts)
    return [ItemVerdicts(item.id, list(islice(rest, len(item.completions)))) for item in run]


def _first_with_message(run: Sequence[Item]) -> int:
    return next(index for index, item in enumerate(run) if not all(isinstance(text, str) for text in item.completions))


def _parts(completions: Sequence[str | Message]) -> Iterable[Sequence[Completion]]:
    """The completions in parts; one empty part where there is none, so that it is looked at."""
    if len(completions) <= COMPLETIONS_A_PART and _are_light_texts(completions):
        return (completions,)
    return _smaller_parts(completions)


def _smaller_parts(completions: Sequence[str | Message]) -> Iterator[Sequence[Completion]]:
    for start in range(0, len(completions), COMPLETIONS_A_PART):
        part = completions[start : start + COMPLETIONS_A_PART]
        if _are_light_texts(part):
            yield part
        else:
            for completion in part:
                yield [to_completion(completion)]


def _are_light_texts(completions: Sequence[str | Message]) -> TypeGuard[Sequence[str]]:
    """Whether all are texts, and short enough together; messages are rare, and taken one by one for that."""
    try:
        return sum(map(len, cast("Sequence[str]", completions))) <= CHARACTERS_A_PART
    except TypeError:
        return False

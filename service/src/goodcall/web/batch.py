"""Items to verdicts, without keeping the event loop from everything else."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from goodcall.errors import MissingNeed, UnsupportedCompletion
from goodcall.items import Item, ItemVerdicts, are_texts, prefix_of, to_completions, to_context, to_task
from goodcall.rewards import Reward
from goodcall.scoring import Scorer
from goodcall.types import Completion, Verdict
from goodcall.web.admission import Slot
from goodcall.web.problems import ProblemCode, RequestProblem
from goodcall.web.turns import COMPLETIONS_A_TURN

CHARACTERS_A_TURN = 1 << 18
"""A portion of more than this is scored a completion at a time, so that a turn can end in between."""


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
        for run in _runs(items):
            try:
                verdicts = iter(await self._verdicts(run))
            except MissingNeed as error:
                detail = f"{error.reward_id} needs {error.need} in every item."
                raise RequestProblem(ProblemCode.INVALID_REQUEST, detail, place.format(len(scored))) from None
            except UnsupportedCompletion as error:
                pointer = place.format(len(scored) + _first_with_message(run))
                raise RequestProblem(
                    ProblemCode.UNSUPPORTED_COMPLETION, f"{error}.", f"{pointer}/completions"
                ) from None
            scored += [ItemVerdicts(item.id, list(islice(verdicts, len(item.completions)))) for item in run]
        return scored

    async def _verdicts(self, run: Sequence[Item]) -> list[Verdict]:
        task, context = to_task(run[0]), to_context(run[0])
        prefix = prefix_of(run[0], self._assistant_prefix)
        verdicts: list[Verdict] = []
        for part in _portions(_completions(run)):
            await self._slot.spend(len(part) or 1)
            verdicts += self._scorer.score_group(
                part, task, self.reward, assistant_prefix=prefix, context=context, explain=self._explain
            )
        return verdicts


def _completions(run: Sequence[Item]) -> Sequence[Completion]:
    return to_completions(run[0]) if len(run) == 1 else list(chain.from_iterable(map(to_completions, run)))


def _runs(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in runs of neighbours that differ in their ids and completions alone."""
    start = 0
    for index in range(1, len(items) + 1):
        if index == len(items) or not _share_task(items[start], items[index]):
            yield items[start:index]
            start = index


def _share_task(one: Item, other: Item) -> bool:
    return (
        one.tools == other.tools
        and one.ground_truth == other.ground_truth
        and one.context == other.context
        and one.assistant_prefix == other.assistant_prefix
    )


def _first_with_message(run: Sequence[Item]) -> int:
    return next(index for index, item in enumerate(run) if not all(isinstance(text, str) for text in item.completions))


def _portions(completions: Sequence[Completion]) -> Iterator[Sequence[Completion]]:
    """The completions in parts that fit into a turn; one empty part where there is none, so that it is looked at."""
    for start in range(0, len(completions) or 1, COMPLETIONS_A_TURN):
        part = completions[start : start + COMPLETIONS_A_TURN]
        # Messages are rare, and taken one by one for that.
        if not part or (are_texts(part) and sum(map(len, part)) <= CHARACTERS_A_TURN):
            yield part
        else:
            yield from _one_by_one(part)


def _one_by_one(completions: Sequence[Completion]) -> Iterator[Sequence[Completion]]:
    return ([completion] for completion in completions)

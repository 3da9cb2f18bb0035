"""The reward function that TRL calls.

One function and no second one beside it: TRL counts a None beside other rewards as 0, which would punish
the policy for a fault of the data, or of the service. What cannot be scored because the service does not answer raises
and stops the run, or is None where the run asked for that; it never becomes a number.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from transformers import PreTrainedTokenizerBase

from goodcall_client import AsyncClient, ScoreResult
from goodcall_trainer.reward.columns import JUDGED_BY, items_of
from goodcall_trainer.reward.hacking import HackingAlarm
from goodcall_trainer.reward.tally import HackingCounts, RewardTally
from goodcall_trainer.run.stop import ENVIRONMENT, RunStopped

logger = logging.getLogger(__name__)

OnUnavailable: TypeAlias = Literal["raise", "mask"]


def make_reward(
    client: AsyncClient,
    tokenizer: PreTrainedTokenizerBase,
    *,
    reward: str,
    digest: str | None = None,
    assistant_prefix: str = "",
    on_unavailable: OnUnavailable = "raise",
    alarm: HackingAlarm | None = None,
    tally: RewardTally | None = None,
) -> "GoodcallReward":
    """An async reward function for `GRPOTrainer` and `RLOOTrainer`, over datasets with the columns of `reward_columns`.

    Args:
        client: Splits a batch into few requests, several of them under way at once, and repeats what fails.
        tokenizer: The policy's.
        reward: `family/variant@version`.
        digest: The digest that every answer must carry; None takes the first one's.
        assistant_prefix: Text of the prompt that belongs to the completion; `<think>` where the template writes it.
        on_unavailable: `"raise"` stops the run when the service gave no answer until the client's deadline; `"mask"`
            gives None for what was not answered, and TRL trains nothing on that.
        alarm: Judges a sample for reward hacking; None judges none.
        tally: Counts waits and reasons for whoever logs them.
    """
    return GoodcallReward(
        client,
        tokenizer,
        reward=reward,
        digest=digest,
        assistant_prefix=assistant_prefix,
        on_unavailable=on_unavailable,
        alarm=alarm,
        tally=tally or RewardTally(),
    )


@dataclass(frozen=True, slots=True)
class _Scored:
    result: ScoreResult
    hacking: HackingCounts


class GoodcallReward:
    """What `make_reward` makes. TRL calls it after each generation of a batch; `score_early` lets it begin before."""

    __name__ = "goodcall_reward"
    """Under this name TRL logs the reward."""

    def __init__(
        self,
        client: AsyncClient,
        tokenizer: PreTrainedTokenizerBase,
        *,
        reward: str,
        digest: str | None,
        assistant_prefix: str,
        on_unavailable: OnUnavailable,
        alarm: HackingAlarm | None,
        tally: RewardTally,
    ) -> None:
        self.tally = tally
        self._client = client
        self._tokenizer = tokenizer
        self._reward = reward
        self._digest = digest
        self._assistant_prefix = assistant_prefix
        self._on_unavailable = on_unavailable
        self._alarm = alarm
        self._begun: tuple[Sequence[Sequence[int]], Future[_Scored]] | None = None
        self._asked_at: float | None = None

    async def __call__(
        self,
        *,
        completion_ids: Sequence[Sequence[int]],
        trainer_state: Any,
        log_metric: Callable[[str, float], None],
        log_extra: Callable[[str, list[Any]], None],
        **columns: Any,
    ) -> list[float | None]:
        """One score for each completion in order, None where there is none. See `make_reward` for what is judged.

        Judged is what the policy wrote: the completion's own tokens, special ones included, not the text that TRL
        makes of them. `context.step` is the number of optimiser steps done, 0 in the first. Logged are the metrics
        `reward_wait_s` (seconds that training waited) and `reward_nulls`, and for TRL's completions table `row_id` and
        `reason`.

        Raises:
            GoodcallError: No scores; see `goodcall_client`.
            RunStopped: The service now has another version of the reward than the run began with.
        """
        started, self._asked_at = self._asked_at or time.perf_counter(), None
        scored = await self._scored(completion_ids, {name: columns[name] for name in JUDGED_BY}, trainer_state)
        verdicts = [verdict for item in scored.result.items for verdict in item.verdicts]
        scores = [verdict.score for verdict in verdicts]
        waited_s = time.perf_counter() - started
        self.tally.add(wait_s=waited_s, verdicts=verdicts, hacking=scored.hacking)
        log_metric("reward_wait_s", waited_s)
        log_metric("reward_nulls", scores.count(None))
        log_extra("row_id", list(columns["row_id"]))
        log_extra("reason", [verdict.reason for verdict in verdicts])
        self._warn_of_rows(scored.result)
        return scores

    def begin(
        self, loop: asyncio.AbstractEventLoop, rows: list[dict[str, Any]], completion_ids: list[list[int]], step: int
    ) -> None:
        """Starts scoring on `loop`; the call for the same `completion_ids` then waits for what is left of it."""
        columns = {name: [row[name] for row in rows] for name in JUDGED_BY}
        scoring = asyncio.run_coroutine_threadsafe(self._score(completion_ids, columns, step), loop)
        self._begun = completion_ids, scoring

    def asked(self) -> None:
        """Training stands still from now on. The call comes later, where the loop is at work on what was begun."""
        self._asked_at = time.perf_counter()

    async def _scored(
        self, completion_ids: Sequence[Sequence[int]], columns: dict[str, list[str]], trainer_state: Any
    ) -> _Scored:
        begun, self._begun = self._begun, None
        if begun is not None and begun[0] is completion_ids:
            return await asyncio.wrap_future(begun[1])
        return await self._score(completion_ids, columns, trainer_state.global_step)

    async def _score(
        self, completion_ids: Sequence[Sequence[int]], columns: dict[str, list[str]], step: int
    ) -> _Scored:
        completions = [self._tokenizer.decode(ids, skip_special_tokens=False) for ids in completion_ids]
        items = items_of(completions, **columns, step=step, assistant_prefix=self._assistant_prefix)
        result, hacking = await asyncio.gather(
            self._client.score(items, reward=self._reward, on_unavailable=self._on_unavailable),
            self._alarm.judge(self._client, items) if self._alarm else _nothing(),
        )
        self._expect_the_same_reward(result)
        return _Scored(result, hacking)

    def _expect_the_same_reward(self, result: ScoreResult) -> None:
        if not result.digest:  # every verdict is masked
            return
        self._digest = self._digest or result.digest
        if result.digest != self._digest:
            raise RunStopped(
                f"the service's {result.reward} now has the digest {result.digest}, and the run began with "
                f"{self._digest}; no score of it was used. Give the run the service that it began with, or go on with "
                "the new reward by --allow-reward-change.",
                exit_code=ENVIRONMENT,
            )

    def _warn_of_rows(self, result: ScoreResult) -> None:
        for item in result.items:
            first = item.verdicts[0]
            if first.score is None and not first.masked:
                logger.warning("row %s has no verdict: %s; repair or drop it", item.id, first.reason)


async def _nothing() -> HackingCounts:
    return HackingCounts()

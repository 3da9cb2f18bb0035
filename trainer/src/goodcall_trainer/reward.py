"""The reward function: TRL's rollouts in, the service's scores out.

One function and no second one beside it: TRL counts a None beside other rewards as 0, which would punish
the policy for a fault of the data. What cannot be scored because the service does not answer raises, and stops the run;
it never becomes a number.
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from transformers import PreTrainedTokenizerBase

from goodcall_client import AsyncClient, Item, JSONText
from goodcall_trainer.prompt import render_prompt
from goodcall_trainer.row import Row

logger = logging.getLogger(__name__)

RewardFunction: TypeAlias = Callable[..., Awaitable[list[float | None]]]


def reward_columns(row: Row) -> dict[str, str]:
    """The row as dataset columns: all text.

    Tools and calls travel as JSON texts, since Arrow gives every row of a struct column the same keys and would fill up
    one tool's parameters with nulls for those of all others.
    """
    return {
        "prompt": render_prompt(row),
        "row_id": row.id,
        "tools_json": json.dumps(row.tools),
        "ground_truth_json": json.dumps(row.ground_truth),
    }


def make_reward(client: AsyncClient, tokenizer: PreTrainedTokenizerBase, *, reward: str) -> RewardFunction:
    """An async reward function for `GRPOTrainer`, over datasets with the columns of `reward_columns`.

    It returns one score for each completion in order, None where the service says that the row is at fault, and
    logs the metrics `reward_wait_s` (seconds from call to answer) and `reward_nulls`. Judged is what the policy wrote:
    the completion's own tokens, special ones included, not the text that TRL makes of them.

    Raises (when called):
        GoodcallError: No scores; see `goodcall_client`.
    """

    async def goodcall_reward(
        *,
        completion_ids: Sequence[Sequence[int]],
        row_id: Sequence[str],
        tools_json: Sequence[str],
        ground_truth_json: Sequence[str],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        completions = [tokenizer.decode(ids, skip_special_tokens=False) for ids in completion_ids]
        items = _grouped(completions, row_id, tools_json, ground_truth_json)
        started = time.perf_counter()
        result = await client.score(items, reward=reward)
        log_metric("reward_wait_s", time.perf_counter() - started)
        scores = list(result.scores)
        log_metric("reward_nulls", scores.count(None))
        for item in result.items:
            if item.verdicts[0].score is None:
                logger.warning("row %s has no verdict: %s; repair or drop it", item.id, item.verdicts[0].reason)
        return scores

    return goodcall_reward


def _grouped(
    completions: Sequence[str], row_id: Sequence[str], tools_json: Sequence[str], ground_truth_json: Sequence[str]
) -> list[Item]:
    """One item for each run of neighbours with the same row: TRL keeps the completions of a prompt together."""
    columns = zip(completions, row_id, tools_json, ground_truth_json, strict=True)
    return [
        Item(
            id=identity,
            tools=JSONText(tools),
            ground_truth=JSONText(ground_truth),
            completions=[completion for completion, *_ in group],
        )
        for (identity, tools, ground_truth), group in groupby(columns, key=lambda column: column[1:])
    ]

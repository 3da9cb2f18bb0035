"""Chunks of rows to verdicts, in whichever process: what all commands and engines have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from goodcall.bulk.item_rows import read_item
from goodcall.bulk.rows import Row
from goodcall.errors import GoodcallError, MalformedInput, MissingNeed
from goodcall.items import Item, prefix_of, to_completions, to_context, to_task
from goodcall.rewards import Reward, find_reward
from goodcall.scoring import Scorer
from goodcall.types import Verdict

CACHE_BYTES = 8 << 20
"""For the tasks that one process remembers; rows of one task usually follow each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How rows are judged. Small and picklable: it goes to the worker processes with each chunk."""

    rewards: tuple[str, ...]
    """Ids in the catalogue; each gives every completion a verdict of its own."""
    assistant_prefix: str = ""
    explain: bool = False
    ignore_unknown: bool = False


class JudgedItem(NamedTuple):
    """One row and the verdicts on it."""

    number: int
    item: Item
    verdicts: list[list[Verdict]]
    """First by reward, then by completion."""


class Stop(NamedTuple):
    """Why a chunk was not judged to its end."""

    number: int
    pointer: str | None
    message: str

    def at(self, row: str) -> str:
        """What to tell people, who know the row by these words."""
        return f"{row}, at {self.pointer}: {self.message}" if self.pointer else f"{row}: {self.message}"


def judge_rows(judging: Judging, rows: Sequence[Row]) -> Iterator[JudgedItem | Stop]:
    """The verdicts row by row; after a row that can't be judged, nothing more."""
    judge = _judge(judging)
    for row in rows:
        try:
            yield judge(row)
        except MalformedInput as error:
            yield Stop(row.number, error.pointer, str(error))
            return
        except MissingNeed as error:
            advice = f"{error}; put it into the row, or name another --reward"
            yield Stop(row.number, None, advice)
            return
        except GoodcallError as error:
            yield Stop(row.number, "/completions", str(error))
            return


@cache
def _judge(judging: Judging) -> "_Judge":
    """One a process, so that prepared tasks are remembered from chunk to chunk."""
    return _Judge(judging)


class _Judge:
    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._rewards = [find_reward(reward_id) for reward_id in judging.rewards]
        self._scorer = Scorer(cache_bytes=CACHE_BYTES)

    def __call__(self, row: Row) -> JudgedItem:
        item = read_item(row.text, ignore_unknown=self._judging.ignore_unknown)
        return JudgedItem(row.number, item, [self._verdicts(item, reward) for reward in self._rewards])

    def _verdicts(self, item: Item, reward: Reward[Any]) -> list[Verdict]:
        return self._scorer.score_group(
            to_completions(item),
            to_task(item),
            reward,
            assistant_prefix=prefix_of(item, self._judging.assistant_prefix),
            context=to_context(item),
            explain=self._judging.explain,
        )

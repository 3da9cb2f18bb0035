"""Tasks prepared once and remembered, bounded in bytes, the least recently used forgotten first."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeAlias

from goodcall.errors import UnusableTask
from goodcall.rewards import Reward
from goodcall.types import Finding, TaskSource

CACHE_BYTES = 256 << 20
"""Bytes that the remembered tasks may be reckoned at."""
ENTRY_BYTES = 4096
"""What one remembered task is reckoned at beside its text, compiled schemas included."""

_Key: TypeAlias = tuple[str, bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparing a task came to: something to judge by, or the finding that there is nothing."""

    task: Any
    defect: Finding | None = None


class TaskCache:
    """Prepared tasks by reward and by the bytes they came as. Not thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[_Key, Prepared] = OrderedDict()
        self.used_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def prepare(self, task: TaskSource, reward: Reward[Any]) -> Prepared:
        """The prepared form of a task, from memory or made now."""
        key = (reward.id, task.tools, task.ground_truth)
        if prepared := self._entries.get(key):
            self._entries.move_to_end(key)
            return prepared
        prepared = _prepare(task, reward)
        self._remember(key, prepared)
        return prepared

    def _remember(self, key: _Key, prepared: Prepared) -> None:
        self._entries[key] = prepared
        self.used_bytes += _weight(key)
        while self.used_bytes > self._max_bytes:
            forgotten, _ = self._entries.popitem(last=False)
            self.used_bytes -= _weight(forgotten)


def _weight(key: _Key) -> int:
    _, tools, ground_truth = key
    return ENTRY_BYTES + len(tools or b"") + len(ground_truth or b"")


def _prepare(task: TaskSource, reward: Reward[Any]) -> Prepared:
    try:
        return Prepared(reward.prepare(task))
    except UnusableTask as error:
        return Prepared(None, error.finding)

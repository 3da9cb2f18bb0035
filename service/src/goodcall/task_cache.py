"""Tasks prepared once and remembered, within a bound in bytes."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from goodcall.byte_bounded import ByteBoundedCache, CacheUse
from goodcall.errors import UnusableTask
from goodcall.rewards import Reward
from goodcall.schema_bounds import DEFAULT_BOUNDS, SchemaBounds
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import Finding, TaskSource

CACHE_BYTES = 256 << 20
"""Bytes that the remembered tasks and tools may be reckoned at, together."""
ENTRY_BYTES = 4096
"""What one remembered task is reckoned at beside its text, its compiled tools not included."""

_Key: TypeAlias = tuple[str, bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparing a task came to: something to judge by, or the finding that there is nothing."""

    task: Any
    defect: Finding | None = None


class TaskCache:
    """Prepared tasks by reward and by the bytes they came as, and the tools that tasks share. Not thread-safe.

    Args:
        max_bytes: half of it is for tasks, half for tools.
        bounds: what the tools of a task may be at most.
    """

    __slots__ = ("_compiler", "_previous", "_tasks")

    def __init__(self, max_bytes: int, bounds: SchemaBounds = DEFAULT_BOUNDS) -> None:
        self._tasks: ByteBoundedCache[_Key, Prepared] = ByteBoundedCache(max_bytes // 2)
        self._compiler = ToolCompiler(max_bytes // 2, bounds)
        self._previous: tuple[TaskSource | None, Reward[Any] | None, Prepared | None] = (None, None, None)

    @property
    def uses(self) -> dict[str, CacheUse]:
        """What is remembered, and what that was good for: of ``tasks`` and of their ``tools``."""
        return {"tasks": self._tasks.use, "tools": self._compiler.use}

    def prepare(self, task: TaskSource, reward: Reward[Any]) -> Prepared:
        """The prepared form of a task, from memory or made now."""
        # Members of a group that come one by one follow each other.
        previous_task, previous_reward, prepared = self._previous
        if prepared and task == previous_task and reward is previous_reward:
            self._tasks.hits += 1
            return prepared
        key = (reward.id, task.tools, task.ground_truth)
        prepared = self._tasks.get(key)
        if prepared is None:
            prepared = self._prepare(task, reward)
            self._tasks.put(key, prepared, _weight(task))
        self._previous = (task, reward, prepared)
        return prepared

    def _prepare(self, task: TaskSource, reward: Reward[Any]) -> Prepared:
        try:
            return Prepared(reward.prepare(task, self._compiler))
        except UnusableTask as error:
            return Prepared(None, error.finding)


def _weight(task: TaskSource) -> int:
    """The bytes that a prepared task is reckoned at; measured by resident memory."""
    return ENTRY_BYTES + len(task.tools or b"") + 8 * len(task.ground_truth or b"")

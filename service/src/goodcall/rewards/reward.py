"""What an entry of the catalogue is, and how its digest comes about."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeAlias, TypeVar

from goodcall.reasons import Reason
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import (
    JSON,
    AssistantMessage,
    Completion,
    CompletionText,
    Context,
    Finding,
    Judgement,
    TaskSource,
    Verdict,
)

PreparedTask = TypeVar("PreparedTask")

JudgeGroup: TypeAlias = Callable[[Sequence[Completion], int, PreparedTask, Context], tuple[list[Verdict], list[int]]]
"""Judges the texts of a group that have for sure at most so many bytes of UTF-8, prefixes included. Of all other
completions it gives the indices, in order, and None for verdicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward(Generic[PreparedTask]):
    """One version of one reward: two pure functions and what people should know about them.

    A published version never changes its answers; a change of answers is a new version.
    """

    id: str
    """``family/variant@version``."""
    summary: str
    low: float
    high: float
    needs: tuple[str, ...]
    """What an item must carry beside its completions: ``ground_truth``, ``tools``, ``context.step`` …"""
    dialect: str
    """How a completion writes its calls for this reward to read them."""
    source: str
    digest: str
    """See ``compute_digest``; a test compares it with what the code answers."""
    prepare: Callable[[TaskSource, ToolCompiler], PreparedTask]
    """Reads a task once, for any number of completions. Raises UnusableTask when it can't be judged by."""
    judge: Callable[[CompletionText | AssistantMessage, PreparedTask, Context], Judgement]
    """Judges one completion. Raises UnusableTask when only the context tells that the task can't be judged by."""
    judge_group: JudgeGroup[PreparedTask] | None = None
    """The scores and reasons that ``judge`` gives to a group, where that is cheaper than one by one."""
    judges_messages: bool = True
    """Whether ``judge`` takes parsed messages, or text alone."""

    def missing_need(self, task: TaskSource, context: Context) -> str | None:
        """The first thing that this reward needs and that was not given."""
        for need in self.needs:
            if _GIVEN[need](task, context) is None:
                return need
        return None

    @property
    def name(self) -> str:
        """The id without its version."""
        return self.id.partition("@")[0]

    @property
    def version(self) -> int:
        """The number behind the ``@``."""
        return int(self.id.partition("@")[2])


_GIVEN: Mapping[str, Callable[[TaskSource, Context], object]] = MappingProxyType(
    {
        "tools": lambda task, _: task.tools,
        "ground_truth": lambda task, _: task.ground_truth,
        "context.step": lambda _, context: context.step,
        "context.category": lambda _, context: context.category,
    }
)
"""What an item may carry for a reward that needs it."""

OK = Finding(Reason.OK)


def binary_judgement(fault: Finding | None) -> Judgement:
    """1.0 and ``ok`` where there is no fault, else 0.0 and the fault."""
    return Judgement(0.0, fault) if fault else Judgement(1.0, OK)


def compute_digest(reward_id: str, parameters: dict[str, JSON], answers: Sequence[JSON]) -> str:
    """``sha256:`` and the hash of what a reward version is: its id, its parameters, its answers to golden cases.

    Two versions that answer any golden case differently have different digests.
    """
    identity = json.dumps([reward_id, parameters, answers], sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(identity.encode()).hexdigest()

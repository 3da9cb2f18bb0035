"""Completions to verdicts: the one place where a reward meets a task and its completions.

Knows no web and no reward's insides.
"""

import json
from collections.abc import Sequence
from typing import Any

from goodcall.byte_bounded import CacheUse
from goodcall.errors import MissingNeed, UnsupportedCompletion, UnusableTask
from goodcall.reasons import Reason
from goodcall.rewards import DEFAULT_REWARD, Reward, find_reward
from goodcall.schema_bounds import DEFAULT_BOUNDS, SchemaBounds
from goodcall.task_cache import CACHE_BYTES, Prepared, TaskCache
from goodcall.types import (
    NO_CONTEXT,
    AssistantMessage,
    Completion,
    CompletionText,
    Context,
    Detail,
    Finding,
    Place,
    TaskSource,
    Tools,
    Verdict,
)
from goodcall.utf8 import are_longer

MAX_COMPLETION_BYTES = 1 << 20
"""Bytes of UTF-8 that a completion may have; a longer one scores 0 unread."""


def score(
    completion: Completion,
    *,
    ground_truth: Any = None,
    tools: Tools | None = None,
    reward: str = DEFAULT_REWARD,
    assistant_prefix: str = "",
    context: Context = NO_CONTEXT,
    explain: bool = False,
) -> Verdict:
    """The verdict on one completion.

    Args:
        completion: the policy's output, as text or as a parsed assistant message.
        ground_truth: the expected calls, a list of ``{"name": …, "arguments": {…}}``; an empty list when no call
            is wanted. None for rewards that need none.
        tools: function definitions in OpenAI form or another dialect. None: nothing to check names and arguments
            against. An empty list: no tool may be called.
        reward: a catalogue id; without ``@version`` the newest.
        assistant_prefix: text that the chat template put before the completion, such as ``<think>``.
        context: what some rewards need beside the task, such as the training step.
        explain: whether the verdict carries its detail.

    Raises:
        UnknownReward: the catalogue holds no such reward.
        MissingNeed: the reward needs something that was not given.
        UnsupportedCompletion: a message was given to a reward that judges text.
        ValueError, TypeError: tools or ground truth are not JSON values.
    """
    task = TaskSource(tools=_json_bytes(tools), ground_truth=_json_bytes(ground_truth))
    scorer = Scorer(cache_bytes=0)
    [verdict] = scorer.score_group(
        [completion],
        task,
        find_reward(reward),
        assistant_prefix=assistant_prefix,
        context=context,
        explain=explain,
    )
    return verdict


def _json_bytes(value: Any) -> bytes | None:
    return None if value is None else json.dumps(value, allow_nan=False).encode()


class Scorer:
    """Scores groups of completions and remembers prepared tasks.

    Not thread-safe: use one an event loop or one a thread.

    Args:
        max_completion_bytes: a completion of more bytes of UTF-8 scores 0 unread.
        cache_bytes: a bound on what the remembered tasks are reckoned at, in bytes.
        bounds: what the tools of a task may be at most.
    """

    def __init__(
        self,
        *,
        max_completion_bytes: int = MAX_COMPLETION_BYTES,
        cache_bytes: int = CACHE_BYTES,
        bounds: SchemaBounds = DEFAULT_BOUNDS,
    ) -> None:
        self._max_completion_bytes = max_completion_bytes
        self._tasks = TaskCache(cache_bytes, bounds)

    @property
    def cache_uses(self) -> dict[str, CacheUse]:
        """What is remembered, and what that was good for: of ``tasks`` and of their ``tools``."""
        return self._tasks.uses

    def score_group(
        self,
        completions: Sequence[Completion],
        task: TaskSource,
        reward: Reward[Any],
        *,
        assistant_prefix: str = "",
        context: Context = NO_CONTEXT,
        explain: bool = False,
    ) -> list[Verdict]:
        """One verdict for each completion of a task, in their order.

        Raises:
            MissingNeed: the reward needs something that neither the task nor the context has.
            UnsupportedCompletion: a message was given to a reward that judges text.
        """
        if need := reward.missing_need(task, context):
            raise MissingNeed(reward.id, need)
        prepared = self._tasks.prepare(task, reward)

        def judge(completion: Completion) -> Verdict:
            score, finding = self._judge(_prefixed(completion, assistant_prefix), prepared, reward, context)
            return _verdict(score, finding, explain=explain)

        if reward.judge_group is None or explain or prepared.defect is not None:
            return [judge(completion) for completion in completions]
        verdicts, left = reward.judge_group(
            _joined(assistant_prefix, completions),
            self._max_completion_bytes + len(assistant_prefix),
            prepared.task,
            context,
        )
        for index in left:
            verdicts[index] = judge(completions[index])
        return verdicts

    def _judge(
        self, completion: CompletionText | AssistantMessage, prepared: Prepared, reward: Reward[Any], context: Context
    ) -> tuple[float | None, Finding]:
        if not reward.judges_messages and isinstance(completion, AssistantMessage):
            raise UnsupportedCompletion(reward.id)
        if prepared.defect is not None:
            return None, prepared.defect
        if are_longer(_texts(completion), self._max_completion_bytes):
            return 0.0, Finding(Reason.COMPLETION_TOO_LONG)
        try:
            judgement = reward.judge(completion, prepared.task, context)
        except UnusableTask as error:
            return None, error.finding
        return judgement.score, judgement.finding


def _joined(prefix: str, completions: Sequence[Completion]) -> Sequence[Completion]:
    if not prefix:
        return completions
    return [prefix + completion if isinstance(completion, str) else completion for completion in completions]


def _prefixed(completion: Completion, prefix: str) -> CompletionText | AssistantMessage:
    return CompletionText(prefix + completion, len(prefix)) if isinstance(completion, str) else completion


def _texts(completion: CompletionText | AssistantMessage) -> tuple[str, ...]:
    """All that the policy wrote."""
    if not isinstance(completion, AssistantMessage):
        return (completion.text[completion.prefix_length :],)
    calls = (text for call in completion.tool_calls for text in (call.name, call.arguments))
    return (completion.content or "", completion.reasoning_content or "", *calls)


def _verdict(score: float | None, finding: Finding, *, explain: bool) -> Verdict:
    if not explain:
        return Verdict(score, finding.reason)
    place = finding.place() if finding.place else Place()
    return Verdict(
        score,
        finding.reason,
        Detail(stage=finding.reason.stage, hint=finding.reason.hint, **place._asdict()),
    )

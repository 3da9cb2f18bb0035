"""Completions to verdicts: the one place where tasks are prepared, cached and judged by.

Knows no web and no reward's insides.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from goodcall.errors import UnsupportedCompletion, UnusableTask
from goodcall.reasons import Reason
from goodcall.rewards import DEFAULT_REWARD, Reward, find_reward
from goodcall.types import (
    AssistantMessage,
    Completion,
    CompletionText,
    Detail,
    Finding,
    Judgement,
    Place,
    TaskSource,
    Tools,
    Verdict,
)

MAX_COMPLETION_BYTES = 1 << 20
"""Bytes of UTF-8 that a completion may have; a longer one scores 0 unread."""
CACHE_BYTES = 64 << 20
"""Bytes of task text whose prepared form is kept."""


def score(
    completion: Completion,
    *,
    ground_truth: Any,
    tools: Tools | None = None,
    reward: str = DEFAULT_REWARD,
    assistant_prefix: str = "",
    explain: bool = False,
) -> Verdict:
    """The verdict on one completion.

    Args:
        completion: the policy's output, as text or as a parsed assistant message.
        ground_truth: the expected calls, a list of ``{"name": …, "arguments": {…}}``; an empty list when no call
            is wanted.
        tools: function definitions in OpenAI form. None: nothing to check names and arguments against. An empty
            list: no tool may be called.
        reward: a catalogue id; without ``@version`` the newest.
        assistant_prefix: text that the chat template put before the completion, such as ``<think>``.
        explain: whether the verdict carries its detail.

    Raises:
        UnknownReward: the catalogue holds no such reward.
        UnsupportedCompletion: a message was given to a reward that judges text.
        ValueError, TypeError: tools or ground truth are not JSON values.
    """
    task = TaskSource(tools=None if tools is None else _json_bytes(tools), ground_truth=_json_bytes(ground_truth))
    scorer = Scorer(cache_bytes=0)
    return scorer.score_group(
        [completion], task, find_reward(reward), assistant_prefix=assistant_prefix, explain=explain
    )[0]


def _json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, allow_nan=False).encode()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What preparing a task came to: something to judge by, or the finding that there is nothing."""

    task: Any
    defect: Finding | None = None


class Scorer:
    """Scores groups of completions and remembers prepared tasks, least recently used first out.

    Not thread-safe: use one an event loop or one a thread.

    Args:
        max_completion_bytes: a completion of more bytes of UTF-8 scores 0 unread.
        cache_bytes: a bound on the summed text of the remembered tasks, in bytes.
    """

    def __init__(self, *, max_completion_bytes: int = MAX_COMPLETION_BYTES, cache_bytes: int = CACHE_BYTES) -> None:
        self._max_completion_bytes = max_completion_bytes
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[tuple[str, bytes | None, bytes], _Prepared] = OrderedDict()
        self._cached_bytes = 0

    def score_group(
        self,
        completions: Sequence[Completion],
        task: TaskSource,
        reward: Reward[Any],
        *,
        assistant_prefix: str = "",
        explain: bool = False,
    ) -> list[Verdict]:
        """One verdict for each completion of a task, in their order.

        Raises:
            UnsupportedCompletion: a message was given to a reward that judges text.
        """
        prepared = self._prepare(task, reward)
        judgements = (self._judge(completion, prepared, reward, assistant_prefix) for completion in completions)
        return [_verdict(score, finding, explain=explain) for score, finding in judgements]

    def _judge(
        self, completion: Completion, prepared: _Prepared, reward: Reward[Any], assistant_prefix: str
    ) -> tuple[float | None, Finding]:
        if not reward.judges_messages and isinstance(completion, AssistantMessage):
            raise UnsupportedCompletion(reward.id)
        if prepared.defect is not None:
            return None, prepared.defect
        if _is_longer(completion, self._max_completion_bytes):
            return Judgement(0.0, Finding(Reason.COMPLETION_TOO_LONG))
        if isinstance(completion, str):
            text = CompletionText(assistant_prefix + completion, len(assistant_prefix))
            return reward.judge(text, prepared.task)
        return reward.judge(completion, prepared.task)

    def _prepare(self, task: TaskSource, reward: Reward[Any]) -> _Prepared:
        key = (reward.id, task.tools, task.ground_truth)
        if prepared := self._cache.get(key):
            self._cache.move_to_end(key)
            return prepared
        prepared = _prepare(task, reward)
        self._remember(key, prepared)
        return prepared

    def _remember(self, key: tuple[str, bytes | None, bytes], prepared: _Prepared) -> None:
        self._cache[key] = prepared
        self._cached_bytes += _weight(key)
        while self._cached_bytes > self._cache_bytes:
            evicted, _ = self._cache.popitem(last=False)
            self._cached_bytes -= _weight(evicted)


def _weight(key: tuple[str, bytes | None, bytes]) -> int:
    _, tools, ground_truth = key
    return len(tools or b"") + len(ground_truth)


def _prepare(task: TaskSource, reward: Reward[Any]) -> _Prepared:
    try:
        return _Prepared(reward.prepare(task))
    except UnusableTask as error:
        return _Prepared(None, error.finding)


def _is_longer(completion: Completion, limit: int) -> bool:
    """Whether the UTF-8 of a completion has more bytes than the limit; a code point has at most four."""
    texts = (completion,) if isinstance(completion, str) else _message_texts(completion)
    code_points = sum(map(len, texts))
    if code_points * 4 <= limit:
        return False
    return code_points > limit or sum(len(text.encode(errors="surrogatepass")) for text in texts) > limit


def _message_texts(message: AssistantMessage) -> tuple[str, ...]:
    calls = (text for call in message.tool_calls for text in (call.name, call.arguments))
    return (message.content or "", message.reasoning_content or "", *calls)


def _verdict(score: float | None, finding: Finding, *, explain: bool) -> Verdict:
    if not explain:
        return Verdict(score, finding.reason)
    place = finding.place() if finding.place else Place()
    return Verdict(
        score,
        finding.reason,
        Detail(stage=finding.reason.stage, hint=finding.reason.hint, **place._asdict()),
    )

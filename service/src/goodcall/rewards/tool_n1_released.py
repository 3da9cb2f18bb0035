"""The six scorers that were published with Tool-N1, answer for answer, oddities included.

Source: NVlabs/Tool-N1 f9b4849, ``verl/verl/utils/reward_score/toolcall.py``, where they are named v0 to v4 and llama.
All read a completion alike and differ in what they make of it. They know neither tools nor schemas, accept any text
around the last call block, and compare arguments by the text that Python's ``json`` dumps them to, so that 1 and 1.0
differ. Where they raise, the score here is 0 with reason ``released_raises``: a scorer that ends a training step has
given no better answer.
"""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from goodcall.errors import UnsupportedCompletion
from goodcall.parsing import END_THINK, END_TOOL_CALL, THINK, TOOL_CALL
from goodcall.reasons import Reason
from goodcall.rewards.reward import Reward
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import JSON, AssistantMessage, CompletionText, Context, Finding, Judgement, TaskSource

QWEN_MARKER = "<|im_start|>assistant"
LLAMA_MARKER = "<|start_header_id|>assistant<|end_header_id|>"

MAX_DEPTH = 992
"""The deepest nesting that the released scorers read on CPython 3.11.7 under its default recursion limit. Fixed here,
because the real limit depends on the interpreter; on 3.11 itself the frames of this code cost a dozen levels of it."""

SHALLOW = 64
"""Brackets up to which the caller's own stack will do."""

SAME, SAME_NAMES, DIFFERENT = 2, 1, 0


@dataclass(frozen=True, slots=True)
class ReleasedTask:
    """A ground truth as the released scorers read it."""

    answer: JSON
    raises: bool = False
    """The scorers raise on this ground truth, whatever the completion."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the released scorers see in a completion."""

    thinks: bool
    """Whether both think tags occur, anywhere and in any order."""
    result: JSON
    """What the last block decodes to, one layer of string taken off and a lone object put into a list."""
    fault: Reason | None = None
    """Why there is no result: no closed block, no JSON, or JSON's null."""


_Score: TypeAlias = Callable[[Reading, JSON], Judgement]


def prepare(source: TaskSource, _: ToolCompiler) -> ReleasedTask:
    """The ground truth decoded as the released scorers do: leniently, one layer of string unwrapped.

    They take JSON text; on the wire that is either the calls themselves or a string that holds the text.
    """
    try:
        text = (source.ground_truth or b"").decode()
        answer = json.loads(json.loads(text) if text.lstrip().startswith('"') else text)
        return ReleasedTask(json.loads(answer) if isinstance(answer, str) else answer)
    except (ValueError, RecursionError):
        return ReleasedTask(None, raises=True)


def read(text: str, marker: str, unwrap: Callable[[str], JSON]) -> Reading:
    """A completion as the scorers read it, from the last assistant marker on.

    Raises:
        ValueError, RecursionError: where the scorers do.
    """
    text = text[max(text.rfind(marker), 0) :]
    thinks = THINK in text and END_THINK in text
    body = _last_block(text)
    if body is None:
        return Reading(thinks, None, Reason.NO_TOOL_CALL_BLOCK)
    try:
        result = _decode(body.strip())
    except json.JSONDecodeError:
        return Reading(thinks, None, Reason.JSON_INVALID)
    if isinstance(result, str):
        result = unwrap(result)
    if result is None:
        return Reading(thinks, None, Reason.NOT_CALLS)
    return Reading(thinks, [result] if isinstance(result, dict) else result)


def _unwrap_or_none(text: str) -> JSON:
    """What all but the llama scorer make of a payload that is a string."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _last_block(text: str) -> str | None:
    """What the last match of ``<tool_call>(.*?)</tool_call>`` holds, found in linear time."""
    block, position = None, 0
    while (start := text.find(TOOL_CALL, position)) >= 0:
        start += len(TOOL_CALL)
        end = text.find(END_TOOL_CALL, start)
        if end < 0:
            break
        block, position = (start, end), end + len(END_TOOL_CALL)
    return None if block is None else text[slice(*block)]


def _decode(body: str) -> JSON:
    if _is_deeper(body, MAX_DEPTH):
        raise RecursionError
    return json.loads(body)


def _is_deeper(text: str, limit: int) -> bool:
    """Whether more brackets are open at once than the limit, those in strings not counted."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth, in_string, escaped = 0, False, False
    for character in text:
        if escaped or (in_string and character not in '"\\'):
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            in_string = not in_string
        elif character in "[{":
            depth += 1
            if depth > limit:
                return True
        elif character in "]}":
            depth -= 1
    return False


def agreement(result: Any, answer: Any) -> int:
    """How far two lists of calls agree: ``SAME``, ``SAME_NAMES`` or ``DIFFERENT``, order aside.

    Raises:
        TypeError, KeyError: where the scorers do: an answer without a length, an answer's call without its keys.
    """
    if not len(result) or not len(answer):
        return SAME if len(result) == len(answer) else DIFFERENT
    try:
        if _serialised(result) == _serialised(answer):
            return SAME
    except TypeError:
        return DIFFERENT
    return SAME_NAMES if _names(result) == _names(answer) else DIFFERENT


def _serialised(calls: list[dict[str, JSON]]) -> Counter[tuple[JSON, str]]:
    return Counter((call["name"], json.dumps(call["arguments"], sort_keys=True)) for call in calls)


def _names(calls: list[dict[str, JSON]]) -> Counter[JSON]:
    return Counter(call["name"] for call in calls)


def _are_calls(result: JSON) -> bool:
    """Whether every entry is an object with both keys; raises TypeError on what can't be iterated over."""
    return all(isinstance(call, dict) and "name" in call and "arguments" in call for call in result)


def binary(reading: Reading, answer: JSON) -> Judgement:
    """v0, the paper's reward: 1 when think tags occur and the calls match, else 0."""
    if reading.fault is None and not reading.thinks:
        return _judgement(0, Reason.THINK_MISSING)
    return binary_without_reasoning(reading, answer)


def binary_without_reasoning(reading: Reading, answer: JSON) -> Judgement:
    """v2: 1 when the calls match, else 0; thinking plays no part."""
    fault = _fault(reading, answer)
    return _judgement(0, fault) if fault else _judgement(1, Reason.OK)


def partial_for_reasoning(reading: Reading, answer: JSON) -> Judgement:
    """v3: 0.2 for think tags and 0.8 for matching calls."""
    return _partial(reading, _fault(reading, answer), for_names=0)


def partial_for_reasoning_and_names(reading: Reading, answer: JSON) -> Judgement:
    """v4: 0.2 for think tags; 0.8 for matching calls, or 0.2 when only their names match."""
    return _partial(reading, _fault(reading, answer), for_names=0.2)


def lexicographic(reading: Reading, answer: JSON) -> Judgement:
    """v1: 1.2 for matching calls with think tags and 1 without; a mismatch costs 0.2 with think tags."""
    fault = _fault(reading, answer)
    if fault is None:
        return _judgement(1.2, Reason.OK) if reading.thinks else _judgement(1, Reason.THINK_MISSING)
    penalty = -0.2 if reading.thinks and reading.fault is None else 0
    return _judgement(penalty, fault)


def llama(reading: Reading, answer: JSON) -> Judgement:
    """v0 for the Llama template: without any block, 1 when no call is wanted, thought or not."""
    if reading.fault is Reason.NO_TOOL_CALL_BLOCK:
        no_call_wanted = agreement([], answer) == SAME
        return _judgement(1, Reason.OK) if no_call_wanted else _judgement(0, Reason.NO_TOOL_CALL_BLOCK)
    if not reading.thinks:
        return _judgement(0, Reason.THINK_MISSING)
    return binary_without_reasoning(reading, answer)


def _fault(reading: Reading, answer: JSON) -> Reason | None:
    if reading.fault:
        return reading.fault
    if not _are_calls(reading.result):
        return Reason.NOT_CALLS
    faults = {SAME: None, SAME_NAMES: Reason.ARGUMENTS_WRONG, DIFFERENT: Reason.MISMATCH}
    return faults[agreement(reading.result, answer)]


def _partial(reading: Reading, fault: Reason | None, *, for_names: float) -> Judgement:
    for_reasoning = 0.2 if reading.thinks else 0
    if fault:
        return _judgement(for_reasoning + (for_names if fault is Reason.ARGUMENTS_WRONG else 0), fault)
    return _judgement(for_reasoning + 0.8, Reason.OK if reading.thinks else Reason.THINK_MISSING)


def _judgement(score: float, reason: Reason) -> Judgement:
    return Judgement(float(score), Finding(reason))


def _judge(score: _Score, marker: str, unwrap: Callable[[str], JSON], text: str, task: ReleasedTask) -> Judgement:
    try:
        return score(read(text, marker, unwrap), task.answer)
    except (TypeError, KeyError, ValueError, RecursionError):
        # What the released scorers leave uncaught: scalars as payload, deep nesting, integers without end.
        return _judgement(0, Reason.RELEASED_RAISES)


def _judge_on_an_empty_stack(judge: Callable[[], Judgement]) -> Judgement:
    """For deep nesting: where the interpreter gives up must not depend on how deep the caller's stack is."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(judge).result()


def _released(
    variant: str,
    released_as: str,
    score: _Score,
    summary: str,
    *,
    digest: str,
    bounds: tuple[float, float] = (0.0, 1.0),
    marker: str = QWEN_MARKER,
    unwrap: Callable[[str], JSON] = _unwrap_or_none,
) -> Reward[ReleasedTask]:
    """The catalogue's entry of one of the six scorers."""
    reward_id = f"tool_n1/{variant}"

    def judge(completion: CompletionText | AssistantMessage, task: ReleasedTask, _: Context) -> Judgement:
        if isinstance(completion, AssistantMessage):
            raise UnsupportedCompletion(reward_id)
        if task.raises:
            return _judgement(0, Reason.RELEASED_RAISES)
        judge_text = partial(_judge, score, marker, unwrap, completion.text, task)
        brackets = completion.text.count("[") + completion.text.count("{")
        return judge_text() if brackets <= SHALLOW else _judge_on_an_empty_stack(judge_text)

    return Reward(
        id=reward_id,
        summary=f"{summary}; where the released scorer raises, 0 with reason released_raises",
        low=bounds[0],
        high=bounds[1],
        needs=("ground_truth",),
        dialect="tool_n1",
        source=f"NVlabs/Tool-N1 f9b4849, verl/verl/utils/reward_score/toolcall.py, {released_as}",
        digest=digest,
        prepare=prepare,
        judge=judge,
        judges_messages=False,
    )


RELEASED = _released(
    "released@1",
    "compute_score_v0",
    binary,
    "what the released scorer v0 of Tool-N1 answers: 1 or 0",
    digest="sha256:1d344cf531d42e080a96c524b104a915b0556e0fe2587b281865a27c98812568",
)
NO_REASON = _released(
    "no_reason@1",
    "compute_score_v2",
    binary_without_reasoning,
    "what the released scorer v2 answers: 1 or 0, thinking plays no part",
    digest="sha256:e42e0b1fedb6d2c8f8ce41acc0130357061059c641ab6ff7ce09fbe7ccfcffd0",
)
PARTIAL_REASON = _released(
    "partial_reason@1",
    "compute_score_v3",
    partial_for_reasoning,
    "what the released scorer v3 answers: 0.2 for thinking and 0.8 for matching calls",
    digest="sha256:1058bc5988632a5f671ab53cbea49e290108f8c6a7db47d5a76f21782ffebf6d",
)
PARTIAL_REASON_NAME = _released(
    "partial_reason_name@1",
    "compute_score_v4",
    partial_for_reasoning_and_names,
    "what the released scorer v4 answers: 0.2 for thinking, 0.8 for matching calls or 0.2 for matching names",
    digest="sha256:bff40160fbef9e9324a2c991e097ec5ef6f0c812e9de4ce94f7cd9df470e1021",
)
LEXICOGRAPHIC = _released(
    "lexicographic@1",
    "compute_score_v1",
    lexicographic,
    "what the released scorer v1 answers: 1.2 or 1 for matching calls, -0.2 for a mismatch with thinking",
    digest="sha256:d2bb178ecee579d6da1f162b45311e19e060d0cdc2116e68629eeb6342538a33",
    bounds=(-0.2, 1.2),
)
LLAMA = _released(
    "llama@1",
    "compute_score_llama",
    llama,
    "what the released scorer for Llama answers: 1 or 0; no block at all is right when no call is wanted",
    digest="sha256:6317e36bc98cf78c271c92ab34414c318fd790d7ab5b45937215acd79f36810c",
    marker=LLAMA_MARKER,
    unwrap=json.loads,
)
VARIANTS = (RELEASED, NO_REASON, PARTIAL_REASON, PARTIAL_REASON_NAME, LEXICOGRAPHIC, LLAMA)

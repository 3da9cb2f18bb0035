"""The rewards of Tool-N1 (arXiv 2505.00024): binary, for form and correctness together.

``hardened`` is the paper's definition (section 3: the reward is 1 exactly when the format is right and the calls
match) read strictly, so that no policy can earn it without doing the task. ``released`` answers what the scorer
``v0`` answers that was published with the paper (NVlabs/Tool-N1 f9b4849,
``verl/verl/utils/reward_score/toolcall.py``), oddities included.
"""

import json
from collections import Counter
from collections.abc import Sized
from dataclasses import dataclass
from functools import partial
from typing import Any

from goodcall.errors import UnsupportedCompletion, UnusableTask
from goodcall.excerpts import excerpt
from goodcall.matching import ExpectedCalls
from goodcall.parsing import (
    END_THINK,
    END_TOOL_CALL,
    THINK,
    TOOL_CALL,
    Calls,
    PlainAnswer,
    parse_message,
    parse_text,
    read_calls,
)
from goodcall.reasons import Reason
from goodcall.rewards.reward import Reward
from goodcall.schemas import Toolbox
from goodcall.strict_json import JSONFault, loads
from goodcall.types import JSON, AssistantMessage, CompletionText, Finding, Judgement, Place, TaskSource

_OK = Finding(Reason.OK)


@dataclass(frozen=True, slots=True)
class HardenedTask:
    """A task read for ``hardened``."""

    toolbox: Toolbox | None
    expected: ExpectedCalls


def prepare_hardened(source: TaskSource) -> HardenedTask:
    """The task with its tools compiled and its ground truth checked against them.

    Raises:
        UnusableTask: the tools don't compile, or the ground truth is malformed or breaks its own schema.
    """
    toolbox = None if source.tools is None else Toolbox(source.tools)
    ground_truth = _read_ground_truth(source.ground_truth)
    if toolbox is not None:
        _check_ground_truth(ground_truth, toolbox)
    return HardenedTask(toolbox, ExpectedCalls(ground_truth.calls))


def _read_ground_truth(text: bytes) -> Calls:
    try:
        value = loads(text.decode())
    except (JSONFault, UnicodeDecodeError):
        raise _malformed("", "strict JSON") from None
    if not isinstance(value, list):
        raise _malformed("", "a list of calls")
    calls = read_calls(value)
    if isinstance(calls, Finding):
        raise UnusableTask(Reason.GROUND_TRUTH_MALFORMED, calls.place)
    return calls


def _malformed(pointer: str, expected: str) -> UnusableTask:
    return UnusableTask(Reason.GROUND_TRUTH_MALFORMED, partial(Place, pointer=pointer, expected=expected))


def _check_ground_truth(ground_truth: Calls, toolbox: Toolbox) -> None:
    defects = {
        Reason.TOOL_UNKNOWN: Reason.GROUND_TRUTH_TOOL_UNKNOWN,
        Reason.ARGUMENTS_INVALID: Reason.GROUND_TRUTH_INVALID,
    }
    for index, call in enumerate(ground_truth.calls):
        if fault := toolbox.check(call, ground_truth.pointer(index)):
            raise UnusableTask(defects[fault.reason], fault.place)


def judge_hardened(completion: CompletionText | AssistantMessage, task: HardenedTask) -> Judgement:
    """1.0 when the completion reasons and then makes exactly the expected calls, else 0.0."""
    parsed = parse_message(completion) if isinstance(completion, AssistantMessage) else parse_text(completion)
    fault = parsed if isinstance(parsed, Finding) else _fault(parsed, task)
    return Judgement(0.0, fault) if fault else Judgement(1.0, _OK)


def _fault(parsed: PlainAnswer | Calls, task: HardenedTask) -> Finding | None:
    if isinstance(parsed, PlainAnswer) or not parsed.calls:
        return Finding(Reason.CALL_WANTED) if task.expected else None
    if not task.expected:
        return Finding(Reason.CALL_NOT_WANTED, partial(_first_call, parsed))
    return _tool_fault(parsed, task.toolbox) or task.expected.compare(parsed)


def _first_call(parsed: Calls) -> Place:
    return Place(pointer=parsed.pointer(0), expected="no call", got=excerpt(parsed.calls[0].name))


def _tool_fault(parsed: Calls, toolbox: Toolbox | None) -> Finding | None:
    if toolbox is None:
        return None
    faults = (toolbox.check(call, parsed.pointer(index)) for index, call in enumerate(parsed.calls))
    return next((fault for fault in faults if fault), None)


@dataclass(frozen=True, slots=True)
class ReleasedTask:
    """A ground truth as the released scorer reads it."""

    answer: JSON
    raises: bool
    """The scorer raises on this ground truth, whatever the completion."""


def prepare_released(source: TaskSource) -> ReleasedTask:
    """The ground truth decoded as the released scorer does: leniently, one layer of string unwrapped.

    The scorer takes JSON text; on the wire that is either the calls themselves or a string that holds the text.
    """
    try:
        text = source.ground_truth.decode()
        answer = json.loads(json.loads(text) if text.lstrip().startswith('"') else text)
        return ReleasedTask(json.loads(answer) if isinstance(answer, str) else answer, raises=False)
    except (ValueError, RecursionError):
        return ReleasedTask(None, raises=True)


def judge_released(completion: CompletionText | AssistantMessage, task: ReleasedTask) -> Judgement:
    """1.0 or 0.0 as the released scorer answers; where it raises, 0.0 with reason ``released_raises``.

    Raises:
        UnsupportedCompletion: the completion is a parsed message; the scorer knows text alone.
    """
    if isinstance(completion, AssistantMessage):
        raise UnsupportedCompletion(RELEASED.id)
    if task.raises:
        return Judgement(0.0, Finding(Reason.RELEASED_RAISES))
    try:
        finding = _released_finding(completion.text, task.answer)
    except (TypeError, KeyError, ValueError, RecursionError):
        # What the released scorer leaves uncaught: scalars as payload, deep nesting, integers without end.
        finding = Finding(Reason.RELEASED_RAISES)
    return Judgement(1.0 if finding is _OK else 0.0, finding)


def _released_finding(text: str, answer: JSON) -> Finding:
    text = text[max(text.rfind("<|im_start|>assistant"), 0) :]
    body = _last_block(text)
    if body is None:
        return Finding(Reason.NO_TOOL_CALL_BLOCK)
    try:
        result = _unwrap(json.loads(body.strip()))
    except json.JSONDecodeError:
        return Finding(Reason.JSON_INVALID)
    if result is None:
        return Finding(Reason.NOT_CALLS)
    if THINK not in text or END_THINK not in text:
        return Finding(Reason.THINK_MISSING)
    if not all(isinstance(call, dict) and "name" in call and "arguments" in call for call in result):
        return Finding(Reason.NOT_CALLS)
    return _OK if _released_match(result, answer) else Finding(Reason.MISMATCH)


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


def _unwrap(result: JSON) -> JSON:
    """One layer of string taken off, and a lone object put into a list."""
    if isinstance(result, str):
        result = json.loads(result)
    return [result] if isinstance(result, dict) else result


def _released_match(result: Sized, answer: Sized) -> bool:
    if not len(result) or not len(answer):
        return len(result) == len(answer)
    try:
        return _serialised(result) == _serialised(answer)
    except TypeError:
        return False


def _serialised(calls: Any) -> Counter[tuple[JSON, str]]:
    """Calls as the released scorer compares them: by the text that their arguments are dumped to."""
    return Counter((call["name"], json.dumps(call["arguments"], sort_keys=True)) for call in calls)


HARDENED = Reward(
    id="tool_n1/hardened@1",
    summary="1 when the completion reasons and then makes exactly the expected calls, read strictly; else 0",
    low=0.0,
    high=1.0,
    needs=("ground_truth",),
    source="arXiv 2505.00024, section 3, read strictly",
    digest="sha256:447950b6cbc3ad469cbd0be261d66d21809f1c6160076e03b58d66f3f3c53096",
    prepare=prepare_hardened,
    judge=judge_hardened,
)

RELEASED = Reward(
    id="tool_n1/released@1",
    summary="what the released scorer v0 of Tool-N1 answers; where it raises, 0 with reason released_raises",
    low=0.0,
    high=1.0,
    needs=("ground_truth",),
    source="NVlabs/Tool-N1 f9b4849, verl/verl/utils/reward_score/toolcall.py, compute_score_v0",
    digest="sha256:a86f9e6a1d43edaa5c2fc39c30afbb072f65a0160e21f32d8ccc8039c0fa0db7",
    prepare=prepare_released,
    judge=judge_released,
    judges_messages=False,
)

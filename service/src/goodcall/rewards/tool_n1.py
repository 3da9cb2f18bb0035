"""The rewards of Tool-N1 (arXiv 2505.00024): binary, for form and correctness together.

``hardened`` is the paper's definition (section 3: the reward is 1 exactly when the format is right and the calls
match) read strictly, so that no policy can earn it without doing the task. What the scorers answer that were published
with the paper stands in ``tool_n1_released``.
"""

from dataclasses import dataclass
from functools import partial

from goodcall.errors import UnusableTask
from goodcall.excerpts import excerpt
from goodcall.matching import ExpectedCalls
from goodcall.parsing import (
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
from goodcall.types import AssistantMessage, CompletionText, Context, Finding, Judgement, Place, TaskSource

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


def _read_ground_truth(text: bytes | None) -> Calls:
    try:
        value = loads((text or b"").decode())
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


def judge_hardened(completion: CompletionText | AssistantMessage, task: HardenedTask, _: Context) -> Judgement:
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


HARDENED = Reward(
    id="tool_n1/hardened@1",
    summary="1 when the completion reasons and then makes exactly the expected calls, read strictly; else 0",
    low=0.0,
    high=1.0,
    needs=("ground_truth",),
    dialect="tool_n1",
    source="arXiv 2505.00024, section 3, read strictly",
    digest="sha256:447950b6cbc3ad469cbd0be261d66d21809f1c6160076e03b58d66f3f3c53096",
    prepare=prepare_hardened,
    judge=judge_hardened,
)

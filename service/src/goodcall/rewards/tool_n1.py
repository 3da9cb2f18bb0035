"""The rewards of Tool-N1 (arXiv 2505.00024): binary, for form and correctness together.

``hardened`` is the paper's definition (section 3: the reward is 1 exactly when the format is right and the calls
match) read strictly, so that no policy can earn it without doing the task. What the scorers answer that were published
with the paper stands in ``tool_n1_released``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from goodcall import native
from goodcall.ground_truth import check_ground_truth, read_ground_truth
from goodcall.matching import ExpectedCalls, call_not_wanted, spell
from goodcall.parsing import Block, Calls, PlainAnswer, body_of_common_form, parse, read_body, read_form
from goodcall.reasons import Reason
from goodcall.rewards.reward import Reward, binary_judgement
from goodcall.schemas import Toolbox
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import (
    AssistantMessage,
    Completion,
    CompletionText,
    Context,
    Finding,
    Judgement,
    TaskSource,
    Verdict,
)
from goodcall.utf8 import fits


@dataclass(frozen=True, slots=True)
class HardenedTask:
    """A task read for ``hardened``."""

    toolbox: Toolbox | None
    expected: ExpectedCalls
    compiled: native.NativeTask
    """The same for the compiled judge. It knows the common spellings of the expected calls, if calls are expected."""


def prepare_hardened(source: TaskSource, compiler: ToolCompiler) -> HardenedTask:
    """The task with its tools compiled and its ground truth checked against them.

    Raises:
        UnusableTask: the tools don't compile, or the ground truth is malformed or breaks its own schema.
    """
    toolbox = None if source.tools is None else compiler.toolbox(source.tools)
    ground_truth = read_ground_truth(source.ground_truth)
    if toolbox is not None:
        check_ground_truth(ground_truth, toolbox)
    calls = ground_truth.calls
    compiled = native.NativeTask(
        known=dict.fromkeys(spell(calls), _RIGHT) if calls else {},
        validators=None if toolbox is None else toolbox.validators(),
        names=tuple(call.name for call in calls),
        arguments=tuple(call.arguments for call in calls),
    )
    return HardenedTask(toolbox, ExpectedCalls(calls), compiled)


def judge_hardened(completion: CompletionText | AssistantMessage, task: HardenedTask, _: Context) -> Judgement:
    """1.0 when the completion reasons and then makes exactly the expected calls, else 0.0."""
    parsed = parse(completion)
    fault = _fault(parsed, task)
    return binary_judgement(fault and (parsed.located(fault) if isinstance(parsed, Calls) else fault))


def judge_hardened_group(
    completions: Sequence[Completion], max_bytes: int, task: HardenedTask, context: Context
) -> tuple[list[Verdict], list[int]]:
    """The verdicts on the texts of a group, every call block that repeats judged once. See ``Reward.judge_group``."""
    return judge_hardened_group_by(native.doubt_group, completions, max_bytes, task, context)


def judge_hardened_group_by(
    judge_group: native.JudgeGroup, completions: Sequence[Completion], max_bytes: int, task: HardenedTask, _: Context
) -> tuple[list[Verdict], list[int]]:
    """The same by a compiled judge, and by means of this module where that is in doubt."""
    verdicts, doubts = judge_group(completions, max_bytes, task.compiled, _VERDICTS)
    if len(verdicts) != len(completions):
        raise RuntimeError(f"{len(completions)} completions have {len(verdicts)} verdicts")
    judged, left = task.compiled.known.copy() if doubts else {}, []
    for index in doubts:
        completion = completions[index]
        if isinstance(completion, str) and fits(completion, max_bytes):
            verdicts[index] = _judge_once(completion, task, judged)
        else:
            left.append(index)
    return verdicts, left


def _judge_once(text: str, task: HardenedTask, judged: dict[str, Verdict]) -> Verdict:
    body = body_of_common_form(text)
    if body is None:
        form = read_form(CompletionText(text))
        if not isinstance(form, Block):
            return _verdict(_fault(form, task))
        body = form.body
    verdict = judged.get(body)
    if verdict is None:
        verdict = judged[body] = _verdict(_fault(read_body(body, 0), task))
    return verdict


def _verdict(fault: Finding | None) -> Verdict:
    return Verdict(0.0, fault.reason) if fault else _RIGHT


def _fault(parsed: PlainAnswer | Calls | Finding, task: HardenedTask) -> Finding | None:
    if isinstance(parsed, Finding):
        return parsed
    if isinstance(parsed, PlainAnswer) or not parsed.calls:
        return Finding(Reason.CALL_WANTED) if task.expected else None
    if not task.expected:
        return call_not_wanted(parsed)
    return (task.toolbox and task.toolbox.check_all(parsed)) or task.expected.compare(parsed)


_RIGHT = Verdict(1.0, Reason.OK)
_VERDICTS = tuple(_RIGHT if reason is Reason.OK else Verdict(0.0, reason) for reason in native.OUTCOMES)

HARDENED = Reward(
    id="tool_n1/hardened@1",
    summary="1 when the completion reasons and then makes exactly the expected calls, read strictly; else 0",
    low=0.0,
    high=1.0,
    needs=("ground_truth",),
    dialect="tool_n1",
    source="arXiv 2505.00024, section 3, read strictly",
    digest="sha256:acca7993b8ebe7928968a1c32669d0049ed86ecb6db23e68455e5a1dd29ad12b",
    prepare=prepare_hardened,
    judge=judge_hardened,
    judge_group=partial(judge_hardened_group_by, native.judge_group) if native.judge_group else judge_hardened_group,
)

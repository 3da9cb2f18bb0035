"""The rewards of Tool-N1 (arXiv 2505.00024): binary, for form and correctness together.

``hardened`` is the paper's definition (section 3: the reward is 1 exactly when the format is right and the calls
match) read strictly, so that no policy can earn it without doing the task. What the scorers answer that were published
with the paper stands in ``tool_n1_released``.
"""

from dataclasses import dataclass

from goodcall.ground_truth import check_ground_truth, read_ground_truth
from goodcall.matching import ExpectedCalls, call_not_wanted
from goodcall.parsing import Calls, PlainAnswer, parse
from goodcall.reasons import Reason
from goodcall.rewards.reward import Reward, binary_judgement
from goodcall.schemas import Toolbox
from goodcall.types import AssistantMessage, CompletionText, Context, Finding, Judgement, TaskSource


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
    ground_truth = read_ground_truth(source.ground_truth)
    if toolbox is not None:
        check_ground_truth(ground_truth, toolbox)
    return HardenedTask(toolbox, ExpectedCalls(ground_truth.calls))


def judge_hardened(completion: CompletionText | AssistantMessage, task: HardenedTask, _: Context) -> Judgement:
    """1.0 when the completion reasons and then makes exactly the expected calls, else 0.0."""
    parsed = parse(completion)
    return binary_judgement(parsed if isinstance(parsed, Finding) else _fault(parsed, task))


def _fault(parsed: PlainAnswer | Calls, task: HardenedTask) -> Finding | None:
    if isinstance(parsed, PlainAnswer) or not parsed.calls:
        return Finding(Reason.CALL_WANTED) if task.expected else None
    if not task.expected:
        return call_not_wanted(parsed)
    fault = (task.toolbox and task.toolbox.check_all(parsed)) or task.expected.compare(parsed)
    return parsed.located(fault) if fault else None


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
)

"""``schema/valid``: is this a well-formed call that the tools admit? Needs no ground truth.

For rejection sampling and for cleaning data: it says nothing about whether the call was the right one.
"""

from goodcall.parsing import Calls, PlainAnswer, parse
from goodcall.rewards.reward import Reward, binary_judgement
from goodcall.schemas import Toolbox
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import AssistantMessage, CompletionText, Context, Finding, Judgement, TaskSource


def prepare(source: TaskSource, compiler: ToolCompiler) -> Toolbox:
    """The compiled tools; a ground truth is not looked at.

    Raises:
        UnusableTask: the tools don't compile.
    """
    return compiler.toolbox(source.tools or b"")


def judge(completion: CompletionText | AssistantMessage, toolbox: Toolbox, _: Context) -> Judgement:
    """1.0 when the form is that of ``tool_n1/hardened`` and every call is valid under its tool's schema, else 0.0.

    A plain answer and an empty list of calls are valid too: there is nothing in them that a schema could break.
    """
    return binary_judgement(_fault(parse(completion), toolbox))


def _fault(parsed: PlainAnswer | Calls | Finding, toolbox: Toolbox) -> Finding | None:
    if isinstance(parsed, Finding):
        return parsed
    if isinstance(parsed, PlainAnswer):
        return None
    fault = toolbox.check_all(parsed)
    return fault and parsed.located(fault)


VALID = Reward(
    id="schema/valid@1",
    summary="1 when the form is right and every call is valid under its tool's schema; else 0",
    low=0.0,
    high=1.0,
    needs=("tools",),
    dialect="tool_n1",
    source="this project: stages 1 to 6 and 8 of tool_n1/hardened@1",
    digest="sha256:a021f50498f153f41e70a6cf0b6c741f499ac80acd9544b64f6e8aa8c8f80401",
    prepare=prepare,
    judge=judge,
)

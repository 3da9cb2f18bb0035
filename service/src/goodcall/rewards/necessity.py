"""``necessity/decision``: was it right to call, or right not to?

The decision alone, as in MeCo (arXiv 2502.12961) and in the relevance and irrelevance categories of the Berkeley
leaderboard: which tool was called and with what plays no part.
"""

from goodcall.ground_truth import read_ground_truth
from goodcall.matching import call_not_wanted
from goodcall.parsing import Calls, PlainAnswer, parse
from goodcall.reasons import Reason
from goodcall.rewards.reward import Reward, binary_judgement
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import AssistantMessage, CompletionText, Context, Finding, Judgement, TaskSource


def prepare(source: TaskSource, _: ToolCompiler) -> bool:
    """Whether a call is needed: whether the ground truth holds any.

    Raises:
        UnusableTask: the ground truth is no list of calls.
    """
    return bool(read_ground_truth(source.ground_truth).calls)


def judge(completion: CompletionText | AssistantMessage, call_needed: bool, _: Context) -> Judgement:
    """1.0 when a call was made exactly when one was needed, else 0.0.

    The completion must have the form of ``tool_n1/hardened``; where no decision can be read, the score is 0.0 with
    the reason why.
    """
    return binary_judgement(_fault(parse(completion), call_needed))


def _fault(parsed: PlainAnswer | Calls | Finding, call_needed: bool) -> Finding | None:
    if isinstance(parsed, Finding):
        return parsed
    if isinstance(parsed, PlainAnswer) or not parsed.calls:
        return Finding(Reason.CALL_WANTED) if call_needed else None
    return None if call_needed else call_not_wanted(parsed)


DECISION = Reward(
    id="necessity/decision@1",
    summary="1 when a call was made exactly when one was needed; else 0",
    low=0.0,
    high=1.0,
    needs=("ground_truth",),
    dialect="tool_n1",
    source="arXiv 2502.12961 (MeCo); ShishirPatil/gorilla 6ea5797, relevance and irrelevance",
    digest="sha256:10568a44efddd0142cf20f70f91f68b70ecd5df063bc1a588adcc050775816fe",
    prepare=prepare,
    judge=judge,
)

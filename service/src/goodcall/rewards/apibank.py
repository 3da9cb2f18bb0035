"""``apibank/soft`` and ``apibank/hard``: is the next call of an API-Bank dialogue among those made, or the only one?

Source: qiancheng0/ToolRL 8cee13e, ``benchmarks/API-Bank/evaluate.py``, whose scores come of the soft match; the hard
match stands in a comment there. Each dialogue wants one call, the first of the ground truth. As there, names and
arguments must be equal, and nothing is checked against the tools. Unlike there, they are compared as JSON values, so
that true is not 1, a bare object of arguments is no call, and one call that can't be read spoils the others.

An empty ground truth, which the benchmark does not have, wants no call.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from goodcall.dialects.bfcl import read_bfcl_calls
from goodcall.ground_truth import read_ground_truth
from goodcall.matching import ExpectedCalls, call_not_wanted
from goodcall.parsing import Calls
from goodcall.reasons import Reason
from goodcall.rewards.reward import Reward, binary_judgement
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import AssistantMessage, CompletionText, Context, Finding, Judgement, TaskSource

_Match: TypeAlias = Callable[[Calls, ExpectedCalls], Finding | None]


def prepare(source: TaskSource, _: ToolCompiler) -> ExpectedCalls:
    """The next call: the first of the ground truth, or none.

    Raises:
        UnusableTask: the ground truth is no list of calls.
    """
    return ExpectedCalls(read_ground_truth(source.ground_truth).calls[:1])


def judge(
    completion: CompletionText | AssistantMessage, expected: ExpectedCalls, _: Context, *, match: _Match
) -> Judgement:
    """1.0 when the calls are right by the given match, else 0.0."""
    read = read_bfcl_calls(completion)
    return binary_judgement(read if isinstance(read, Finding) else _fault(read, expected, match))


def _fault(read: Calls, expected: ExpectedCalls, match: _Match) -> Finding | None:
    if not expected:
        return call_not_wanted(read) if read.calls else None
    return match(read, expected) if read.calls else Finding(Reason.CALL_WANTED)


def match_only(read: Calls, expected: ExpectedCalls) -> Finding | None:
    """What keeps the calls from being the expected one and no other."""
    fault = expected.compare(read)
    return fault and read.located(fault)


def match_any(read: Calls, expected: ExpectedCalls) -> Finding | None:
    """What is wrong with the first of the calls, unless one of them is the expected one."""
    alone = [Calls([call], root=read.pointer(index)) for index, call in enumerate(read.calls)]
    faults = [expected.compare(call) for call in alone]
    return faults[0] and read.located(faults[0]) if all(faults) else None


def _reward(match: _Match, variant: str, summary: str, digest: str) -> Reward[ExpectedCalls]:
    return Reward(
        id=f"apibank/{variant}@1",
        summary=summary,
        low=0.0,
        high=1.0,
        needs=("ground_truth",),
        dialect="bfcl",
        source="qiancheng0/ToolRL 8cee13e, benchmarks/API-Bank/evaluate.py",
        digest=digest,
        prepare=prepare,
        judge=partial(judge, match=match),
    )


VARIANTS = (
    _reward(
        match_any,
        "soft",
        "1 when one of the calls is the next one of the dialogue; else 0",
        "sha256:35d63211f751b015ca61fbacb80059661f8c51a7565b0211ed9c0451bf950cf2",
    ),
    _reward(
        match_only,
        "hard",
        "1 when the next call of the dialogue is the only one made; else 0",
        "sha256:45509f858784b61ed620840af8736e0f9e0f10c5795e22dcb29f5079bf7921b3",
    ),
)

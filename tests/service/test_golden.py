"""The golden cases: what each reward answers, and that a published version never answers otherwise."""

import json

import pytest

from goodcall import AssistantMessage, MessageCall, Reason, Scorer, TaskSource, Verdict, find_reward
from goodcall.rewards import CATALOGUE, compute_digest
from suites import golden, golden_cases

FILES = {"tool_n1/hardened@1": "tool_n1_hardened", "tool_n1/released@1": "tool_n1_released"}


def judge(case, reward_id):
    """The verdict on a golden case, which is an item of the wire with one completion."""
    tools = json.dumps(case["tools"]).encode() if "tools" in case else None
    task = TaskSource(tools=tools, ground_truth=json.dumps(case["ground_truth"]).encode())
    [verdict] = Scorer().score_group(
        [completion_of(case)],
        task,
        find_reward(reward_id),
        assistant_prefix=case.get("assistant_prefix", ""),
    )
    return verdict


def completion_of(case):
    completion = case["completion"]
    if isinstance(completion, str):
        return completion
    calls = [call["function"] for call in completion.get("tool_calls", [])]
    return AssistantMessage(
        content=completion.get("content"),
        reasoning_content=completion.get("reasoning_content"),
        tool_calls=tuple(
            MessageCall(
                name=call["name"],
                arguments=call["arguments"] if isinstance(call["arguments"], str) else json.dumps(call["arguments"]),
            )
            for call in calls
        ),
    )


@pytest.mark.parametrize("case", golden("tool_n1_hardened"))
def test_hardened_gives_the_golden_score_and_reason(case):
    assert judge(case, "tool_n1/hardened@1") == Verdict(case["score"], case["reason"])


@pytest.mark.parametrize("case", golden("tool_n1_released"))
def test_released_gives_the_golden_score_and_reason(case):
    assert judge(case, "tool_n1/released@1") == Verdict(case["score"], case["reason"])


def test_every_reward_has_golden_cases():
    assert FILES.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("reward_id", FILES)
def test_the_digest_is_that_of_the_answers(reward_id):
    """A changed answer changes the digest; publish a new version instead of editing the constant."""
    answers = [
        [case["id"], verdict.score, str(verdict.reason)]
        for case in golden_cases(FILES[reward_id])
        for verdict in [judge(case, reward_id)]
    ]
    assert CATALOGUE[reward_id].digest == compute_digest(reward_id, {}, answers)


def test_every_reason_that_hardened_can_give_has_a_golden_case():
    given = {case["reason"] for case in golden_cases("tool_n1_hardened")}
    from_elsewhere = {"completion_too_long", "no_tool_call_block", "mismatch", "released_raises"}
    assert given | from_elsewhere == {str(reason) for reason in Reason}

"""The golden cases: what each reward answers, and that a published version never answers otherwise."""

import hashlib
import json

import pytest

from goodcall import AssistantMessage, Context, MessageCall, Reason, Scorer, TaskSource, Verdict, find_reward
from goodcall.rewards import CATALOGUE, compute_digest
from suites import golden_cases

CASES = [
    pytest.param(reward_id, case, id=f"{reward_id}: {case['id']}")
    for reward_id in CATALOGUE
    for case in golden_cases(reward_id)
]


def judge(case, reward_id):
    """The verdict on a golden case, which is an item of the wire with one completion."""
    tools = json.dumps(case["tools"]).encode() if "tools" in case else None
    ground_truth = json.dumps(case["ground_truth"]).encode() if "ground_truth" in case else None
    task = TaskSource(tools=tools, ground_truth=ground_truth)
    [verdict] = Scorer().score_group(
        [completion_of(case)],
        task,
        find_reward(reward_id),
        assistant_prefix=case.get("assistant_prefix", ""),
        context=Context(**case.get("context", {})),
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


@pytest.mark.parametrize(("reward_id", "case"), CASES)
def test_the_golden_score_and_reason_are_given(reward_id, case):
    assert judge(case, reward_id) == Verdict(case["score"], case["reason"])


@pytest.mark.parametrize("reward_id", CATALOGUE)
def test_the_digest_is_that_of_the_answers(reward_id):
    """A changed answer changes the digest; publish a new version instead of editing the constant."""
    answers = [
        [case["id"], verdict.score, str(verdict.reason)]
        for case in golden_cases(reward_id)
        for verdict in [judge(case, reward_id)]
    ]
    assert CATALOGUE[reward_id].digest == compute_digest(reward_id, {}, answers)


def test_a_digest_is_the_hash_of_id_parameters_and_answers_in_compact_json_with_sorted_keys():
    text = b'["f/v@1",{"a":1,"b":[]},[["case",1.0,"ok"]]]'
    digest = compute_digest("f/v@1", {"b": [], "a": 1}, [["case", 1.0, "ok"]])
    assert digest == f"sha256:{hashlib.sha256(text).hexdigest()}"


def test_every_reason_has_a_golden_case():
    given = {case["reason"] for reward_id in CATALOGUE for case in golden_cases(reward_id)}
    # What is too much is for settings to say, not for a reward.
    assert given | {"completion_too_long", "tools_beyond_bounds"} == {str(reason) for reason in Reason}

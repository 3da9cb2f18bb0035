"""API-Bank's matches: where they stand apart, and what a verdict points at."""

import json

import pytest

from goodcall import score

NEXT = {"name": "QueryHealthData", "arguments": {"user_id": "J1"}}
OTHER = {"name": "Login", "arguments": {}}


def block(*calls):
    return f"<tool_call>{json.dumps(calls)}</tool_call>"


def judged(completion, variant):
    return score(completion, ground_truth=[NEXT], reward=f"apibank/{variant}@1", explain=True)


@pytest.mark.parametrize("calls", [(OTHER, NEXT), (NEXT, OTHER), (NEXT, NEXT)])
def test_only_the_soft_match_forgives_further_calls(calls):
    assert [judged(block(*calls), variant).score for variant in ("soft", "hard")] == [1.0, 0.0]


def test_a_verdict_of_the_soft_match_points_at_the_first_call():
    completion = block({"name": "QueryHealthData", "arguments": {"user_id": "J2"}}, OTHER)
    detail = judged(completion, "soft").detail
    assert (detail.pointer, detail.expected, detail.got) == ("/0/arguments/user_id", '"J1"', '"J2"')
    assert completion[detail.offset :].startswith('"J2"')


def test_a_verdict_of_the_hard_match_points_at_the_call_that_is_too_many():
    completion = block(NEXT, OTHER)
    detail = judged(completion, "hard").detail
    assert (detail.pointer, detail.expected, detail.got) == ("/1", "1 call", "2 calls")
    assert completion[detail.offset :].startswith('{"name": "Login"')

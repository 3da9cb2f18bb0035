"""The scorer: order, limits, the memory of prepared tasks, and what it refuses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall import (
    AssistantMessage,
    MessageCall,
    MissingNeed,
    Scorer,
    TaskSource,
    UnknownReward,
    UnsupportedCompletion,
    find_reward,
    score,
)
from goodcall.rewards import CATALOGUE
from goodcall.task_cache import ENTRY_BYTES, TaskCache
from goodcall.types import NO_CONTEXT
from suites import golden_cases

HARDENED = find_reward("tool_n1/hardened@1")
RELEASED = find_reward("tool_n1/released@1")
NO_CALL_WANTED = TaskSource(tools=None, ground_truth=b"[]")
WITHOUT_MORE_NEEDS = [reward.id for reward in CATALOGUE.values() if reward.needs == ("ground_truth",)]
ANSWER = "<think>t</think>No tool fits."


@given(st.text(st.characters()), st.sampled_from(WITHOUT_MORE_NEEDS), st.booleans())
def test_any_text_gets_a_verdict(completion, reward, explain):
    verdict = score(completion, ground_truth=[], reward=reward, explain=explain)
    assert find_reward(reward).low <= verdict.score <= find_reward(reward).high


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_any_message_gets_a_verdict(content, reasoning, arguments):
    calls = tuple(MessageCall(name="f", arguments=text) for text in arguments)
    message = AssistantMessage(content=content, reasoning_content=reasoning, tool_calls=calls)
    assert score(message, ground_truth=[], explain=True).score in {0.0, 1.0}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda children: (
            st.lists(children)
            | st.dictionaries(
                st.sampled_from(["name", "arguments", "function", "parameters", "$ref", "type"]), children
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_as_tools_or_ground_truth_gets_a_verdict_or_null(value):
    assert score(ANSWER, tools=value, ground_truth=[]).score in {1.0, None}
    if value is not None:
        assert score(ANSWER, ground_truth=value).score in {0.0, 1.0, None}


@pytest.mark.parametrize("size", [1, 7, 1024])
def test_verdicts_do_not_depend_on_the_group_or_its_order(size):
    cases = [case for case in golden_cases("tool_n1/hardened@1") if case["ground_truth"] == []]
    completions = [case["completion"] for case in cases if isinstance(case["completion"], str)] * 200
    alone = {text: Scorer().score_group([text], NO_CALL_WANTED, HARDENED)[0] for text in set(completions)}
    scorer = Scorer()
    for ordered in (completions, completions[::-1]):
        grouped = [
            verdict
            for start in range(0, len(ordered), size)
            for verdict in scorer.score_group(ordered[start : start + size], NO_CALL_WANTED, HARDENED)
        ]
        assert grouped == [alone[text] for text in ordered]


@pytest.mark.parametrize(
    ("completion", "is_read"),
    [("a" * 16, True), ("a" * 17, False), ("é" * 8, True), ("é" * 9, False), ("\ud800" * 6, False), ("a", True)],
)
def test_a_completion_longer_than_the_limit_scores_0_unread(completion, is_read):
    [verdict] = Scorer(max_completion_bytes=16).score_group([completion], NO_CALL_WANTED, HARDENED)
    assert (verdict.reason != "completion_too_long") == is_read


def test_all_texts_of_a_message_count_towards_the_limit():
    call = MessageCall(name="f", arguments="{}")
    message = AssistantMessage(content=None, reasoning_content="a" * 14, tool_calls=(call,))
    [verdict] = Scorer(max_completion_bytes=16).score_group([message], NO_CALL_WANTED, HARDENED)
    assert verdict.reason == "completion_too_long"


def prepare_all(cache, texts):
    for text in texts:
        cache.prepare(TaskSource(tools=None, ground_truth=text), HARDENED)


def test_the_memory_of_tasks_is_bounded_in_bytes():
    cache = TaskCache(10 * ENTRY_BYTES)
    prepare_all(cache, (json.dumps([str(number)]).encode() for number in range(500)))
    assert 0 < cache.used_bytes <= 10 * ENTRY_BYTES
    assert len(cache) == 9


def test_the_task_used_least_recently_is_forgotten_first():
    cache = TaskCache(3 * ENTRY_BYTES + 6)
    prepare_all(cache, [b"[]", b"{}", b"11", b"[]", b"22"])
    assert [truth for _, _, truth in cache._entries] == [b"11", b"[]", b"22"]


def test_without_room_nothing_is_remembered():
    cache = TaskCache(0)
    prepare_all(cache, [b"[]"])
    assert (len(cache), cache.used_bytes) == (0, 0)


def test_what_a_reward_needs_must_be_given():
    with pytest.raises(MissingNeed, match="tool_n1/hardened@1 needs ground_truth"):
        score("", reward="tool_n1/hardened@1")


def test_the_same_task_under_two_rewards_is_remembered_apart():
    scorer = Scorer()
    block = "<think>t</think><tool_call>[]</tool_call><tool_call>[]</tool_call>"
    scores = [scorer.score_group([block], NO_CALL_WANTED, reward)[0].score for reward in (HARDENED, RELEASED)] * 2
    assert scores == [0.0, 1.0, 0.0, 1.0]


def test_a_message_is_refused_where_text_is_judged():
    with pytest.raises(UnsupportedCompletion, match="tool_n1/released@1 judges text"):
        score(AssistantMessage(content="x"), ground_truth=[], reward="tool_n1/released")
    with pytest.raises(UnsupportedCompletion):
        RELEASED.judge(AssistantMessage(), RELEASED.prepare(NO_CALL_WANTED), NO_CONTEXT)


def test_an_unknown_reward_is_refused_and_the_known_ones_are_named():
    with pytest.raises(UnknownReward, match=r"tool_n1/hardened@1, tool_n1/released@1"):
        score("", ground_truth=[], reward="tool_n1/v0")


def test_a_name_without_version_means_the_newest():
    assert find_reward("tool_n1/hardened") is HARDENED
    assert HARDENED.version == 1


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_tools_and_ground_truth_must_be_json(value):
    with pytest.raises((ValueError, TypeError)):
        score("", ground_truth=[value])


def test_bytes_that_are_no_utf8_make_a_task_unusable():
    scorer = Scorer()
    for task in (
        TaskSource(tools=b'["\xff"]', ground_truth=b"[]"),
        TaskSource(tools=None, ground_truth=b'["\xff"]'),
    ):
        [verdict] = scorer.score_group([ANSWER], task, HARDENED)
        assert verdict.score is None


def test_end_of_turn_tokens_without_end_are_stripped_in_linear_time():
    completion = "<|im_end|> </s>\n" * 60_000
    [verdict] = Scorer().score_group([completion], NO_CALL_WANTED, HARDENED)
    assert verdict.reason == "think_missing"

"""The scorer: order, limits, the memory of prepared tasks, and what it refuses."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line import WEATHER
from generated import generate
from goodcall import (
    AssistantMessage,
    MessageCall,
    MissingNeed,
    Scorer,
    TaskSource,
    UnknownReward,
    UnsupportedCompletion,
    Verdict,
    find_reward,
    native,
    score,
)
from goodcall.byte_bounded import ByteBoundedCache
from goodcall.parsing import body_of_common_form
from goodcall.rewards import CATALOGUE, tool_n1_released, toolrl
from goodcall.rewards.tool_n1 import judge_hardened_group_by, prepare_hardened
from goodcall.task_cache import CACHE_BYTES, TaskCache
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import NO_CONTEXT
from suites import golden_cases, write_completion

HARDENED = find_reward("tool_n1/hardened@1")
RELEASED = find_reward("tool_n1/released@1")
NO_CALL_WANTED = TaskSource(tools=None, ground_truth=b"[]")
WITHOUT_MORE_NEEDS = [reward.id for reward in CATALOGUE.values() if reward.needs == ("ground_truth",)]
WEATHER_TEXT = json.dumps([WEATHER]).encode()
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


@pytest.mark.parametrize("text", ["content", "reasoning_content"])
def test_a_message_as_long_as_the_limit_is_read(text):
    message = AssistantMessage(**{text: "a" * 13}, tool_calls=(MessageCall(name="f", arguments="{}"),))
    [verdict] = Scorer(max_completion_bytes=16).score_group([message], NO_CALL_WANTED, HARDENED)
    assert verdict.reason != "completion_too_long"


def test_completions_are_judged_alike_in_a_group_and_one_by_one():
    for seed in range(0, 3000, 6):
        case = generate(seed)
        task = TaskSource(tools=case.tools and case.tools.encode(), ground_truth=case.ground_truth.encode())
        completions = [generate(seed + member).completion for member in range(6)] + [case.completion] * 2
        alone = [Scorer().score_group([completion], task, HARDENED, explain=True)[0] for completion in completions]
        together = Scorer().score_group(completions, task, HARDENED)
        assert [(it.score, it.reason) for it in together] == [(it.score, it.reason) for it in alone]


@pytest.mark.parametrize(
    ("completion", "body"),
    [
        ("<think>t</think><tool_call>[]</tool_call>", "[]"),
        (" \n<think>\nt\n</think>\n\n<tool_call>\n [ ] \n</tool_call>\r\n\t", "[ ]"),
        ('<think>t</think><tool_call>{"a": "<b></tool_call>"}</tool_call>', '{"a": "<b></tool_call>"}'),
        ("<think>t</think><tool_call>[]</tool_call>\n<|im_end|><|endoftext|>\n", "[]"),
    ],
)
def test_a_call_block_in_perfect_form_is_found_at_a_glance(completion, body):
    assert body_of_common_form(completion) == body


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "Sure.",
        "<think>t</think>Sure.",
        "<think>1 < 2</think><tool_call>[]</tool_call>",
        "<think>1 | 2</think><tool_call>[]</tool_call>",
        "<think> \u00a0</think><tool_call>[]</tool_call>",
        "<think>t</think>\u00a0<tool_call>[]</tool_call>",
        "<think>t</think>so<tool_call>[]</tool_call>",
        "<think>t</think><tool_call>[]</tool_call>.",
        "\u00a0<think>t</think><tool_call>[]</tool_call>",
        "<think>t<tool_call>[]</tool_call>",
        "<thing>t</think><tool_call>[]</tool_call>",
    ],
)
def test_every_other_form_needs_a_closer_look(completion):
    assert body_of_common_form(completion) is None


def test_what_is_remembered_is_bounded_in_bytes():
    cache = ByteBoundedCache(100)
    for number in range(50):
        cache.put(number, str(number), weight_bytes=30)
        assert cache.used_bytes <= 100
    assert len(cache) == 3


def test_what_was_used_least_recently_is_forgotten_first():
    cache = ByteBoundedCache(100)
    for number in (1, 2, 3):
        cache.put(number, str(number), weight_bytes=30)
    assert cache.get(1) == "1"
    cache.put(4, "4", weight_bytes=30)
    assert [cache.get(number) for number in (1, 2, 3, 4)] == ["1", None, "3", "4"]


def test_a_task_that_comes_again_is_not_prepared_again():
    cache = TaskCache(CACHE_BYTES)
    first = cache.prepare(TaskSource(tools=WEATHER_TEXT, ground_truth=b"[]"), HARDENED)
    assert cache.prepare(TaskSource(tools=bytes(bytearray(WEATHER_TEXT)), ground_truth=b"[]"), HARDENED) is first
    assert cache.prepare(TaskSource(tools=WEATHER_TEXT, ground_truth=b"[ ]"), HARDENED) is not first
    assert cache.prepare(TaskSource(tools=WEATHER_TEXT, ground_truth=b"[]"), HARDENED) is first


def test_a_tool_that_comes_again_in_another_task_is_not_compiled_again():
    compiler = ToolCompiler(CACHE_BYTES)
    one, other = (compiler.toolbox(text)._tools["get_weather"] for text in (WEATHER_TEXT, WEATHER_TEXT + b" "))
    assert one is other
    assert ToolCompiler().toolbox(WEATHER_TEXT)._tools["get_weather"] is not one


@pytest.mark.parametrize(
    ("tools", "ground_truth", "weight_bytes"),
    [
        (None, b"[]", 4096 + 8 * 2),
        (WEATHER_TEXT, b"[]", 4096 + len(WEATHER_TEXT) + 8 * 2),
        (None, None, 4096),
    ],
)
def test_a_task_is_reckoned_at_what_it_was_measured_to_take(tools, ground_truth, weight_bytes):
    task = TaskSource(tools=tools, ground_truth=ground_truth)
    for max_bytes, used_bytes in [(2 * weight_bytes, weight_bytes), (2 * weight_bytes - 1, 0)]:
        cache = TaskCache(max_bytes)
        cache.prepare(task, HARDENED)
        assert cache._tasks.used_bytes == used_bytes


def test_a_tool_is_reckoned_at_what_it_was_measured_to_take():
    weight_bytes = 2048 + 12 * len(WEATHER_TEXT[1:-1])
    for max_bytes, used_bytes in [(2 * weight_bytes, weight_bytes), (2 * weight_bytes - 1, 0)]:
        cache = TaskCache(max_bytes)
        cache.prepare(TaskSource(tools=WEATHER_TEXT, ground_truth=b"[]"), HARDENED)
        assert cache._compiler._tools.used_bytes == used_bytes


def test_without_room_nothing_is_remembered():
    cache = ByteBoundedCache(0)
    cache.put(1, "1", weight_bytes=30)
    assert (len(cache), cache.used_bytes, cache.get(1)) == (0, 0, None)


def test_what_a_reward_needs_must_be_given():
    with pytest.raises(MissingNeed, match="tool_n1/hardened@1 needs ground_truth") as missing:
        score("", reward="tool_n1/hardened@1")
    assert (missing.value.reward_id, missing.value.need) == ("tool_n1/hardened@1", "ground_truth")


def test_the_same_task_under_two_rewards_is_remembered_apart():
    scorer = Scorer()
    block = "<think>t</think><tool_call>[]</tool_call><tool_call>[]</tool_call>"
    scores = [scorer.score_group([block], NO_CALL_WANTED, reward)[0].score for reward in (HARDENED, RELEASED)] * 2
    assert scores == [0.0, 1.0, 0.0, 1.0]


def test_a_message_is_refused_where_text_is_judged():
    with pytest.raises(UnsupportedCompletion, match="tool_n1/released@1 judges text") as refused:
        score(AssistantMessage(content="x"), ground_truth=[], reward="tool_n1/released")
    assert refused.value.reward_id == "tool_n1/released@1"
    with pytest.raises(UnsupportedCompletion, match="tool_n1/released@1 judges text"):
        RELEASED.judge(AssistantMessage(), RELEASED.prepare(NO_CALL_WANTED, ToolCompiler()), NO_CONTEXT)


def test_the_rewards_that_judge_text_alone_are_those_whose_sources_do():
    text_alone = {reward.id for reward in CATALOGUE.values() if not reward.judges_messages}
    assert text_alone == {reward.id for reward in (*tool_n1_released.VARIANTS, *toolrl.VARIANTS)}


def test_the_catalogue_says_how_calls_are_written_for_each_family():
    assert {(reward.id.partition("/")[0], reward.dialect) for reward in CATALOGUE.values()} == {
        ("apibank", "bfcl"),
        ("bfcl", "bfcl"),
        ("necessity", "tool_n1"),
        ("schema", "tool_n1"),
        ("tool_n1", "tool_n1"),
        ("toolrl", "toolrl"),
    }


def test_an_unknown_reward_is_refused_and_the_known_ones_are_named():
    with pytest.raises(UnknownReward, match=r"tool_n1/hardened@1, tool_n1/released@1"):
        score("", ground_truth=[], reward="tool_n1/v0")


CALLS = [{"name": "f", "arguments": {"a": 1}}]


def test_a_compiled_judge_is_asked_about_the_group_and_python_where_it_is_in_doubt():
    task = prepare_hardened(TaskSource(tools=None, ground_truth=json.dumps(CALLS).encode()), ToolCompiler())
    group = [write_completion(CALLS), "Sure.", AssistantMessage(), write_completion([]), "a" * 201]

    def judge_group(completions, max_bytes, compiled, verdicts):
        assert (completions, max_bytes) == (group, 200)
        spellings = (json.dumps(CALLS), json.dumps(CALLS, separators=(",", ":")))
        assert compiled.known == dict.fromkeys(spellings, Verdict(1.0, "ok"))
        assert compiled[1:] == (None, ("f",), ({"a": 1},))
        assert [verdict.reason for verdict in verdicts] == list(native.OUTCOMES)
        assert [verdict.score for verdict in verdicts] == [float(reason == "ok") for reason in native.OUTCOMES]
        return [None, Verdict(0.0, "json_invalid"), None, None, None], [0, 2, 3, 4]

    verdicts, left = judge_hardened_group_by(judge_group, group, 200, task, NO_CONTEXT)
    assert verdicts == [Verdict(1.0, "ok"), Verdict(0.0, "json_invalid"), None, Verdict(0.0, "call_wanted"), None]
    assert left == [2, 4]


def test_what_a_compiled_judge_leaves_to_python_changes_no_block_that_the_task_knows():
    task = prepare_hardened(TaskSource(tools=None, ground_truth=json.dumps(CALLS).encode()), ToolCompiler())
    known = dict(task.compiled.known)
    judge_hardened_group_by(native.doubt_group, [write_completion([])], 200, task, NO_CONTEXT)
    assert task.compiled.known == known


def test_a_compiled_judge_is_given_what_tells_valid_arguments():
    tools = json.dumps([WEATHER, {"name": "f"}]).encode()
    validators = prepare_hardened(TaskSource(tools=tools, ground_truth=b"[]"), ToolCompiler()).compiled.validators
    assert [validators["get_weather"]({"city": city}) for city in ("Oslo", 5)] == [True, False]
    assert validators["f"] is None


@pytest.mark.parametrize("answers", [0, 2])
def test_a_compiled_judge_that_loses_or_adds_a_verdict_is_an_error(answers):
    task = prepare_hardened(NO_CALL_WANTED, ToolCompiler())
    with pytest.raises(RuntimeError, match=f"1 completions have {answers} verdicts"):
        judge_hardened_group_by(lambda *_: ([None] * answers, []), [ANSWER], 200, task, NO_CONTEXT)


def test_a_name_without_version_means_the_newest():
    assert find_reward("tool_n1/hardened") is HARDENED
    assert HARDENED.version == 1


def test_of_several_versions_the_one_of_the_greatest_number_is_the_newest(monkeypatch):
    versions = [replace(HARDENED, id=f"tool_n1/hardened@{number}") for number in (9, 10, 1)]
    monkeypatch.setattr("goodcall.rewards.CATALOGUE", {reward.id: reward for reward in versions})
    assert find_reward("tool_n1/hardened").version == 10


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

"""Ways to earn the released reward without doing the task, and what ``hardened`` says to each.

Every row: the completion, what the released scorer pays, and the reason for which ``hardened`` does not.
"""

import json
import sys

import pytest

from goodcall import Scorer, TaskSource, find_reward, score
from goodcall.rewards.tool_n1_released import _is_deeper

CALL = {"name": "f", "arguments": {"a": 1}}
LIST = json.dumps([CALL])
BLOCK = f"<tool_call>{LIST}</tool_call>"
WRONG = '<tool_call>[{"name": "g", "arguments": {}}]</tool_call>'
RIGHT = f"<think>t</think>{BLOCK}"


def in_block(body):
    return f"<think>t</think><tool_call>{body}</tool_call>"


PAID_BY_RELEASED = {
    "a wrong call, then the right one": (f"<think>t</think>{WRONG}{BLOCK}", "multiple_tool_call_blocks"),
    "ten guesses, the right one last": (f"<think>t</think>{WRONG * 10}{BLOCK}", "multiple_tool_call_blocks"),
    "the call only inside the reasoning": (f"<think>{BLOCK}</think>", "tag_in_think"),
    "the reasoning closes after the call": (f"<think>t{BLOCK}</think>", "tag_in_think"),
    "no reasoning in the think block": (f"<think></think>{BLOCK}", "think_empty"),
    "white space for reasoning": (f"<think> \n\u00a0</think>{BLOCK}", "think_empty"),
    "think tags in the wrong order": (f"</think>x<think>{BLOCK}", "think_missing"),
    "thinking after the call": (f"{BLOCK}<think>t</think>", "think_missing"),
    "two think blocks": (f"<think>a</think><think>b</think>{BLOCK}", "tag_in_answer"),
    "nested think blocks": (f"<think>a<think>b</think></think>{BLOCK}", "tag_in_think"),
    "think tags only in a string of the call": (
        '<tool_call>[{"name": "f", "arguments": {"a": 1}, "n": "<think></think>"}]</tool_call>',
        "think_missing",
    ),
    "an assistant marker erases what was bad": (
        f"bad text<|im_start|>assistant\n{RIGHT}",
        "special_token_in_completion",
    ),
    "a made-up user turn and a fresh answer": (
        f"<think>t</think>{WRONG}<|im_end|>\n<|im_start|>user\nAgain!<|im_end|>\n<|im_start|>assistant\n{RIGHT}",
        "special_token_in_completion",
    ),
    "a duplicate argument, the last one right": (
        in_block('[{"name": "f", "arguments": {"a": 2, "a": 1}}]'),
        "json_duplicate_key",
    ),
    "a duplicate name, the last one right": (
        in_block('[{"name": "g", "name": "f", "arguments": {"a": 1}}]'),
        "json_duplicate_key",
    ),
    "a key beside name and arguments": (
        in_block('[{"name": "f", "arguments": {"a": 1}, "id": 7}]'),
        "call_key_unexpected",
    ),
    "JSON inside a JSON string": (in_block(json.dumps(LIST)), "not_calls"),
    "no-break spaces around the JSON": (in_block(f"\u00a0{LIST}\u3000"), "json_invalid"),
    "a no-break space before the reasoning": (f"\u00a0{RIGHT}", "think_missing"),
    "a no-break space after the call": (f"{RIGHT}\u00a0", "text_after_calls"),
    "the reasoning ends twice": (f"<think>1 < 2</think>t</think>{BLOCK}", "tag_in_answer"),
    "prose before the reasoning": (f"Sure! {RIGHT}", "think_missing"),
    "prose between reasoning and call": (f"<think>t</think>So: {BLOCK}", "tag_in_answer"),
    "prose after the call": (f"{RIGHT} Done.", "text_after_calls"),
}


@pytest.mark.parametrize("trick", PAID_BY_RELEASED)
def test_hardened_does_not_pay_what_released_pays(trick):
    completion, reason = PAID_BY_RELEASED[trick]
    assert score(completion, ground_truth=[CALL], reward="tool_n1/released@1").score == 1.0
    verdict = score(completion, ground_truth=[CALL], explain=True)
    assert (verdict.score, verdict.reason) == (0.0, reason)
    assert verdict.detail.offset is not None


PAID_BY_HARDENED = {
    "a closing tag inside a string": ('[{"name": "f", "arguments": {"a": "</tool_call>"}}]', {"a": "</tool_call>"}),
    "1.0 where 1 is expected": ('[{"name": "f", "arguments": {"a": 1.0}}]', {"a": 1}),
    "1e0 where 1 is expected": ('[{"name": "f", "arguments": {"a": 1e0}}]', {"a": 1}),
    "1e2 where 100 is expected": ('[{"name": "f", "arguments": {"a": 1e2}}]', {"a": 100}),
    "-0.0 where 0 is expected": ('[{"name": "f", "arguments": {"a": -0.0}}]', {"a": 0}),
}


@pytest.mark.parametrize("case", PAID_BY_HARDENED)
def test_hardened_pays_what_released_wrongly_does_not(case):
    body, arguments = PAID_BY_HARDENED[case]
    expected = [{"name": "f", "arguments": arguments}]
    assert score(in_block(body), ground_truth=expected, reward="tool_n1/released@1").score == 0.0
    assert score(in_block(body), ground_truth=expected).score == 1.0


RELEASED_RAISES = {
    "the block is a number": ("5", "not_calls"),
    "the block is true": ("true", "not_calls"),
    "100,000 opening brackets": ("[" * 100_000, "json_too_deep"),
    "an integer of 5,000 digits": (f'[{{"name": "f", "arguments": {{"a": {"9" * 5000}}}}}]', "json_number_too_long"),
}


@pytest.mark.parametrize("case", RELEASED_RAISES)
def test_where_released_raises_both_give_0(case):
    body, reason = RELEASED_RAISES[case]
    assert score(in_block(body), ground_truth=[CALL], reward="tool_n1/released@1").reason == "released_raises"
    verdict = score(in_block(body), ground_truth=[CALL], explain=True)
    assert (verdict.score, verdict.reason) == (0.0, reason)
    assert verdict.detail.offset is not None


def test_many_brackets_that_are_not_nested_raise_nothing():
    arguments = {"a": [[]] * 1000, "b": '"[' * 10, "c": "\\" * 3}
    expected = [{"name": "f", "arguments": arguments}]
    completion = in_block(json.dumps(expected))
    assert score(completion, ground_truth=expected, reward="tool_n1/released@1").score == 1.0
    assert score(completion, ground_truth=expected).score == 1.0


@pytest.mark.parametrize(
    ("text", "limit", "is_deeper"),
    [
        ("[[", 2, False),
        ("[[[", 2, True),
        ("{[{", 2, True),
        ("[]" * 5, 1, False),
        ("[]X[][X", 2, False),
        ("[[X[", 2, True),
        ("[{}][[]]", 2, False),
        ("[{}][[[]]]", 2, True),
        ('"[[["', 2, False),
        ('"\\"[[["', 2, False),
        ('"\\\\"[[[', 2, True),
        ('"a"[[["', 2, True),
        ('["[", "[", [["]"', 2, True),
    ],
)
def test_the_depth_of_a_text_counts_open_brackets_outside_of_strings(text, limit, is_deeper):
    assert _is_deeper(text, limit) == is_deeper


@pytest.mark.parametrize(("depth", "reason"), [(100, "not_calls"), (975, "not_calls"), (993, "released_raises")])
def test_released_raises_where_its_interpreter_gave_up(depth, reason):
    completion = in_block("[" * depth + "]" * depth)
    assert score(completion, ground_truth=[CALL], reward="tool_n1/released@1").reason == reason


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_how_deep_released_reads_does_not_depend_on_the_stack_of_its_caller(opening, closing):
    completion = in_block(opening * 900 + "1" + closing * 900)

    def judge_from_below(frames):
        if frames:
            return judge_from_below(frames - 1)
        return score(completion, ground_truth=[CALL], reward="tool_n1/released@1").reason

    assert judge_from_below(sys.getrecursionlimit() - 500) == "not_calls"


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (f"{RIGHT}<|im_start|>assistant\nSorry.", "no_tool_call_block"),
        (f"<|im_start|>assistant{WRONG}<|im_start|>assistant{RIGHT}", "ok"),
        (f"<|im_start|>assistant{RIGHT}<|im_start|>assistant\nSorry.", "no_tool_call_block"),
        (f"{RIGHT}<tool_call>[]", "ok"),
    ],
)
def test_released_reads_the_last_closed_block_of_the_last_turn(completion, reason):
    assert score(completion, ground_truth=[CALL], reward="tool_n1/released@1").reason == reason


@pytest.mark.parametrize(
    ("ground_truth", "reason"),
    [
        (json.dumps(LIST), "no_tool_call_block"),
        (f"\n {json.dumps(LIST)}", "no_tool_call_block"),
        (json.dumps("["), "released_raises"),
        ("[", "released_raises"),
    ],
)
def test_released_raises_on_a_ground_truth_that_it_cannot_read_before_it_looks_at_the_completion(ground_truth, reason):
    task = TaskSource(tools=None, ground_truth=ground_truth.encode())
    [verdict] = Scorer().score_group(["Sorry."], task, find_reward("tool_n1/released@1"))
    assert verdict.reason == reason


@pytest.mark.parametrize("blanks", ["", "\n "])
@pytest.mark.parametrize("text", [LIST, json.dumps(LIST), json.dumps(json.dumps(LIST))])
def test_released_reads_a_ground_truth_out_of_up_to_two_strings(text, blanks):
    task = TaskSource(tools=None, ground_truth=f"{blanks}{text}".encode())
    [verdict] = Scorer().score_group([RIGHT], task, find_reward("tool_n1/released@1"))
    assert verdict.score == 1


PAID_BY_NEITHER = {
    "the right call, then a wrong one": (f"<think>t</think>{BLOCK}{WRONG}", "multiple_tool_call_blocks"),
    "only the opening think tag": (f"<think>t{BLOCK}", "think_unclosed"),
    "no think tags": (BLOCK, "think_missing"),
    "think tags in upper case": (f"<THINK>t</THINK>{BLOCK}", "think_missing"),
    "a marker at the very end": (f"{RIGHT}<|im_start|>assistant", "special_token_in_completion"),
    "arguments as a JSON string": (in_block('[{"name": "f", "arguments": "{}"}]'), "arguments_not_object"),
    "a string for a number": (in_block('[{"name": "f", "arguments": {"a": "1"}}]'), "arguments_wrong"),
    "true for 1": (in_block('[{"name": "f", "arguments": {"a": true}}]'), "arguments_wrong"),
    "the call repeated": (in_block(json.dumps([CALL, CALL])), "call_extra"),
    "a Cyrillic letter in the name": (in_block('[{"name": "\u0192", "arguments": {"a": 1}}]'), "tool_wrong"),
    "a zero-width space in the name": (in_block('[{"name": "f\u200b", "arguments": {"a": 1}}]'), "tool_wrong"),
    "a code fence": (in_block(f"```json\n{LIST}\n```"), "json_invalid"),
    "a byte order mark": (in_block(f"\ufeff{LIST}"), "json_invalid"),
    "a raw tab in a string": (in_block('[{"name": "f", "arguments": {"a": "\t"}}]'), "json_invalid"),
    "a block that is never closed": (f"<think>t</think><tool_call>{LIST}", "tool_call_unclosed"),
    "a tag inside the block": (in_block(f"<tool_call>{LIST}"), "json_invalid"),
    "JSON three times encoded": (in_block(json.dumps(json.dumps(LIST))), "not_calls"),
}


@pytest.mark.parametrize("case", PAID_BY_NEITHER)
def test_neither_pays(case):
    completion, reason = PAID_BY_NEITHER[case]
    assert score(completion, ground_truth=[CALL], reward="tool_n1/released@1").score == 0.0
    assert score(completion, ground_truth=[CALL]).reason == reason


PAID_BY_BOTH = {
    "a lone object": (in_block(json.dumps(CALL)), [CALL]),
    "keys in another order": (in_block('[{"arguments": {"a": 1}, "name": "f"}]'), [CALL]),
    "escapes": (in_block('[{"name": "\\u0066", "arguments": {"a": 1}}]'), [CALL]),
    "calls swapped": (
        in_block(json.dumps([{"name": "g", "arguments": {}}, CALL])),
        [CALL, {"name": "g", "arguments": {}}],
    ),
    "an end-of-turn token": (f"{RIGHT}<|im_end|>", [CALL]),
    "an empty list when no call is wanted": (in_block("[]"), []),
}


@pytest.mark.parametrize("case", PAID_BY_BOTH)
def test_both_pay(case):
    completion, expected = PAID_BY_BOTH[case]
    assert score(completion, ground_truth=expected, reward="tool_n1/released@1").score == 1.0
    assert score(completion, ground_truth=expected).score == 1.0


@pytest.mark.parametrize(
    ("case", "ground_truth", "released", "hardened"),
    [
        ("9007199254740993.0", 9007199254740992.0, 1.0, 1.0),
        ("9007199254740993.0", 9007199254740993, 0.0, 0.0),
        ("9007199254740993", 9007199254740992, 0.0, 0.0),
        ("1000000000000000000000", 1e21, 0.0, 1.0),
    ],
)
def test_large_numbers_are_equal_by_value_and_integers_exactly(case, ground_truth, released, hardened):
    completion = in_block(f'[{{"name": "f", "arguments": {{"a": {case}}}}}]')
    expected = [{"name": "f", "arguments": {"a": ground_truth}}]
    assert score(completion, ground_truth=expected, reward="tool_n1/released@1").score == released
    assert score(completion, ground_truth=expected).score == hardened


@pytest.mark.parametrize("constant", ["NaN", "1e400"])
def test_a_value_that_is_no_number_is_never_paid(constant):
    """Released holds NaN equal to NaN and 1e400 to Infinity; a task like that has no verdict here."""
    completion = in_block(f'[{{"name": "f", "arguments": {{"a": {constant}}}}}]')
    text = f'[{{"name": "f", "arguments": {{"a": {constant}}}}}]'
    assert score(completion, ground_truth=text, reward="tool_n1/released@1").score == 1.0
    assert score(completion, ground_truth=[CALL]).reason == "json_not_finite"


def test_the_worked_example_of_the_prompt_is_not_searched_for_a_call():
    """The completion alone is judged: a prompt that shows a call earns nothing for a policy that says hello."""
    assert score("hello", ground_truth=[CALL], reward="tool_n1/released@1").score == 0.0
    assert score("hello", ground_truth=[CALL]).reason == "think_missing"


@pytest.mark.parametrize(
    ("completion", "llama", "released", "hardened"),
    [
        ("<think>t</think>I can't do that.", 1.0, 0.0, 1.0),
        ("I can't do that.", 1.0, 0.0, 0.0),
        (in_block('"\\"\\""'), 1.0, 1.0, 0.0),
    ],
)
def test_when_no_call_is_wanted_the_released_scorers_disagree_with_one_another(completion, llama, released, hardened):
    assert score(completion, ground_truth=[], reward="tool_n1/llama@1").score == llama
    assert score(completion, ground_truth=[], reward="tool_n1/released@1").score == released
    assert score(completion, ground_truth=[]).score == hardened

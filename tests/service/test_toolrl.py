"""The rewards of ToolRL: what the published scorer gave, what the formulae say by hand, and what can't break them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall import Context, Scorer, TaskSource, UnsupportedCompletion, find_reward, score
from goodcall.rewards import toolrl
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import AssistantMessage
from suites import conformance_rows

PUBLISHED_AS = {
    "toolrl/default@1": "default",
    "toolrl/coarse@1": "coarse",
    "toolrl/refined@1": "refined",
    "toolrl/intermediate@1": "intermediate",
    "toolrl/equal_max@1": "correct_max1",
    "toolrl/two_stage@1": "two_stage",
    "toolrl/scheduled@1": "schedule_reward",
    "toolrl/length@1": "with_length",
    "toolrl/scheduled_length@1": "schedule_length",
}

F = {"name": "f", "parameters": {"a": 1, "b": "x"}}
G = {"name": "g", "parameters": {}}


def f(**parameters):
    return {"name": "f", "parameters": parameters}


def write(*calls, reasoning="t"):
    lines = "\n".join(call if isinstance(call, str) else json.dumps(call) for call in calls)
    return f"<think>{reasoning}</think>\n<tool_call>\n{lines}\n</tool_call>"


def points(completion, ground_truth, variant="default", step=0, **options):
    return score(
        completion, ground_truth=ground_truth, reward=f"toolrl/{variant}", context=Context(step=step), **options
    )


def test_every_variant_is_published_under_some_name():
    assert list(PUBLISHED_AS) == [reward.id for reward in toolrl.VARIANTS]


@pytest.mark.parametrize(("reward_id", "variant"), PUBLISHED_AS.items())
def test_the_published_scorer_is_agreed_with_on_every_case(reward_id, variant):
    scorer, reward, rows = Scorer(), find_reward(reward_id), conformance_rows("toolrl.jsonl.gz")
    disagreements = []
    for row in rows:
        task = TaskSource(tools=None, ground_truth=json.dumps(row["ground_truth"]).encode())
        [verdict] = scorer.score_group(
            [row["completion"]], task, reward, context=Context(step=row["step"]), explain=True
        )
        # The file keeps six decimals.
        if round(verdict.score, 6) != row["reference"][variant][0]:
            disagreements.append(row["id"])
        assert reward.low <= verdict.score <= reward.high
        assert (verdict.detail.stage == "done") == (verdict.reason == "ok")
    assert len(rows) == 1500
    assert disagreements == []


@pytest.mark.parametrize(
    ("made", "expected", "correctness"),
    [
        # (names + keys + values) / (1 + 1 + keys wanted), from -3 to 3.
        ([F], [F], 3.0),
        ([f(a=1, b="y")], [F], 6 * (1 + 1 + 1) / 4 - 3),
        ([f(a=1)], [F], 6 * (1 + 1 / 2 + 1) / 4 - 3),
        ([f(a=1, b="x", c=0)], [F], 6 * (1 + 2 / 3 + 2) / 4 - 3),
        ([{**F, "name": "h"}], [F], -3.0),
        ([F, F, F], [F], 6 * (1 / 3 + 1 + 2) / 4 - 3),
        ([G, F], [F, G], 3.0),
        ([F], [F, G], 6 * (1 / 2 + 3) / 5 - 3),
        ([{"name": "g", "parameters": {"z": 0}}], [G], 0.0),
    ],
)
def test_the_default_pays_a_share_of_names_keys_and_values(made, expected, correctness):
    verdict = points(write(*made), write(*expected))
    assert verdict.score == pytest.approx(1 + correctness, abs=1e-12)


@pytest.mark.parametrize(
    ("variant", "step", "right", "half", "nothing"),
    [
        # Right: form and call. Half: no form, of one call the value wrong. Nothing: neither.
        ("default", 0, 1 + 3, 0 + 6 * 2 / 3 - 3, 0 - 3),
        ("coarse", 0, 1 + 3, 0 - 3, 0 - 3),
        ("refined", 0, 1 + 3, 0 + 6 * 2 / 3 - 3, 0 - 3),
        ("intermediate", 0, 1 + 3, 0 + 6 * 1 / 2 - 3, 0 - 3),
        ("equal_max", 0, 1 + 1, 0 + 2 * 2 / 3 - 1, 0 - 1),
        ("two_stage", 29, 1 + 1, 0 + 2 * 2 / 3 - 1, 0 - 1),
        ("two_stage", 30, 0.5 + 3, 0 + 6 * 2 / 3 - 3, 0 - 3),
        ("scheduled", 0, 2 + 2, -2 + 4 * 2 / 3 - 2, -2 - 2),
        ("scheduled", 75, 1.5 + 2.5, -1 + 5 * 2 / 3 - 2.5, -1 - 2.5),
        ("scheduled", 150, 1 + 3, -1 + 6 * 2 / 3 - 3, -1 - 3),
        ("scheduled", 10**400, 1 + 3, -1 + 6 * 2 / 3 - 3, -1 - 3),
    ],
)
def test_a_variant_pays_by_its_own_formula(variant, step, right, half, nothing):
    expected = write(f(a=1))
    scores = [
        points(completion, expected, variant, step).score
        for completion in (expected, write(f(a=2)) + " so", "No tool fits.")
    ]
    assert scores == pytest.approx([right, half, nothing], abs=1e-12)


@pytest.mark.parametrize(
    ("variant", "step", "words", "length"),
    [
        ("length", 0, 0, 0.0),
        ("length", 0, 128, 0.25),
        ("length", 0, 512, 1.0),
        ("length", 0, 5000, 1.0),
        ("scheduled_length", 0, 96, 0.25),
        ("scheduled_length", 0, 384, 1.0),
        ("scheduled_length", 105, 160, 0.25),
        ("scheduled_length", 210, 448, 0.5),
        ("scheduled_length", 10_500, 13_123, 0.51),
        ("scheduled_length", 10**400, 448, 0.0),
    ],
)
def test_reasoning_is_paid_by_its_words(variant, step, words, length):
    completion = write(F, reasoning="word " * words)
    verdict = points(completion, write(F), variant, step)
    assert (verdict.score, verdict.reason) == (4 + length, "ok" if length == 1 else "reasoning_short")


@pytest.mark.parametrize("completion", ["no tags", "only <think>", "only </think>"])
def test_without_both_think_tags_length_earns_nothing(completion):
    assert points(completion, write(F), "length").score == -3


def test_the_words_of_the_last_think_block_count():
    blocks = f"<think>{'word ' * 512}</think><think>{'word ' * 256}</think>{'word ' * 512}</think>"
    assert points(blocks, [], "length").score == 0.5


@pytest.mark.parametrize("variant", ["two_stage", "scheduled", "scheduled_length"])
def test_a_scheduled_reward_asks_for_the_step(variant):
    assert "context.step" in find_reward(f"toolrl/{variant}").needs


CALL = st.fixed_dictionaries(
    {
        "name": st.sampled_from("fg"),
        "parameters": st.dictionaries(st.sampled_from("abc"), st.sampled_from([0, 1, True, "x", 1.5, [1], {"k": 0}])),
    }
)
CALLS = st.lists(CALL, min_size=1, max_size=4)
VARIANTS = st.sampled_from(toolrl.VARIANTS)
STEPS = st.integers(0, 400)
FRAGMENTS = st.sampled_from(
    [
        *("<think>", "</think>", "<tool_call>", "</tool_call>", "<response>", "</response>", "\n", "t", " "),
        *(json.dumps(F), json.dumps(G), '{"name": ["f"], "parameters": {}}', '{"name": "f"}', "NaN", "[]", '"\\ud800"'),
        *("<|im_end|>", "<|im_start|>assistant", "<|eot_id|>"),
    ]
)


@given(st.lists(FRAGMENTS).map("".join) | st.text(), CALLS | st.just([]), VARIANTS, STEPS, st.booleans())
def test_any_text_gets_points_within_the_range(completion, calls, reward, step, as_text):
    expected = [{"name": call["name"], "arguments": call["parameters"]} for call in calls]
    ground_truth = write(*calls) if as_text and calls else expected
    verdict = score(completion, ground_truth=ground_truth, reward=reward.id, context=Context(step=step), explain=True)
    assert reward.low <= verdict.score <= reward.high
    json.dumps(verdict.detail.got, ensure_ascii=False).encode()


@given(CALLS, CALLS, VARIANTS, STEPS)
def test_points_never_leave_the_range_and_the_expected_calls_earn_the_most(made, expected, reward, step):
    variant = reward.name.partition("/")[2]
    verdict = points(write(*made), write(*expected), variant, step, explain=True)
    best = points(write(*expected), write(*expected), variant, step)
    assert reward.low <= verdict.score <= best.score <= reward.high


@given(CALLS.flatmap(lambda calls: st.tuples(st.just(calls), st.permutations(calls))))
def test_where_the_order_of_calls_plays_no_part_any_order_earns_all(calls_and_permutation):
    calls, permutation = calls_and_permutation
    for variant in ("default", "intermediate", "equal_max"):
        verdict = points(write(*permutation), write(*calls), variant)
        assert verdict == points(write(*calls), write(*calls), variant)


@given(CALLS, st.sampled_from(["text", "list"]))
def test_a_list_of_calls_stands_for_the_answer_text(made, form):
    expected = write(F, G) if form == "text" else [{"name": c["name"], "arguments": c["parameters"]} for c in (F, G)]
    assert points(write(*made), expected) == points(write(*made), write(F, G))


def test_messages_are_refused():
    reward = toolrl.DEFAULT
    with pytest.raises(UnsupportedCompletion):
        score(AssistantMessage(content="x"), ground_truth=[], reward=reward.id)
    task = reward.prepare(TaskSource(tools=None, ground_truth=b"[]"), ToolCompiler())
    with pytest.raises(UnsupportedCompletion, match="toolrl/default@1 judges text"):
        reward.judge(AssistantMessage(), task, Context())


def verdict_on_bytes(ground_truth):
    [verdict] = Scorer().score_group(
        [write(F)], TaskSource(tools=None, ground_truth=ground_truth), toolrl.DEFAULT, explain=True
    )
    return verdict


LINES, PARTS = "a call as JSON object on each line", "calls with a name and parameters"


@pytest.mark.parametrize(
    ("ground_truth", "pointer", "expected"),
    [
        (b'"<tool_call>\\n\\n</tool_call>"', "", LINES),
        (b'"<tool_call>[]"', "", LINES),
        (b'"<tool_call>\\n{}\\n</tool_call>"', "", LINES),
        (b'"<tool_call>\\n{\\"name\\": 1, \\"parameters\\": {}}\\n</tool_call>"', "", PARTS),
        (b'"<tool_call>\\n{\\"name\\": \\"f\\", \\"parameters\\": []}\\n</tool_call>"', "", PARTS),
        (b'"\\ud800"', "", "strict JSON"),
        (b'"\xff"', "", "strict JSON"),
        (b'"never closed', "", "strict JSON"),
        (b'[{"name": "f", "parameters": {}}]', "/0", "name and arguments"),
        (b"null", "", "a list of calls"),
    ],
)
def test_a_ground_truth_that_cannot_be_read_gives_no_verdict(ground_truth, pointer, expected):
    verdict = verdict_on_bytes(ground_truth)
    assert (verdict.score, verdict.reason) == (None, "ground_truth_malformed")
    assert (verdict.detail.pointer, verdict.detail.expected) == (pointer, expected)


def test_blanks_around_the_json_of_an_answer_text_change_nothing():
    assert verdict_on_bytes(f" \n{json.dumps(write(F))}\n".encode()).score == 4


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        ("  ^no reasoning", "think_missing"),
        (" ^<think>t", "think_unclosed"),
        (write(F) + "\n^" + "<tool_call>", "tag_repeated"),
        (write(F) + "\n^" + "<tool_call><tool_call>", "tag_repeated"),
        ("<think>^t</think> <tool_call>\n</tool_call>", "layout_wrong"),
        ("<think>t</think>\n<tool_call>\n^" + json.dumps(F) + "\n</tool_call> so", "layout_wrong"),
        ("<think>t</think>\n<tool_call>\n^</tool_call>", "layout_wrong"),
        (write(G, '{"name": ^f}'), "json_invalid"),
        (write(G, '{"name": "f", "parameters": {"a": ^' + "1" * 4301 + "}}"), "json_number_too_long"),
        (write(G, "[" * 64 + "^[" + "]" * 65), "json_too_deep"),
        (write(G, "[" * 64 + "^" + "[" * 5000), "json_too_deep"),
        (write(G, "^5"), "call_not_object"),
        (write(G, "^{}"), "call_key_missing"),
        (write(G, '^{"name": "f"}'), "call_key_missing"),
        (write(G, '{"name": "f", "parameters": ^[]}'), "arguments_not_object"),
        (write(G, '{"name": ^["f"], "parameters": {}}'), "name_not_string"),
        (write(G, '{"name": ^7, "parameters": {}}'), "name_not_string"),
        (write('{"name": ^"h", "parameters": {}}'), "tool_wrong"),
        (write('{"name": "f", "parameters": {"b": ^"y", "a": 1}}'), "arguments_wrong"),
        (write('{"name": "f", "parameters": {"b": ^"\\ud800", "a": 1}}'), "arguments_wrong"),
        (write('{"name": "f", "parameters": ^{"a": 1}}'), "arguments_wrong"),
        (write(F, "^" + json.dumps(G)), "call_extra"),
    ],
)
@pytest.mark.parametrize("prefix_length", [0, 2])
def test_a_fault_is_pointed_at(marked, reason, prefix_length):
    text = marked.replace("^", "")
    options = {"assistant_prefix": text[:prefix_length], "explain": True}
    verdict = points(text[prefix_length:], write(F), **options)
    assert (verdict.reason, verdict.detail.offset) == (reason, max(marked.index("^") - prefix_length, 0))


@pytest.mark.parametrize(
    ("made", "expected", "variant", "reason", "place"),
    [
        ([f(a=1, b="y")], [F], "default", "arguments_wrong", ("/0/parameters/b", '"x"', '"y"')),
        ([G, f(a=2, b="x")], [F, G], "default", "arguments_wrong", ("/1/parameters/a", "1", "2")),
        ([{"name": "f"}], [F], "intermediate", "arguments_wrong", ("/0/parameters", '{"a": 1, "b": "x"}', "null")),
        (
            *([{**F, "id": 7}], [F], "coarse", "call_key_unexpected"),
            ("/0", "name and parameters only", '["name", "parameters", "id"]'),
        ),
        (["5"], [F], "default", "call_not_object", ("/0", "an object", "5")),
        (["{}"], [F], "default", "call_key_missing", ("/0", "name and parameters", "[]")),
        ([{"name": ["f"], "parameters": {}}], [F], "default", "name_not_string", ("/0/name", "a string", '["f"]')),
        ([G, {"name": 7, "parameters": {}}], [F], "default", "name_not_string", ("/1/name", "a string", "7")),
        ([{"name": "f"}], [F], "default", "call_key_missing", ("/0", "name and parameters", '["name"]')),
        (
            *([{"name": "f", "parameters": []}], [F], "default", "arguments_not_object"),
            ("/0/parameters", "an object", "[]"),
        ),
        ([G, F], [F, G], "refined", "call_order_wrong", (None, None, None)),
        ([F], [F, G], "default", "call_missing", (None, "2 calls", "1 call")),
        ([f(**{"\ud800": 1})], [F], "default", "arguments_wrong", ("/0/parameters/a", "1", None)),
    ],
)
def test_a_shortfall_is_pointed_at(made, expected, variant, reason, place):
    verdict = points(write(*made), write(*expected), variant, explain=True)
    detail = verdict.detail
    assert verdict.reason == reason
    assert (detail.pointer, detail.expected, detail.got) == place


@pytest.mark.parametrize("call", ['{"name": f}', '{"name": "f", "parameters": {"a": 2}}'])
def test_a_fault_inside_the_prefix_is_at_the_start_of_the_completion(call):
    assert points("", write(F), assistant_prefix=write(call), explain=True).detail.offset == 0


def test_calls_and_a_response_must_come_in_their_order():
    form = "<think>\n</tool_call>\n<response></think>\n<tool_call>\n^</response>"
    verdict = points(form.replace("^", ""), write(F) + "\n<response>r</response>", explain=True)
    assert (verdict.reason, verdict.detail.offset) == ("layout_wrong", form.index("^"))


@pytest.mark.parametrize(
    ("completion", "score"),
    [
        (f"<|im_start|>assistant\n{write(F)}", 4),
        (f"<|start_header_id|>assistant<|end_header_id|>\n\n{write(F)}<|eot_id|>", 4),
        (f"{write(G)}<|im_end|>\n<|im_start|>assistant\n{write(F)}<|im_end|>\n", 4),
        (f"<|im_start|>assistant{write(G)}<|im_start|>assistant{write(F)}", 4),
        (f"{write(F)}<|im_end|>\nand more<|im_end|>", 4),
        (f"<|im_end|>{write(F)}", -3),
    ],
)
def test_the_last_turn_is_read_up_to_its_end(completion, score):
    assert points(completion, write(F)).score == score


SIZE = 200_000


@pytest.mark.parametrize(
    "completion",
    [
        "<tool_call>" * (SIZE // 11),
        "<think>" * (SIZE // 7),
        "<think></think>\n<tool_call>\n" + "\n" * SIZE,
        "<think>" + "</think>\n" * (SIZE // 9) + "</tool_call>",
        "<|im_start|>assistant" * (SIZE // 21),
        " " * SIZE + "x",
        "x" + " " * SIZE,
        write("[" * SIZE),
        write('{"name": "f", "parameters": {"a": ' + "1" * SIZE + "}}"),
        write(*["{}"] * (SIZE // 3)),
        write(*[f(a=1)] * (SIZE // 45)),
        write(*[f(a=number, b="x") for number in range(SIZE // 50)]),
        write({"name": "f", "parameters": {str(number): number for number in range(SIZE // 16)}}),
    ],
)
@pytest.mark.parametrize("reward", toolrl.VARIANTS)
def test_completions_made_to_be_slow_come_to_an_end(completion, reward):
    expected = write(*[f(a=-number, c=number) for number in range(20)])
    verdict = points(completion, expected, reward.name.partition("/")[2], explain=True)
    assert reward.low <= verdict.score <= reward.high


def test_calls_beyond_the_bound_are_not_matched_but_count_among_the_names():
    wrong = f(a=2)
    within = write(*[wrong] * (toolrl.MAX_MATCHED_CALLS - 1), f(a=1))
    beyond = write(*[wrong] * toolrl.MAX_MATCHED_CALLS, f(a=1))
    assert points(within, write(f(a=1))).score == pytest.approx(1 + 6 * (1 / 1024 + 2) / 3 - 3)
    assert points(beyond, write(f(a=1))).score == pytest.approx(1 + 6 * (1 / 1025 + 1) / 3 - 3)

"""The compiled judge: what it is sure of is what Python answers, and it is sure nearly always."""

import copy
import json
import os
import shutil
import sys
import sysconfig
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import make_corpus, make_late_corpus
from generated import generate
from goodcall import Scorer, TaskSource, find_reward, native
from goodcall.errors import UnusableTask
from goodcall.rewards import tool_n1
from goodcall.strict_json import JSONFault, loads
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import NO_CONTEXT
from suites import golden_cases, suite

HARDENED = find_reward("tool_n1/hardened@1")
CASES = 20_000
PARTS = 4
MAX_BYTES = 1 << 20
REASONINGS = ("a", "é", "€", "\U0001f600")
"""The widest character of a str decides how Python stores it."""
CALL = {"name": "f", "arguments": {"a": [1, -2.5e3, 'x"\\\n\u00e9', True, False, None], "b": {"c": {}, "d": []}}}

keys = st.text(max_size=3)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=4),
    max_leaves=15,
)
PIECES = (
    *'{ } [ ] , : " "a" \\ \\u d83d \\ude00 - 0 1 .5 e + 1e309 true fals null NaN Infinity'.split(),  # noqa: SIM905
    *(" ", "\n", "\x00", "\x1f", "\xa0", "\u2028", "\ud800", "\U0001f600"),
    *("</tool_call>", "<", '"name":', '"arguments":', "9" * 18, "9" * 64, "[" * 64, "]" * 64),
)
pieces = st.lists(st.sampled_from(PIECES)).map("".join)
calls = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("fg"), "arguments": st.dictionaries(keys, json_values, max_size=3)}),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def judge_group():
    """The compiled judge; where there is a compiler, CI must have built it."""
    if native.judge_group is None:
        if os.environ.get("CI") and shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]):
            pytest.fail("there is a C compiler, but goodcall._native was not built")
        pytest.skip("goodcall._native was not built here")
    return native.judge_group


def prepare(tools, ground_truth):
    source = TaskSource(tools=tools and tools.encode(), ground_truth=ground_truth.encode())
    return tool_n1.prepare_hardened(source, ToolCompiler())


def expecting(expected):
    """A task without tools."""
    return prepare(None, json.dumps(expected))


def write(body, reasoning="a"):
    return f"<think>{reasoning}</think><tool_call>{body}</tool_call>"


def gist(verdict):
    return verdict.score, verdict.reason


def sure_of(judge_group, texts, task):
    """How many texts the compiled judge is sure of; they must have Python's verdicts."""
    task = replace(task, compiled=task.compiled._replace(known={}))
    compiled, doubts = judge_group(texts, MAX_BYTES, task.compiled, tool_n1._VERDICTS)
    verdicts, _ = tool_n1.judge_hardened_group(texts, MAX_BYTES, task, NO_CONTEXT)
    wrong = [
        (text, gist(sure), gist(verdict))
        for text, sure, verdict in zip(texts, compiled, verdicts, strict=True)
        if sure is not None and gist(sure) != gist(verdict)
    ]
    assert wrong == []
    assert doubts == [index for index, sure in enumerate(compiled) if sure is None]
    return len(texts) - len(doubts)


def expecting_nothing_of(is_valid):
    """What the compiled judge knows of a task with a tool ``f`` and a call of it that nobody makes."""
    return native.NativeTask(known={}, validators={"f": is_valid}, names=("f",), arguments=({},))


def decoded(judge_group, text):
    """The arguments that the compiled judge read from a JSON text, in a list; an empty list where it did not."""
    seen = []
    body = f'{{"name": "f", "arguments": {{"x": {text}}}}}'
    judge_group([write(body)], MAX_BYTES, expecting_nothing_of(seen.append), tool_n1._VERDICTS)
    return seen


@pytest.mark.parametrize(
    "case",
    # Messages are judged one by one.
    [case for case in golden_cases(HARDENED.id) if isinstance(case["completion"], str)],
    ids=lambda case: case["id"],
)
def test_a_golden_case_gets_the_same_by_every_way(case):
    in_doubt = replace(HARDENED, judge_group=partial(tool_n1.judge_hardened_group_by, native.doubt_group))
    one_by_one = replace(HARDENED, judge_group=None)
    task = TaskSource(
        tools=json.dumps(case["tools"]).encode() if "tools" in case else None,
        ground_truth=json.dumps(case["ground_truth"]).encode(),
    )
    for reward in (HARDENED, in_doubt, one_by_one):
        [verdict] = Scorer().score_group(
            [case["completion"]], task, reward, assistant_prefix=case.get("assistant_prefix", "")
        )
        assert (verdict.score, verdict.reason) == (case["score"], case["reason"])


@pytest.mark.parametrize("part", range(PARTS))
def test_it_never_differs_on_the_generated_completions(judge_group, part):
    sure = usable = 0
    for seed in range(part, CASES, PARTS):
        case = generate(seed)
        try:
            task = prepare(case.tools, case.ground_truth)
        except UnusableTask:
            continue
        sure += sure_of(judge_group, [case.completion], task)
        usable += 1
    assert sure / usable > 0.4


@pytest.mark.parametrize("corpus", [make_corpus, make_late_corpus])
def test_it_is_sure_of_what_policies_write(judge_group, corpus):
    sure = total = 0
    for task in corpus(tasks=150):
        prepared = prepare(task.tools.decode(), task.ground_truth.decode())
        sure += sure_of(judge_group, task.completions, prepared)
        total += len(task.completions)
    assert sure / total > 0.98


@given(json_values, st.booleans(), st.sampled_from([None, 1]))
def test_what_it_reads_it_reads_exactly(judge_group, value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    for arguments in decoded(judge_group, text):
        assert repr(arguments) == repr({"x": loads(text)})


@given(pieces)
def test_it_reads_nothing_that_is_refused(judge_group, text):
    for arguments in decoded(judge_group, text):
        assert repr(arguments) == repr(loads(f'{{"x": {text}}}'))


@pytest.mark.parametrize("reasoning", REASONINGS)
@given(body=pieces)
def test_it_never_differs_on_what_is_nearly_json(judge_group, reasoning, body):
    wrapped = json.dumps([CALL]).replace("true", body)
    sure_of(judge_group, [write(body, reasoning), write(wrapped, reasoning), body], expecting([CALL]))


@pytest.mark.parametrize("reasoning", REASONINGS)
@pytest.mark.parametrize("expected", [[], [CALL], [CALL, CALL]])
def test_it_never_differs_on_a_completion_that_breaks_off_or_lacks_a_character(judge_group, reasoning, expected):
    whole = write(json.dumps([CALL]), reasoning) + "<|im_end|>\n"
    places = range(len(whole))
    texts = [whole[:end] for end in places] + [whole[:at] + whole[at + 1 :] for at in places]
    bodies = [write(json.dumps(CALL)[:end], reasoning) for end in places]
    assert sure_of(judge_group, texts + bodies, expecting(expected)) > 100


def test_it_reads_what_the_json_parsing_suite_requires_and_nothing_that_it_forbids(judge_group):
    sure = 0
    for path in (suite("json_parsing") / "test_parsing").glob("*.json"):
        text = path.read_bytes().decode(errors="surrogateescape")
        try:
            value = loads(text)
        except JSONFault:
            assert decoded(judge_group, text) == [], path.name
        else:
            seen = decoded(judge_group, text)
            assert seen == [] or repr(seen) == repr([{"x": value}]), path.name
            sure += len(seen)
        sure_of(judge_group, [write(text)], expecting([CALL]))
    assert sure > 80


@given(calls, calls, st.randoms())
def test_it_never_differs_on_whether_calls_are_the_expected_ones(judge_group, made, expected, random):
    shuffled = copy.deepcopy(expected)
    random.shuffle(shuffled)
    rewritten = json.loads(json.dumps(shuffled), parse_int=lambda digits: int(digits) % 2 == 1 or float(digits))
    texts = [write(json.dumps(some)) for some in (made, expected, shuffled, shuffled[1:], rewritten, made[0])]
    sure_of(judge_group, texts, expecting(expected))


def test_order_and_spelling_play_no_part_but_true_is_not_1(judge_group):
    def f(value):
        return {"name": "f", "arguments": {"a": value}}

    texts = [write(json.dumps(some)) for some in ([f(2.0), f(1)], [f(1), f(1)], [f(True), f(2)], [f(1), f("2")])]
    sure, _ = judge_group(texts, MAX_BYTES, expecting([f(1), f(2)]).compiled, tool_n1._VERDICTS)
    assert [verdict.score for verdict in sure] == [1, 0, 0, 0]


@pytest.mark.parametrize("wrong", [{"a": 1}, {"a": "1"}, {}])
def test_it_counts_many_calls_once_all_are_checked(judge_group, wrong):
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}]
    many = [{"name": "f", "arguments": {"a": number}} for number in range(40)]
    many.append({"name": "f" if wrong else "g", "arguments": wrong})
    task = prepare(json.dumps(tools), json.dumps(many[:30]))
    assert sure_of(judge_group, [write(json.dumps(some)) for some in (many, many[:29], many[:31])], task) == 3


@pytest.mark.parametrize(("count", "sure"), [(16, 1), (17, 0)])
def test_it_leaves_many_calls_to_python(judge_group, count, sure):
    many = [{"name": "f", "arguments": {"a": number}} for number in range(count)]
    assert sure_of(judge_group, [write(json.dumps(many[::-1]))], expecting(many)) == sure


@pytest.mark.parametrize(("depth", "sure"), [(61, 1), (62, 0)])
def test_it_leaves_deep_calls_to_python(judge_group, depth, sure):
    call = json.dumps([{"name": "f", "arguments": {"a": 1}}]).replace("1", "[" * depth + "]" * depth)
    assert sure_of(judge_group, [write(call)], expecting([CALL])) == sure


def test_a_block_that_was_judged_is_not_read_again(judge_group):
    body = json.dumps([CALL])
    compiled = expecting([]).compiled
    known = compiled._replace(known={body: tool_n1._RIGHT})
    [verdict], _ = judge_group([write(f"\n{body} ")], MAX_BYTES, known, tool_n1._VERDICTS)
    assert verdict is tool_n1._RIGHT

    asked = []
    judge_group(
        [write(f" {body}"), write(f"{body}\n")] * 3, MAX_BYTES, expecting_nothing_of(asked.append), tool_n1._VERDICTS
    )
    assert asked == [CALL["arguments"]]
    assert compiled.known == {}


def test_what_is_the_same_as_a_valid_call_is_not_shown_to_the_validator(judge_group):
    asked = []
    task = expecting([CALL]).compiled._replace(known={}, validators={"f": asked.append})
    texts = [
        write(json.dumps([CALL], indent=1)),
        write(json.dumps([{**CALL, "arguments": CALL["arguments"] | {"a": 1.0}}])),
    ]
    [same, other], _ = judge_group(texts, MAX_BYTES, task, tool_n1._VERDICTS)
    assert (same.reason, other.reason) == ("ok", "arguments_invalid")
    assert [arguments["a"] for arguments in asked] == [1.0]


def test_a_draft_that_tells_1_from_1_0_is_asked(judge_group):
    tools = json.dumps(
        [
            {
                "name": "f",
                "parameters": {
                    "$schema": "http://json-schema.org/draft-04/schema#",
                    "type": "object",
                    "properties": {"a": {"type": "integer"}},
                },
            }
        ]
    )
    task = prepare(tools, json.dumps([{"name": "f", "arguments": {"a": 1}}]))
    assert sure_of(judge_group, [write('[{"name": "f", "arguments": {"a": 1.0}}]')], task) == 1


class Text(str):
    """A str that is none to those who look closely."""

    __slots__ = ()


@pytest.mark.parametrize("text", [None, b"<think>", 1, Text("<think>")])
def test_what_is_no_plain_str_is_in_doubt(judge_group, text):
    assert judge_group([text], MAX_BYTES, expecting([CALL]).compiled, tool_n1._VERDICTS) == ([None], [0])


@pytest.mark.parametrize(("character", "most"), [("a", 24), ("é", 12), ("€", 8), ("\U0001f600", 6)])
def test_what_could_be_longer_than_it_may_be_is_in_doubt(judge_group, character, most):
    verdicts, doubts = judge_group(
        [character * most, character * (most + 1)], 24, expecting([CALL]).compiled, tool_n1._VERDICTS
    )
    assert [verdict and verdict.reason for verdict in verdicts] == ["think_missing", None]
    assert doubts == [1]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (["a"], 1, ({}, None, (), ())),
        (["a"], 1, ({}, None, (), ()), tool_n1._VERDICTS, 1),
        (1, 1, ({}, None, (), ()), tool_n1._VERDICTS),
        (["a"], None, ({}, None, (), ()), tool_n1._VERDICTS),
        (["a"], 1, [{}, None, (), ()], tool_n1._VERDICTS),
        (["a"], 1, ({}, None, ()), tool_n1._VERDICTS),
        (["a"], 1, (None, None, (), ()), tool_n1._VERDICTS),
        (["a"], 1, ({}, [], (), ()), tool_n1._VERDICTS),
        (["a"], 1, ({}, None, [], ()), tool_n1._VERDICTS),
        (["a"], 1, ({}, None, (), []), tool_n1._VERDICTS),
        (["a"], 1, ({}, None, ("f",), ()), tool_n1._VERDICTS),
        (["a"], 1, ({}, None, (), ()), ()),
        (["a"], 1, ({}, None, (), ()), [*tool_n1._VERDICTS]),
    ],
)
def test_a_task_that_does_not_fit_together_is_an_error(judge_group, arguments):
    with pytest.raises(TypeError):
        judge_group(*arguments)


def test_a_length_beyond_all_lengths_is_an_error(judge_group):
    with pytest.raises(OverflowError):
        judge_group([], 1 << 64, expecting([]).compiled, tool_n1._VERDICTS)


def test_what_a_validator_raises_is_raised(judge_group):
    def is_valid(_):
        raise LookupError("the schema is gone")

    texts = [write(json.dumps(CALL))]
    with pytest.raises(LookupError, match="the schema is gone"):
        judge_group(texts, MAX_BYTES, expecting_nothing_of(is_valid), tool_n1._VERDICTS)


def test_it_keeps_nothing(judge_group):
    task = expecting([CALL, CALL])
    texts = [write(json.dumps(some)) for some in (CALL, [CALL, CALL], [CALL, {**CALL, "name": "g"}], CALL | {"id": 1})]
    texts += [text[:end] for text in texts for end in range(len(text))] + [write(text[40:80]) for text in texts]

    def blocks_after(rounds):
        for _ in range(rounds):
            judge_group(texts, MAX_BYTES, task.compiled, tool_n1._VERDICTS)
        return sys.getallocatedblocks()

    before = blocks_after(3)
    assert blocks_after(50) - before < 500


def test_its_outcomes_are_verdicts_of_python():
    assert [gist(verdict) for verdict in tool_n1._VERDICTS] == [
        (float(reason == "ok"), reason) for reason in native.OUTCOMES
    ]

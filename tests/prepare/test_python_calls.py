"""The grammar of ToolACE's calls."""

import json
import re
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall_trainer.prepare.found import Reason, Unreadable
from goodcall_trainer.prepare.python_calls import read_python_calls, read_python_value
from goodcall_trainer.prepare.released_parser import reads_as_written, released_calls, takes_for_calls

NAMES = st.sampled_from(["f", "Get Weather", "a/b.c", "What's on?", "x-y|z", "n: 1", "münze", "_"])
PARAMETERS = st.text(string.ascii_letters + "_", min_size=1, max_size=3)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
CALLS = st.lists(
    st.fixed_dictionaries({"name": NAMES, "arguments": st.dictionaries(PARAMETERS, VALUES, max_size=3)}),
    min_size=1,
    max_size=3,
)


def written(calls, write):
    texts = (
        f"{call['name']}({', '.join(f'{name}={write(value)}' for name, value in call['arguments'].items())})"
        for call in calls
    )
    return f"[{', '.join(texts)}]"


def exactly(value):
    """1, 1.0 and true are equal in Python; their texts are not."""
    return json.dumps(value, sort_keys=True)


@given(CALLS, st.sampled_from([repr, json.dumps, lambda value: json.dumps(value, ensure_ascii=False)]))
def test_calls_written_in_either_language_are_read_back(calls, write):
    assert exactly(list(read_python_calls(written(calls, write)).calls)) == exactly(calls)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('[f(a="x (y) z", b=2)]', {"a": "x (y) z", "b": 2}),
        ("[f(a=true, b=False, c=null, d=None)]", {"a": True, "b": False, "c": None, "d": None}),
        ("[f(a=(1, 2), b=(1), c=(1,), d=())]", {"a": [1, 2], "b": 1, "c": [1], "d": []}),
        ("[ f ( a = [ 1 , ] , ) , ]", {"a": [1]}),
        ('[f(a="it\'s", b=\'say "hi, (you)"\')]', {"a": "it's", "b": 'say "hi, (you)"'}),
        (r'[f(a="q\"uote\", b", b="\u00e9\n\x41\d\/\ud83d\ude00")]', {"a": 'q"uote", b', "b": "é\nA\\d/\U0001f600"}),
        ('[f(a="line\nbreak")]', {"a": "line\nbreak"}),
        ("[f(a=-1.5e3, b=+7, c=1., d=10000000000000000001)]", {"a": -1500.0, "b": 7, "c": 1.0, "d": 10**19 + 1}),
        ("[f(a={'k': [{\"n\": 1}]})]", {"a": {"k": [{"n": 1}]}}),
        ("[f()]", {}),
        ("[f(a b=1)]", {"a b": 1}),
    ],
)
def test_a_call_is_read_as_it_is_written(text, arguments):
    [call] = read_python_calls(text).calls
    assert call["name"] == "f"
    assert exactly(call["arguments"]) == exactly(arguments)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[f(g(x=1))]", Reason.CALL_NESTED),
        ("[f(a=g(x=1))]", Reason.CALL_NESTED),
        ("[f(1, 2)]", Reason.ARGUMENT_POSITIONAL),
        ('[f("x")]', Reason.ARGUMENT_POSITIONAL),
        ("[f([1])]", Reason.ARGUMENT_POSITIONAL),
        ("[f(a=2024-01-01)]", Reason.VALUE_UNQUOTED),
        ("[f(a=Oslo)]", Reason.VALUE_UNQUOTED),
        ("[f(a=NaN)]", Reason.VALUE_UNQUOTED),
        ("[f(a=007)]", Reason.VALUE_UNQUOTED),
        ("[f(a=1e999)]", Reason.CALLS_UNREADABLE),
        (f"[f(a={'9' * 5000})]", Reason.CALLS_UNREADABLE),
        ("[f(a=1, a=2)]", Reason.CALLS_UNREADABLE),
        ("[f(a={'k': 1, 'k': 2})]", Reason.CALLS_UNREADABLE),
        ("[f(a={k: 1})]", Reason.CALLS_UNREADABLE),
        ('[f(a="x)]', Reason.CALLS_UNREADABLE),
        (r'[f(a="\ud83d")]', Reason.CALLS_UNREADABLE),
        (r'[f(a="\U00110000")]', Reason.CALLS_UNREADABLE),
        ("[f(a=)]", Reason.CALLS_UNREADABLE),
        ("[f(a=", Reason.CALLS_UNREADABLE),
        ("[f(a=1) g(b=1)]", Reason.CALLS_UNREADABLE),
        ("[f(a=1)] and more", Reason.CALLS_UNREADABLE),
        ("[f(a=1)", Reason.CALLS_UNREADABLE),
        ("f(a=1)", Reason.CALLS_UNREADABLE),
        ("[f]", Reason.CALLS_UNREADABLE),
        ("[(a=1)]", Reason.CALLS_UNREADABLE),
        ("['f'(a=1)]", Reason.CALLS_UNREADABLE),
        ("[]", Reason.CALLS_UNREADABLE),
        ("", Reason.CALLS_UNREADABLE),
        (f"[f(a={'[' * 65}{']' * 65})]", Reason.CALLS_UNREADABLE),
        (f"[f(a={'[' * 100_000}", Reason.CALLS_UNREADABLE),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_list_of_calls_has_a_reason(text, reason):
    with pytest.raises(Unreadable) as raised:
        read_python_calls(text)
    assert raised.value.reason is reason


def test_the_name_of_an_offered_tool_may_hold_anything():
    offered = ["Points (January)", "Points", "a, b"]
    calls = read_python_calls("[Points (January)(x=1), Points(x=2), a, b (x=3)]", offered).calls
    assert [call["name"] for call in calls] == ["Points (January)", "Points", "a, b"]


@pytest.mark.parametrize(
    ("text", "expected"), [('[f(a="x)")]', True), ("[f(a=[{'k': ')'}])]", True), ("[f(a=(1, 2))]", False)]
)
def test_a_parenthesis_in_a_string_is_noticed(text, expected):
    assert read_python_calls(text).has_parenthesis_in_string is expected


@pytest.mark.parametrize("piece", ["[", "f(a=", '"', "\\", "f(a=1),", "'", "{", "(", " ", "x", "1"])
def test_no_text_takes_more_than_linear_time(piece):
    started = time.process_time()
    with pytest.raises(Unreadable):
        read_python_calls("[f(a=" + piece * 200_000)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("text", ["", "{", "{'a': 1} x", "Oslo", "f(x=1)"])
def test_a_value_is_one_literal_and_nothing_else(text):
    with pytest.raises(Unreadable):
        read_python_value(text)


# What the parser released with Tool-N1 makes of calls.


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('[f(a="x (y) z", b=2)]', [("f", {"a": "x (y"})]),
        ("[f(a=true)]", [("f", {"a": "true"})]),
        ("[f(1, 2)]", [("f", {})]),
        ("[a/b(c=1)]", [("b", {"c": 1})]),
        ("[f(a=2024-01-01)]", [("f", {"a": "2024-01-01"})]),
        ("[f(a=[1, (2)])]", [("f", {"a": "[1, (2"})]),
        ("[f(a=[1, 2], b={'k': 3}), g h(c=None)]", [("f", {"a": [1, 2], "b": {"k": 3}}), ("g h", {"c": None})]),
    ],
)
def test_the_released_parser_is_described_with_its_oddities(text, calls):
    assert [(call["name"], call["arguments"]) for call in released_calls(text)] == calls


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('[f(a="x (y) z", b=2)]', False),
        ("[f(a=true)]", False),
        ("[f(a=True, b=[1, 2])]", True),
        ("[f(b=(1, 2))]", False),
        ("[f(a=1.0)]", True),
    ],
)
def test_the_released_parser_corrupts_what_it_reads_otherwise(text, same):
    assert reads_as_written(text, read_python_calls(text).calls) is same


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("[f(a=1)]", True),
        ("[f(a=1), \n g/h(b=2) ]", True),
        ("[f(a='x\ny')]", False),
        ("[é(a=1)]", False),
        ("[/(a=1)]", False),
        ("[a]", False),
    ],
)
def test_the_released_converter_takes_some_calls_for_words(text, taken):
    assert takes_for_calls(text) is taken


def test_faults_name_no_text_of_a_row():
    with pytest.raises(Unreadable, match=re.escape(Reason.VALUE_UNQUOTED.sentence)) as raised:
        read_python_calls("[f(a=secret)]")
    assert "secret" not in str(raised.value)

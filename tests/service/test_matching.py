"""Equality of calls: as multisets of JSON values."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall import score
from goodcall.matching import ExpectedCalls, freeze, spell
from goodcall.parsing import Calls
from goodcall.types import ToolCall

keys = st.text(max_size=4)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=4),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=4),
    max_leaves=12,
)
tool_calls = st.builds(ToolCall, st.sampled_from("fgh"), st.dictionaries(keys, json_values, max_size=4))


def equal(one, other):
    """JSON equality written out, as an independent second opinion."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


@given(json_values, json_values)
def test_stand_ins_are_equal_exactly_when_the_values_are(one, other):
    assert (freeze(one) == freeze(other)) == equal(one, other)


@given(json_values)
def test_a_copy_with_keys_reversed_and_integers_as_floats_is_the_same_value(value):
    def rewrite(node):
        if isinstance(node, dict):
            return {key: rewrite(child) for key, child in reversed(node.items())}
        if isinstance(node, list):
            return [rewrite(child) for child in node]
        if type(node) is int and abs(node) < 2**53:
            return float(node)
        return node

    assert freeze(rewrite(value)) == freeze(value)


@given(st.lists(tool_calls, max_size=5), st.randoms())
def test_order_plays_no_part(calls, random):
    shuffled = copy.deepcopy(calls)
    random.shuffle(shuffled)
    assert ExpectedCalls(calls).compare(Calls(shuffled)) is None


@given(st.lists(tool_calls, max_size=4), st.lists(tool_calls, max_size=4))
def test_equal_means_nothing_left_over_on_either_side(one, other):
    left = list(other)
    for call in one:
        match = next(
            (i for i, o in enumerate(left) if o.name == call.name and equal(o.arguments, call.arguments)), None
        )
        if match is None:
            break
        left.pop(match)
    else:
        assert (ExpectedCalls(one).compare(Calls(other)) is None) == (not left)
        return
    assert ExpectedCalls(one).compare(Calls(other)) is not None


def test_calls_are_spelled_as_policies_write_them_with_blanks_and_without():
    assert spell([ToolCall("f", {"a": "é"}), ToolCall("g", {})]) == (
        '[{"name": "f", "arguments": {"a": "é"}}, {"name": "g", "arguments": {}}]',
        '[{"name":"f","arguments":{"a":"é"}},{"name":"g","arguments":{}}]',
    )


@given(st.lists(tool_calls, min_size=1, max_size=3), st.lists(tool_calls, min_size=1, max_size=3))
def test_every_difference_can_be_explained(one, other):
    fault = ExpectedCalls(one).compare(Calls(other))
    if fault is not None:
        place = fault.place()
        assert place.expected is not None or place.got is not None


def explain(got, expected):
    """The detail of the verdict on calls that are wrong."""
    completion = f"<think>t</think><tool_call>{json.dumps(got)}</tool_call>"
    return score(completion, ground_truth=expected, explain=True).detail


def f(**arguments):
    return {"name": "f", "arguments": arguments}


G = {"name": "g", "arguments": {}}
H = {"name": "h", "arguments": {}}


@pytest.mark.parametrize(
    ("got", "expected", "place"),
    [
        ([f(a=1)], [f(a=2)], ("/0/arguments/a", "2", "1")),
        (f(a=1), [f(a=2)], ("/arguments/a", "2", "1")),
        ([f(a=[1, {"b/c~": True}])], [f(a=[1, {"b/c~": 1}])], ("/0/arguments/a/1/b~1c~0", "1", "true")),
        ([f(a=[1])], [f(a=[1, 2])], ("/0/arguments/a", "[1, 2]", "[1]")),
        ([f()], [f(a=2)], ("/0/arguments/a", "2", None)),
        ([f(a=2)], [f()], ("/0/arguments/a", None, "2")),
        ([f(a=1), f(a=3)], [f(a=2), f(a=1)], ("/1/arguments/a", "2", "3")),
        ([f(a=1), f(a=3)], [f(a=1), f(a=2)], ("/1/arguments/a", "2", "3")),
        ([f(), f()], [f(), G], ("/1/name", '"g"', '"f"')),
        ([f(), f(), f()], [H, f(), G], ("/1/name", '"g" or "h"', '"f"')),
        ([f()], [f(), G], (None, "2 calls", "1 call")),
        ([f(), f()], [f()], ("/1", "1 call", "2 calls")),
        ([f(a=1), f()], [f()], ("/0", "1 call", "2 calls")),
    ],
)
def test_a_difference_is_pointed_at(got, expected, place):
    detail = explain(got, expected)
    assert (detail.pointer, detail.expected, detail.got) == place


def test_the_surplus_name_is_found_where_it_stands():
    assert explain([f(), G], [f(), f()]).pointer == "/1/name"

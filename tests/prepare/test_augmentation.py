"""Splitting, taking tools away, and masking names."""

import random
import re
import string

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall_trainer.prepare.draws import rng_of, share_of
from goodcall_trainer.prepare.irrelevance import irrelevant
from goodcall_trainer.prepare.masking import can_be_masked, masked, random_renaming, renamed
from goodcall_trainer.prepare.splits import HELDOUT, TRAIN, split_of
from prepare.rows import OSLO, TIME, WEATHER, make_row

NAMES = st.text(string.ascii_letters + "_ .", min_size=1, max_size=5)
VALUES = st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


@st.composite
def rows(draw):
    """Rows with any names, an earlier call, and calls with declared and undeclared arguments."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    tools = tuple(
        {
            "type": "function",
            "function": {
                "name": name,
                "description": draw(st.text(max_size=3)),
                "parameters": {
                    "type": "object",
                    "properties": {key: {} for key in draw(st.lists(NAMES, max_size=3, unique=True))},
                    "required": draw(st.lists(NAMES, max_size=2, unique=True)),
                },
            },
        }
        for name in names
    )
    call = st.fixed_dictionaries(
        {"name": st.sampled_from(names), "arguments": st.dictionaries(NAMES, VALUES, max_size=3)}
    )
    earlier = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": draw(call)}]}
    return make_row(
        messages=({"role": "user", "content": "0"}, earlier, {"role": "tool", "content": "1"}),
        tools=tools,
        ground_truth=tuple(draw(st.lists(call, max_size=2))),
    )


@given(rows(), st.integers())
def test_masking_can_be_turned_back(row, seed):
    assert can_be_masked(row)
    renaming = random_renaming(row, random.Random(seed))
    assert renamed(renamed(row, renaming), renaming.inverse()) == row


@given(rows(), st.integers())
def test_a_masked_row_has_none_of_the_declared_names_and_no_two_alike(row, seed):
    renaming = random_renaming(row, random.Random(seed))
    new = [*renaming.tools.values(), *(name for names in renaming.parameters.values() for name in names.values())]
    assert len(set(new)) == len(new)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{3,14}", name) for name in new)
    tools = [tool["function"] for tool in masked(row, renaming).tools]
    assert not {tool["name"] for tool in tools} & set(renaming.tools)
    assert all(call["name"] in {tool["name"] for tool in tools} for call in masked(row, renaming).ground_truth)


def test_masking_renames_calls_tools_and_earlier_calls_alike_and_keeps_values():
    call = {"type": "function", "function": OSLO}
    row = make_row(
        messages=(
            {"role": "user", "content": "Oslo?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "clear"},
        )
    )
    result = masked(row, random_renaming(row, random.Random(1)))
    [expected] = result.ground_truth
    assert result.id == "row-1~masked"
    assert result.messages[1]["tool_calls"][0]["function"] == expected
    schema = result.tools[0]["function"]["parameters"]
    jsonschema.validate(expected["arguments"], schema)
    assert schema["required"] == [*expected["arguments"]]
    assert list(expected["arguments"].values()) == ["Oslo"]
    assert "get_weather" not in str(result)


def other_tool(**parameters):
    return {"type": "function", "function": {"name": "f", "description": "Else.", "parameters": parameters}}


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": ({"role": "user", "content": "Use get_time for Oslo."},)},
        {"tools": (WEATHER, WEATHER)},
        {"tools": ()},
        {"tools": (WEATHER, other_tool(type="object", dependentRequired={"a": ["b"]}))},
        {
            "messages": (
                {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "gone", "arguments": {}}}]},
            )
        },
    ],
    ids=str,
)
def test_what_masking_would_spoil_is_left_alone(changes):
    assert not can_be_masked(make_row(**changes))


def test_an_irrelevant_row_lacks_the_called_tools_and_wants_no_call():
    made = irrelevant(make_row())
    assert (made.id, made.tools, made.ground_truth) == ("row-1~irrelevant", (TIME,), ())
    assert made.messages == make_row().messages


@pytest.mark.parametrize(
    "changes",
    [
        {"ground_truth": ()},
        {"tools": (WEATHER,)},
        {"tools": (WEATHER, {"type": "function", "function": WEATHER["function"] | {"name": "weather_2"}})},
        {
            "messages": (
                {"role": "user", "content": "Oslo?"},
                {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": OSLO}]},
                {"role": "user", "content": "Again?"},
            )
        },
    ],
    ids=["wants no call", "no tool left", "twin left", "used before"],
)
def test_no_irrelevant_row_is_made_that_would_be_unsound(changes):
    assert irrelevant(make_row(**changes)) is None


@given(st.text(max_size=10), st.integers(0, 5), st.floats(0, 1), st.floats(0, 1))
def test_splitting_is_stable_and_a_larger_share_only_adds(question, seed, share, larger):
    row = make_row(messages=({"role": "user", "content": question},))
    other = make_row(
        id="other", source="elsewhere", tools=(), messages=(*row.messages, {"role": "user", "content": "x"})
    )
    split = split_of(row, seed=seed, heldout_share=share)
    assert split_of(other, seed=seed, heldout_share=share) == split
    if larger >= share and split == HELDOUT:
        assert split_of(row, seed=seed, heldout_share=larger) == HELDOUT


def test_the_shares_of_a_split_are_those_asked_for():
    questions = [make_row(messages=({"role": "user", "content": f"Question {n}"},)) for n in range(5000)]
    splits = [split_of(row, seed=1, heldout_share=0.1) for row in questions]
    assert splits.count(HELDOUT) == pytest.approx(500, abs=80)
    assert {split_of(row, seed=1, heldout_share=0.0) for row in questions} == {TRAIN}
    assert {split_of(row, seed=1, heldout_share=1.0) for row in questions} == {HELDOUT}
    assert splits != [split_of(row, seed=2, heldout_share=0.1) for row in questions]


def test_questions_that_differ_in_case_and_punctuation_alone_are_on_one_side():
    first, second = (make_row(messages=({"role": "user", "content": text},)) for text in ("Oslo, now?", "oslo NOW"))
    for seed in range(50):
        assert split_of(first, seed=seed, heldout_share=0.5) == split_of(second, seed=seed, heldout_share=0.5)


def test_draws_depend_on_seed_purpose_and_name_alone():
    draws = {share_of(seed, purpose, name) for seed in (1, 2) for purpose in ("a", "b") for name in ("x", "y")}
    assert len(draws) == 8
    assert all(0 <= draw < 1 for draw in draws)
    assert rng_of(1, "a", "x").random() == rng_of(1, "a", "x").random()

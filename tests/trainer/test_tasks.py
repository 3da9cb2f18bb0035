"""The made-up tasks and the demonstrations made of them."""

import json
import random
from collections import Counter

import jsonschema
import pytest

from goodcall_trainer.demo.catalogue import CATALOGUE
from goodcall_trainer.demo.demonstrations import HABITS, SLIPS, demonstrate
from goodcall_trainer.demo.generate import generate_splits


def all_rows(splits):
    return [*splits.sft, *splits.grpo, *splits.heldout]


def calls_of(completion):
    return json.loads(completion.partition("<tool_call>")[2].partition("</tool_call>")[0])


def without_noise(row):
    return demonstrate(row, habit_share=0.0, slip_share=0.0, rng=random.Random(0))


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    again = [generate_splits(seed=seed, sft=30, grpo=30, heldout=30) for seed in (5, 5, 6)]
    assert again[0] == again[1]
    assert again[0] != again[2]


def test_no_query_occurs_twice_so_the_splits_are_disjoint(splits):
    queries = [row.query for row in all_rows(splits)]
    assert len(set(queries)) == len(queries) == 720


def test_the_heldout_rows_do_not_depend_on_how_much_is_trained_on():
    few, many = (generate_splits(seed=3, sft=count, grpo=10, heldout=40) for count in (10, 200))
    assert few.heldout == many.heldout


def test_every_tool_is_asked_for_equally_often(splits):
    asked = Counter(row.ground_truth[0]["name"] for row in all_rows(splits))
    assert set(asked.values()) == {120}
    assert len(asked) == len(CATALOGUE)


def test_every_ground_truth_is_valid_under_its_own_tools_schema(splits):
    for row in all_rows(splits):
        schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in row.tools}
        for call in row.ground_truth:
            jsonschema.Draft202012Validator.check_schema(schemas[call["name"]])
            jsonschema.validate(call["arguments"], schemas[call["name"]])


def test_every_value_of_a_ground_truth_stands_in_the_query(splits):
    for row in all_rows(splits):
        assert all(str(value) in row.query for value in row.ground_truth[0]["arguments"].values())


def test_a_demonstration_without_noise_makes_the_expected_call(splits):
    for row in splits.sft:
        shown = without_noise(row)
        assert shown.flaw is None
        assert calls_of(shown.completion) == list(row.ground_truth)


@pytest.mark.parametrize(("habit_share", "slip_share"), [(1.0, 0.0), (0.0, 1.0), (0.7, 0.5)])
def test_a_demonstration_differs_from_the_ground_truth_exactly_when_it_names_a_flaw(splits, habit_share, slip_share):
    rng = random.Random(2)
    for row in splits.sft:
        shown = demonstrate(row, habit_share=habit_share, slip_share=slip_share, rng=rng)
        assert (calls_of(shown.completion) != list(row.ground_truth)) == (shown.flaw is not None)


def test_flaws_leave_the_reasoning_alone(splits):
    rng = random.Random(2)
    for row in splits.sft[:100]:
        flawed = demonstrate(row, habit_share=1.0, slip_share=1.0, rng=rng)
        assert flawed.completion.partition("</think>")[0] == without_noise(row).completion.partition("</think>")[0]


def test_every_kind_of_flaw_occurs(demonstrations):
    kinds = {flaw.__name__ for flaw in (*SLIPS, *HABITS.values())}
    assert {demonstration.flaw for demonstration in demonstrations} == kinds | {None}


def test_the_shares_of_flaws_are_those_asked_for():
    splits = generate_splits(seed=4, sft=3000, grpo=0, heldout=0)
    rng = random.Random(4)
    flaws = [demonstrate(row, habit_share=0.7, slip_share=0.5, rng=rng).flaw for row in splits.sft]
    habitual = [
        flaw in {"quantity_as_string", "time_left_out"}
        for row, flaw in zip(splits.sft, flaws, strict=True)
        if row.ground_truth[0]["name"] in HABITS
    ]
    slipped = [
        flaw is not None
        for row, flaw in zip(splits.sft, flaws, strict=True)
        if row.ground_truth[0]["name"] not in HABITS
    ]
    assert sum(habitual) / len(habitual) == pytest.approx(0.7, abs=0.05)
    assert sum(slipped) / len(slipped) == pytest.approx(0.5, abs=0.05)

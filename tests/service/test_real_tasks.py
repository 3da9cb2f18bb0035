"""Every task of the conformance files with its right calls broken in one way: the score is always 0."""

import copy
import json

import pytest

from goodcall import Scorer, TaskSource, find_reward
from suites import conformance_tasks, write_completion

HARDENED = find_reward("tool_n1/hardened@1")


def drop_an_argument(calls, _tools):
    for call in calls:
        if call["arguments"]:
            call["arguments"].popitem()
            return calls
    return None


def add_an_argument(calls, _tools):
    if not calls:
        return None
    calls[0]["arguments"]["one_argument_too_many"] = 1
    return calls


def rename_an_argument(calls, _tools):
    for call in calls:
        if call["arguments"]:
            name, value = call["arguments"].popitem()
            call["arguments"][f"{name}_"] = value
            return calls
    return None


def change_the_type_of_a_value(calls, _tools):
    for call in calls:
        for name, value in call["arguments"].items():
            call["arguments"][name] = json.dumps(value) if not isinstance(value, str) else [value]
            return calls
    return None


def call_another_tool(calls, tools):
    if not calls:
        return None
    others = [tool["function"]["name"] for tool in tools if tool["function"]["name"] != calls[0]["name"]]
    calls[0]["name"] = others[0] if others else f"{calls[0]['name']}_"
    return calls


def call_twice(calls, _tools):
    return [*calls, calls[0]] if calls else None


@pytest.mark.parametrize(
    "mutate",
    [
        drop_an_argument,
        add_an_argument,
        rename_an_argument,
        change_the_type_of_a_value,
        call_another_tool,
        call_twice,
    ],
)
def test_a_ground_truth_broken_in_one_way_scores_0_on_every_task(mutate):
    scorer = Scorer()
    scores, applied = set(), 0
    for task in conformance_tasks().values():
        calls = mutate(copy.deepcopy(task["ground_truth"]), task["tools"])
        if calls is None or not task["ground_truth_valid"]:
            continue
        source = TaskSource(
            tools=json.dumps(task["tools"]).encode(), ground_truth=json.dumps(task["ground_truth"]).encode()
        )
        [verdict] = scorer.score_group([write_completion(calls)], source, HARDENED)
        scores.add(verdict.score)
        applied += 1
    assert applied > 2000
    assert scores == {0.0}

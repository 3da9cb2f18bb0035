"""The corpus keeps the proportions that it promises, and is what its tasks say it is."""

import json

import jsonschema
import pytest

from benchmarks.completions import MIX
from benchmarks.corpus import (
    GROUP,
    TASKS,
    make_corpus,
    make_distinct_tasks,
    make_late_corpus,
    pathological,
    with_length,
    with_tools,
)
from benchmarks.corpus_statistics import measure

CORPUS = make_corpus()
PROPORTIONS = [figure for figure in measure(CORPUS) if not figure.name.endswith(("largest", "most"))]


def texts(tasks):
    return [text for task in tasks for text in task.completions]


def payloads(task):
    return [text.partition("<tool_call>")[2] for text in task.completions]


def test_the_same_seed_makes_the_same_corpus():
    assert make_corpus() == CORPUS


def test_another_seed_makes_another_corpus():
    assert make_corpus(seed=1, tasks=5) != CORPUS[:5]


def test_there_are_500_tasks_with_eight_completions_each():
    assert (TASKS, GROUP) == (500, 8)
    assert [len(task.completions) for task in CORPUS] == [GROUP] * TASKS


@pytest.mark.parametrize("figure", PROPORTIONS, ids=lambda figure: figure.name)
def test_proportions_are_within_a_tenth_of_what_they_imitate(figure):
    tolerance = 0.01 if figure.target < 0.1 else 0.1 * figure.target
    assert abs(figure.value - figure.target) <= tolerance


@pytest.mark.parametrize("kind", MIX)
def test_every_kind_of_completion_has_its_share(kind):
    share = sum(task.kinds.count(kind) for task in CORPUS) / (TASKS * GROUP)
    assert share == pytest.approx(MIX[kind] / sum(MIX.values()), abs=0.02)


def test_every_ground_truth_is_valid_under_its_tools():
    for task in CORPUS:
        parameters = {tool["function"]["name"]: tool["function"]["parameters"] for tool in json.loads(task.tools)}
        for call in json.loads(task.ground_truth):
            jsonschema.Draft202012Validator(parameters[call["name"]]).validate(call["arguments"])


def test_every_tool_is_a_valid_schema():
    for tool in {json.dumps(tool): tool for task in CORPUS for tool in json.loads(task.tools)}.values():
        jsonschema.Draft202012Validator.check_schema(tool["function"]["parameters"])


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean", "array", "object"])
def test_parameters_have_every_type(kind):
    assert any(f'"type":"{kind}"'.encode() in task.tools for task in CORPUS)


def test_late_groups_repeat_six_of_eight_payloads_after_reasoning_of_their_own():
    for task in make_late_corpus(tasks=50):
        repeated = max(payloads(task), key=payloads(task).count)
        assert payloads(task).count(repeated) >= 6
        assert len(set(task.completions)) == GROUP


def test_late_groups_belong_to_the_same_tasks():
    late = make_late_corpus()
    assert [(task.tools, task.ground_truth) for task in late] == [(task.tools, task.ground_truth) for task in CORPUS]


@pytest.mark.parametrize("length", [1000, 20_000, 200_000])
def test_completions_are_as_long_as_asked_for(length):
    longer = with_length(CORPUS[0], length)
    assert all(len(text) == pytest.approx(length, rel=0.2) for text in longer.completions)
    assert longer.kinds == CORPUS[0].kinds


@pytest.mark.parametrize("count", [1, 10, 100])
def test_tasks_have_as_many_tools_as_asked_for_and_keep_the_called_one(count):
    [task, *_] = (task for task in CORPUS if task.ground_truth.count(b'"arguments":') == 1)
    names = [tool["function"]["name"] for tool in json.loads(with_tools(task, count).tools)]
    assert len(set(names)) == count
    assert json.loads(task.ground_truth)[0]["name"] in names


def test_distinct_tasks_are_distinct():
    tasks = list(make_distinct_tasks(4000))
    assert len({task.tools for task in tasks}) == 4000
    assert all(len(task.completions) == 1 for task in tasks)


def test_hostile_completions_are_within_the_service_s_limit():
    assert all(len(text.encode()) <= 1 << 20 for text in pathological().values())

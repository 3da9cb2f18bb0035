"""What published scorers gave and what an independent verifier gave, case by case."""

import json
from functools import cache

import pytest

from goodcall import Scorer, TaskSource, find_reward
from suites import conformance_rows, conformance_tasks, released_vectors, write_completion

HARDENED = find_reward("tool_n1/hardened@1")


@cache
def task_source(task_id):
    task = conformance_tasks()[task_id]
    return TaskSource(tools=json.dumps(task["tools"]).encode(), ground_truth=json.dumps(task["ground_truth"]).encode())


@pytest.fixture(scope="module")
def scorer():
    return Scorer()


def test_hardened_agrees_with_the_independent_verifier_on_every_case(scorer):
    rows = conformance_rows("tool_n1.jsonl.gz")
    disagreements = [
        row["id"]
        for row in rows
        for [verdict] in [scorer.score_group([row["completion"]], task_source(row["task"]), HARDENED, explain=True)]
        if verdict.score != row["hardened"]
    ]
    assert len(rows) == 6000
    assert disagreements == []


PUBLISHED_AS = {
    "tool_n1/released@1": "v0",
    "tool_n1/lexicographic@1": "v1",
    "tool_n1/no_reason@1": "v2",
    "tool_n1/partial_reason@1": "v3",
    "tool_n1/partial_reason_name@1": "v4",
    "tool_n1/llama@1": "llama",
}


@pytest.mark.parametrize(("reward_id", "scorer_name"), PUBLISHED_AS.items())
def test_a_published_scorer_is_agreed_with_on_every_case(scorer, reward_id, scorer_name):
    disagreements = []
    for row in conformance_rows("tool_n1.jsonl.gz"):
        [verdict] = scorer.score_group([row["completion"]], task_source(row["task"]), find_reward(reward_id))
        published = row["released"][scorer_name]
        raises = str(published).startswith("error:")
        if (verdict.score, verdict.reason == "released_raises") != (0 if raises else published, raises):
            disagreements.append(row["id"])
    assert disagreements == []


@pytest.mark.parametrize(("reward_id", "scorer_name"), PUBLISHED_AS.items())
def test_a_published_scorer_is_agreed_with_on_the_hand_made_vectors(scorer, reward_id, scorer_name):
    disagreements = []
    vectors = list(released_vectors(scorer_name))
    for name, completion, ground_truth, score, raises in vectors:
        task = TaskSource(tools=None, ground_truth=json.dumps(ground_truth).encode())
        [verdict] = scorer.score_group([completion], task, find_reward(reward_id))
        if (verdict.score, verdict.reason == "released_raises") != (score, raises):
            disagreements.append(name)
    assert len(vectors) == 103
    assert disagreements == OTHER_MARKER.get(scorer_name, [])


OTHER_MARKER = {"llama": ["response emits im_start assistant"]}
"""Written for the ChatML marker. The score kept for the Llama scorer, 0, is that of its own marker in the same place;
as the text stands, that scorer looks for a marker that is not there and answers 1."""


def test_every_task_scores_1_on_its_own_ground_truth_unless_that_breaks_its_schema(scorer):
    verdicts = {
        task_id: scorer.score_group([write_completion(task["ground_truth"])], task_source(task_id), HARDENED)[0]
        for task_id, task in conformance_tasks().items()
    }
    broken = {task_id for task_id, task in conformance_tasks().items() if not task["ground_truth_valid"]}
    assert len(broken) == 181
    assert {task_id for task_id, verdict in verdicts.items() if verdict.score is None} == broken
    assert {verdict.score for task_id, verdict in verdicts.items() if task_id not in broken} == {1.0}

"""What published scorers gave and what an independent verifier gave, case by case."""

import json
from functools import cache

import pytest

from goodcall import Scorer, TaskSource, find_reward
from suites import conformance_rows, conformance_tasks, released_vectors, write_completion

HARDENED = find_reward("tool_n1/hardened@1")
RELEASED = find_reward("tool_n1/released@1")


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


def test_released_agrees_with_the_published_scorer_on_every_case(scorer):
    disagreements = []
    for row in conformance_rows("tool_n1.jsonl.gz"):
        [verdict] = scorer.score_group([row["completion"]], task_source(row["task"]), RELEASED)
        published = row["released"]["v0"]
        raises = str(published).startswith("error:")
        if (verdict.score, verdict.reason == "released_raises") != (0 if raises else published, raises):
            disagreements.append(row["id"])
    assert disagreements == []


def test_released_agrees_with_the_published_scorer_on_the_hand_made_vectors(scorer):
    disagreements = []
    vectors = list(released_vectors())
    for name, completion, ground_truth, score, raises in vectors:
        task = TaskSource(tools=None, ground_truth=json.dumps(ground_truth).encode())
        [verdict] = scorer.score_group([completion], task, RELEASED)
        if (verdict.score, verdict.reason == "released_raises") != (score, raises):
            disagreements.append(name)
    assert len(vectors) == 103
    assert disagreements == []


def test_every_task_scores_1_on_its_own_ground_truth_unless_that_breaks_its_schema(scorer):
    verdicts = {
        task_id: scorer.score_group([write_completion(task["ground_truth"])], task_source(task_id), HARDENED)[0]
        for task_id, task in conformance_tasks().items()
    }
    broken = {task_id for task_id, task in conformance_tasks().items() if not task["ground_truth_valid"]}
    assert len(broken) == 181
    assert {task_id for task_id, verdict in verdicts.items() if verdict.score is None} == broken
    assert {verdict.score for task_id, verdict in verdicts.items() if task_id not in broken} == {1.0}

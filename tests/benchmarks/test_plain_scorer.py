"""The scorer to compare with answers what the released one answers; otherwise the comparison would be worth nothing."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks import plain_scorer
from benchmarks.corpus import make_corpus, make_late_corpus, pathological
from benchmarks.hostile_inputs import SPAM
from goodcall.reasons import Reason
from goodcall.rewards import find_reward
from goodcall.scoring import Scorer, score
from goodcall.types import TaskSource
from suites import golden_cases, released_vectors

RELEASED = "tool_n1/released@1"
RAISES = (TypeError, KeyError, ValueError, RecursionError)
QUADRATIC = {SPAM, "`<tool_call>` 90,000 times (1 MB)"}


def plainly(completion, ground_truth):
    """The plain score and whether it came to one, on a stack as shallow as a program's own."""

    def run():
        try:
            return plain_scorer.score(completion, ground_truth), False
        except RAISES:
            return 0.0, True

    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(run).result()


def released(completion, ground_truth):
    verdict = score(completion, ground_truth=ground_truth, reward=RELEASED)
    return verdict.score, verdict.reason is Reason.RELEASED_RAISES


@pytest.mark.parametrize("make", [make_corpus, make_late_corpus])
def test_it_agrees_with_the_released_scorer_on_the_corpus(make):
    scorer, reward = Scorer(), find_reward(RELEASED)
    for task in make(tasks=250):
        source = TaskSource(tools=task.tools, ground_truth=task.ground_truth)
        scores = [verdict.score for verdict in scorer.score_group(task.completions, source, reward)]
        assert scores == [plain_scorer.score(text, task.ground_truth.decode()) for text in task.completions]


@pytest.mark.parametrize("case", golden_cases(RELEASED), ids=lambda case: case["id"])
def test_it_agrees_with_the_released_scorer_on_the_golden_cases(case):
    expected = case["ground_truth"]
    text = expected if isinstance(expected, str) else json.dumps(expected)
    found = plainly(case.get("assistant_prefix", "") + case["completion"], text)
    assert found == (case["score"], case["reason"] == "released_raises")


def test_it_agrees_with_the_published_scorer_on_its_vectors():
    for name, completion, ground_truth, score_, raises in released_vectors("v0"):
        assert plainly(completion, ground_truth) == (score_, raises), name


@pytest.mark.parametrize("name", sorted(pathological().keys() - QUADRATIC))
def test_it_agrees_with_the_released_scorer_on_hostile_completions(name):
    calls, completion = [{"name": "f", "arguments": {"a": 1}}], pathological()[name]
    assert plainly(completion, json.dumps(calls)) == released(completion, calls)

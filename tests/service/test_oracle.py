"""The verifier against a second implementation that shares nothing with it."""

import json
from collections import Counter

import pytest

from generated import generate
from goodcall import Scorer, TaskSource, find_reward
from oracle import oracle
from suites import conformance_rows, conformance_tasks

HARDENED = find_reward("tool_n1/hardened@1")
CASES = 20_000
"""``make oracle`` runs a million."""


def verifier(scorer, case):
    task = TaskSource(tools=case.tools and case.tools.encode(), ground_truth=case.ground_truth.encode())
    return scorer.score_group([case.completion], task, HARDENED)[0]


@pytest.mark.parametrize("part", range(4))
def test_both_implementations_agree_on_every_generated_completion(part):
    scorer = Scorer()
    disagreements = []
    for seed in range(part * CASES // 4, (part + 1) * CASES // 4):
        case = generate(seed)
        if verifier(scorer, case).score != oracle(*case):
            disagreements.append(seed)
    assert disagreements == []


def test_the_generated_completions_are_of_every_kind():
    scorer = Scorer()
    reasons = Counter(verifier(scorer, generate(seed)).reason for seed in range(3000))
    assert reasons["ok"] > 300
    assert len(reasons) > 20
    assert reasons["ground_truth_invalid"] > 0


def test_the_second_implementation_agrees_with_the_conformance_cases():
    tasks = conformance_tasks()
    for row in conformance_rows("tool_n1.jsonl.gz")[::20]:
        task = tasks[row["task"]]
        score = oracle(row["completion"], json.dumps(task["tools"]), json.dumps(task["ground_truth"]))
        assert score == row["hardened"], row["id"]

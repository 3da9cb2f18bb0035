"""The benchmarks as they are published: how many questions there are, and which of them nobody can get right."""

import json
from collections import Counter, defaultdict

import pytest

from evaluation.standin_endpoint import read_questions, say_right
from goodcall_client import Client
from goodcall_trainer.evaluation.answers import Answer
from goodcall_trainer.evaluation.judging import judge
from suites import dataset

SIZES = {
    "bfcl": {
        "simple_python": 400,
        "multiple": 200,
        "parallel": 200,
        "parallel_multiple": 200,
        "live_simple": 258,
        "live_multiple": 1053,
        "live_parallel": 16,
        "live_parallel_multiple": 24,
        "irrelevance": 240,
        "live_irrelevance": 884,
        "live_relevance": 16,
    },
    "apibank": {"level_1": 399, "level_2": 67, "level_3": 131},
}
REFUSED = {
    "bfcl/live_multiple_862-181-3": "argument_unexpected",
    "bfcl/live_multiple_964-207-0": "argument_missing",
    "bfcl/live_simple_106-63-0": "argument_type_wrong",
    "bfcl/live_simple_112-68-0": "argument_type_wrong",
}
"""Ground truths that break the schema of their own tool, or accept no value of a parameter that is required.

The leaderboard's own checker refuses the same four, and no other.
"""

AT_ODDS = {
    ("live_irrelevance_118-7-8", "live_simple_29-7-2"),
    ("live_irrelevance_565-173-0", "live_multiple_262-125-1"),
    ("live_irrelevance_567-175-0", "live_simple_176-102-0"),
}
"""Whoever answers the same prompt in the same way is wrong about one of each pair."""


@pytest.mark.parametrize("name", SIZES)
def test_every_question_is_read_and_its_own_answer_is_right(name, service_url):
    questions = read_questions(name, str(dataset(name)))
    assert Counter(question.category for question in questions) == SIZES[name]
    answers = {question.key: Answer(completion=say_right(question)["content"]) for question in questions}
    with Client(service_url) as client:
        judged = judge(client, questions, answers, assistant_prefix="").judged
    assert {one.question.key: one.reason for one in judged if one.score != 1.0} == (REFUSED if name == "bfcl" else {})


def test_three_questions_of_bfcl_want_no_call_where_another_of_the_same_words_and_tools_wants_one():
    alike = defaultdict(list)
    for question in read_questions("bfcl", str(dataset("bfcl"))):
        alike[json.dumps([question.row.messages, question.row.tools])].append(question)
    at_odds = {
        tuple(question.id for question in group)
        for group in alike.values()
        if len({question.ground_truth is None for question in group}) > 1
    }
    assert at_odds == AT_ODDS

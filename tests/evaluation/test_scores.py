"""Accuracies, both ways of averaging, and standard errors, against figures worked out by hand."""

import math

import pytest

from goodcall_trainer.evaluation import apibank, bfcl
from goodcall_trainer.evaluation.averages import apibank_scores, bfcl_scores, score_parts
from goodcall_trainer.evaluation.published import BFCL_ROWS, LIVE_SIZES
from goodcall_trainer.evaluation.scores import Estimate, Tally, unweighted, weighted

RIGHT = {
    "simple_python": (300, 400),
    "multiple": (190, 200),
    "parallel": (180, 200),
    "parallel_multiple": (160, 200),
    "live_simple": (200, 258),
    "live_multiple": (800, 1053),
    "live_parallel": (8, 16),
    "live_parallel_multiple": (12, 24),
    "irrelevance": (200, 240),
    "live_irrelevance": (442, 884),
    "live_relevance": (16, 16),
}


def tally(right, judged, questions=None):
    return Tally(questions=questions or judged, asked=judged, judged=judged, right=right)


def bfcl_of(right):
    return bfcl_scores({category: tally(*counts) for category, counts in right.items()})


def test_the_averages_of_bfcl_are_those_worked_out_by_hand():
    scores = bfcl_of(RIGHT)
    assert scores["non_live"].value == pytest.approx((0.75 + 0.95 + 0.9 + 0.8) / 4)
    assert scores["live"].value == pytest.approx((200 + 800 + 8 + 12) / (258 + 1053 + 16 + 24))
    assert scores["live_unweighted"].value == pytest.approx((200 / 258 + 800 / 1053 + 0.5 + 0.5) / 4)
    assert scores["live_with_relevance"].value == pytest.approx((1020 + 442 + 16) / (1351 + 884 + 16))
    assert scores["irrelevance_mean"].value == pytest.approx((200 / 240 + 0.5) / 2)
    assert scores["overall"].value == pytest.approx((0.85 + 1020 / 1351) / 2)
    assert scores["overall_unweighted"].value == pytest.approx((0.85 + scores["live_unweighted"].value) / 2)
    assert scores["overall_with_relevance"].value == pytest.approx((0.85 + 1478 / 2251) / 2)


def test_the_averages_of_apibank_count_each_dialogue_the_same():
    soft = {
        level: tally(*counts)
        for level, counts in zip(apibank.CATEGORIES, [(300, 399), (40, 67), (60, 131)], strict=True)
    }
    hard = {level: tally(one.right - 10, one.judged) for level, one in soft.items()}
    scores = apibank_scores(soft, hard)
    assert scores["overall"].value == pytest.approx(400 / 597)
    assert scores["overall_hard"].value == pytest.approx(370 / 597)
    assert scores["level_2_hard"].value == pytest.approx(30 / 67)


def test_the_standard_error_of_an_accuracy_is_the_binomial_one():
    estimate = tally(75, 100).accuracy()
    assert (estimate.value, estimate.standard_error) == (0.75, pytest.approx(math.sqrt(0.75 * 0.25 / 100)))


def test_the_standard_error_of_a_mean_is_that_of_its_independent_parts():
    parts = [Estimate(0.5, 0.03), Estimate(0.7, 0.04)]
    assert unweighted(parts).standard_error == pytest.approx(0.025)
    assert weighted(parts, [300, 100]) == Estimate(pytest.approx(0.55), pytest.approx(math.hypot(0.0225, 0.01)))


def test_the_mean_of_nothing_but_ones_is_one_whatever_the_weights():
    scores = bfcl_of({category: (total, total) for category, (_, total) in RIGHT.items()})
    assert {estimate.value for estimate in scores.values()} == {1.0}


def test_weighing_by_questions_is_pooling_when_all_have_verdicts():
    parts = [tally(3, 4), tally(10, 40)]
    pooled = weighted([part.accuracy() for part in parts], [part.questions for part in parts])
    assert pooled.value == pytest.approx(13 / 44)


def test_a_category_weighs_as_many_questions_as_it_has_however_few_were_asked():
    parts = {**{category: tally(*counts) for category, counts in RIGHT.items()}, "live_multiple": tally(1, 2, 1053)}
    assert bfcl_scores(parts)["live"].value == pytest.approx((200 + 0.5 * 1053 + 8 + 12) / 1351)


@pytest.mark.parametrize("score", [None, 0.0, 1.0])
def test_a_question_without_a_verdict_is_in_no_accuracy(score):
    counted = tally(1, 2)
    counted.add(score, "reason", truncated=True)
    assert (counted.asked, counted.unjudged, counted.truncated) == (3, int(score is None), 1)
    assert counted.accuracy().value == (0.5 if score is None else (1 + score) / 3)
    assert counted.reasons == {"reason": 1}


@pytest.mark.parametrize("missing", bfcl.CATEGORIES)
def test_an_average_that_lacks_a_category_has_no_value(missing):
    scores = bfcl_of({category: counts for category, counts in RIGHT.items() if category != missing})
    parts = score_parts("bfcl")
    assert set(scores) == set(parts)
    assert {name for name, estimate in scores.items() if estimate is None} == {
        name for name, categories in parts.items() if missing in categories
    }


def test_a_category_without_any_verdict_has_no_accuracy():
    assert tally(0, 0, 5).accuracy() is None
    assert apibank_scores({}, {}) == dict.fromkeys(score_parts("apibank"))


@pytest.mark.parametrize("row", BFCL_ROWS, ids=lambda row: row.model)
def test_published_overalls_are_the_mean_of_the_live_column_beside_them(row):
    mean = (row.score("non_live") + row.printed_live) / 2
    # ToolACE's is no mean of its own columns, by half a point.
    assert abs(mean - row.printed_overall) < (0.6 if row.model == "ToolACE-8B" else 0.06)


@pytest.mark.parametrize("row", BFCL_ROWS, ids=lambda row: row.model)
def test_only_the_live_column_of_the_papers_own_rows_is_made_of_the_live_columns(row):
    is_own = row.model.startswith("Tool-N1")
    assert (abs(row.score("live") - row.printed_live) < 0.02) == is_own


def test_published_averages_are_taken_as_ours_are():
    row = BFCL_ROWS[0]
    categories = (*bfcl.NON_LIVE, *bfcl.LIVE)
    sizes = [*[1000] * 4, *LIVE_SIZES.values()]
    tallies = {
        name: Tally(questions=size, asked=10**6, judged=10**6, right=round(row.score(name) * 10**4))
        for name, size in zip(categories, sizes, strict=True)
    }
    scores = bfcl_scores(tallies)
    for name in ("non_live", "live", "live_unweighted", "overall", "overall_unweighted"):
        assert 100 * scores[name].value == pytest.approx(row.score(name))

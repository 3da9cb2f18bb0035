"""The report, and the numbers that go with it."""

import json
import re

import pytest

from goodcall_client import Verdict
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.evaluate import Evaluation, Judged
from goodcall_trainer.demo.outcome import Outcome, summarise
from goodcall_trainer.demo.report import render_report
from trainer.pages import Elements, assert_sound


@pytest.fixture(scope="module")
def outcome(splits):
    def judged(step, kind):
        return tuple(
            Judged(
                row=row,
                completion=f"<think>{kind} {step} & {number}</think><|im_end|>",
                verdict=Verdict(score=1.0, reason="ok")
                if number < 10 + step // 2
                else Verdict(score=0.0, reason="no_<such>_tool"),
            )
            for number, row in enumerate(splits.heldout)
        )

    evaluations = tuple(
        Evaluation(step=step, greedy=judged(step * 2, "greedy"), sampled=judged(step, "sampled"), digest="sha256:ab")
        for step in (0, 20, 40)
    )
    return Outcome(
        config=DemoConfig(heldout_rows=60),
        parameters=623_360,
        evaluations=evaluations,
        training_rewards=((1, 0.2), (5, 0.6)),
        seconds={"warm-up": 1.5, "grpo": 2.0},
    )


@pytest.fixture(scope="module")
def page(outcome):
    return render_report(outcome)


def test_the_report_is_one_sound_page_that_names_no_other_host(page):
    assert_sound(page)
    assert not re.search(r"https?:|//", page)


def test_the_report_shows_twenty_completions_with_prompts_verdicts_and_reasons(page, outcome):
    elements = Elements(page)
    shown = [attributes for tag, attributes in elements.tags if tag == "pre" and "class" in attributes]
    assert len(shown) == 20
    for evaluation in (outcome.before, outcome.after):
        for judged in evaluation.sampled[:10]:
            assert judged.completion in elements.texts
            assert judged.row.query in elements.texts


def test_what_a_policy_wrote_is_text_and_never_markup(page):
    assert "<think>" not in page
    assert "no_<such>_tool" not in page


def test_the_report_has_three_charts_in_the_pages_own_colour(page):
    charts = Elements(page).charts
    assert len(charts) == 3
    assert all({"viewbox", "role", "aria-label"} <= set(chart) for chart in charts)
    assert "currentColor" in page


def test_the_report_says_what_the_improvement_is_and_what_it_is_not(page):
    text = Elements(page).text
    for claim in (
        "It is sharpening.",
        "suppression of demonstrated mistakes",
        "nothing about new tools",
        "0.62 million",
    ):
        assert claim in text


def test_the_summary_holds_accuracies_before_and_after_and_survives_json(outcome):
    summary = json.loads(json.dumps(summarise(outcome)))
    assert summary["heldout"]["sampled"] == {"before": 0.1667, "after": 0.5, "rise": 0.3333}
    assert summary["heldout"]["greedy"] == {"before": 0.1667, "after": 0.8333, "rise": 0.6667}
    assert summary["digest"] == "sha256:ab"
    assert summary["config"]["seed"] == 1
    assert set(summary["versions"]) >= {"torch", "trl", "transformers"}

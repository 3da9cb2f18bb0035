"""Comparing runs: what is taken together, what is said to differ, and how far scores spread."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from statistics import stdev

import pytest
from hypothesis import HealthCheck, example, given, settings

from goodcall_trainer.reporting.comparison import as_json, compare_runs
from goodcall_trainer.reporting.comparison_page import render_comparison
from goodcall_trainer.reporting.run_log import read_run
from goodcall_trainer.reporting.scores import heldout_over_time
from trainer.pages import assert_sound
from trainer.run_folders import LINES, RECIPE, RECORDS, bare_run, write_lines, write_run

NOW = datetime.now(UTC)


def with_settings(**changed):
    recipe = deepcopy(RECIPE)
    recipe["grpo"] |= changed
    return recipe


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two settings with three and two seeds."""
    folder = tmp_path_factory.mktemp("runs")
    slow = [write_run(folder / f"slow-{n}", seed=n, recipe=with_settings(seed=n), completions=False) for n in (1, 2, 3)]
    fast = [
        write_run(folder / f"fast-{n}", seed=n, recipe=with_settings(seed=n, learning_rate=3e-6), rise=0.7, steps=80)
        for n in (1, 2)
    ]
    return [*slow, *fast]


@pytest.fixture(scope="module")
def comparison(runs):
    return compare_runs([read_run(run) for run in runs])


@pytest.fixture(scope="module")
def page(comparison):
    return render_comparison(comparison, now=NOW)


def compared(*folders):
    return compare_runs([read_run(folder) for folder in folders])


def test_runs_that_differ_only_in_their_seed_are_one_arm(comparison):
    assert [[run.label for run in arm.runs] for arm in comparison.arms] == [
        ["slow-1", "slow-2", "slow-3"],
        ["fast-1", "fast-2"],
    ]
    assert comparison.differences == {"grpo.learning_rate": ["1e-06", "3e-06"]}
    assert [arm.label for arm in comparison.arms] == ["learning_rate = 1e-06", "learning_rate = 3e-06"]


def test_the_spread_is_the_standard_deviation_over_the_seeds(runs, comparison):
    newest = [json.loads((run / "heldout.jsonl").read_text().splitlines()[-1])["sampled"] for run in runs[:3]]
    spread = comparison.arms[0].scores["heldout_sampled"]
    assert spread.mean == pytest.approx(sum(newest) / 3)
    assert spread.deviation == pytest.approx(stdev(newest))
    assert spread.runs == 3


def test_the_page_has_every_curve_by_steps_and_by_wall_time(page):
    elements = assert_sound(page)
    for title in ("Held-out score, greedy", "Held-out score, sampled", "Reward", "Entropy", "Completion length"):
        assert title in elements.texts
        assert f"{title}, by wall time" in elements.texts
    assert len(elements.charts) == len([tag for tag, _ in elements.tags if tag == "figure"]) == 18


def test_the_page_has_every_runs_scores_below_those_of_its_settings(page):
    text = assert_sound(page).text
    for number in (1, 2, 3):
        assert f"slow-{number}, seed {number}" in text
    assert "grpo.learning_rate 1e-06 3e-06" in text


def test_scores_are_compared_at_the_time_when_the_quickest_run_ended(tmp_path):
    quick, long = tmp_path / "quick", tmp_path / "long"
    for folder, steps in ((quick, 10), (long, 40)):
        write_run(folder, steps=steps, recipe=with_settings(beta=steps / 1000), completions=False)
        lines = [{"phase": "grpo", "step": step, "time_s": 10.0 * step, "reward": 0.5} for step in range(1, steps + 1)]
        write_lines(folder / "metrics.jsonl", lines)
        heldout = [{"step": step, "sampled": step / 100, "rows": 10} for step in range(0, steps + 1, 4)]
        write_lines(folder / "heldout.jsonl", heldout)
    comparison = compared(quick, long)
    assert comparison.equal_time_s == 100.0
    assert [spread.mean for spread in comparison.at_equal_time["heldout_sampled"]] == [0.08, 0.08]
    assert "When the quickest run ended, after 100 s" in assert_sound(render_comparison(comparison, now=NOW)).text


def test_runs_that_took_about_as_long_need_no_such_table(runs):
    assert compared(*runs[:3]).equal_time_s is None


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"reward": "toolrl/default@1"}, "The rewards differ, and with them what reward and held-out scores measure"),
        ({"digest": "sha256:ef"}, "The rewards differ, and with them what reward and held-out scores measure"),
        ({"data": [{"path": "x", "sha256": "ef", "rows": 1}]}, "The runs were trained on different data."),
        ({"world_size": 8}, "An arm of one seed has no spread"),
    ],
)
def test_what_makes_numbers_hard_to_compare_is_noted(changes, note, tmp_path):
    first, second = (write_run(tmp_path / name, steps=5, completions=False) for name in ("a", "b"))
    record = json.loads((second / "run.json").read_text())
    (second / "run.json").write_text(json.dumps(record | changes))
    assert any(said.startswith(note) for said in compared(first, second).notes)


def test_runs_of_one_seed_are_noted_since_their_spread_is_none_over_seeds(tmp_path):
    once, again, other = (
        write_run(tmp_path / name, seed=seed, steps=5, completions=False)
        for name, seed in (("once", 1), ("again", 1), ("other", 2))
    )
    (note,) = compared(once, again).notes
    assert note.endswith("not one over seeds: once, again.")
    assert compared(once, other).notes == []


def test_a_measurement_before_the_first_step_counts_from_the_end_of_the_warm_up(tmp_path):
    lines = [{"phase": "sft", "step": n, "time_s": 100.0 * n, "loss": 1.0} for n in (1, 2, 3)]
    lines += [{"phase": "grpo", "step": n, "time_s": 300.0 + n, "reward": 0.5} for n in (1, 2)]
    heldout = [{"step": step, "sampled": 0.5} for step in (0, 1, 2)]
    log = read_run(bare_run(tmp_path, lines, heldout))
    assert heldout_over_time(log, "sampled").xs == (300.0, 301.0, 302.0)
    timed = read_run(bare_run(tmp_path, lines, [line | {"time_s": 7.0 + line["step"]} for line in heldout]))
    assert heldout_over_time(timed, "sampled").xs == (7.0, 8.0, 9.0)


def test_where_the_data_lie_is_no_difference_and_what_is_in_them_is(tmp_path):
    runs = [write_run(tmp_path / name, steps=5, completions=False) for name in ("a", "b", "c")]
    for run, data in zip(runs[1:], ({"path": "/elsewhere/train.parquet"}, {"sha256": "ef"}), strict=True):
        record = json.loads((run / "run.json").read_text())
        record["data"][0] |= data
        (run / "run.json").write_text(json.dumps(record))
    comparison = compared(*runs)
    assert [len(arm.runs) for arm in comparison.arms] == [2, 1]
    assert set(comparison.differences) == {"data.0"}


def test_runs_of_one_name_are_told_apart_by_the_folders_above(tmp_path):
    runs = [write_run(tmp_path / day / "run", steps=5, completions=False) for day in ("monday", "tuesday")]
    assert [run.label for run in compared(*runs).runs] == ["monday/run", "tuesday/run"]


def test_a_setting_that_only_one_run_has_is_a_difference(tmp_path):
    runs = [
        write_run(tmp_path / name, steps=5, recipe=recipe, completions=False)
        for name, recipe in (("a", RECIPE), ("b", with_settings(epsilon_high=0.28)))
    ]
    assert compared(*runs).differences == {"grpo.epsilon_high": ["not set", "0.28"]}


def test_runs_of_different_rewards_share_the_score_of_the_hardened_one(tmp_path):
    runs = []
    for name, reward in (("a", "tool_n1/hardened@1"), ("b", "tool_n1/partial_reason@1")):
        lines = [{"phase": "grpo", "step": 1, "hacking": {"judged": 32, "released": 0.5, "hardened": 0.25}}]
        runs.append(bare_run(tmp_path / name, lines))
        record = json.loads((runs[-1] / "run.json").read_text())
        record |= {"reward": reward, "recipe": {"reward": {"id": reward}}}
        (runs[-1] / "run.json").write_text(json.dumps(record))
    comparison = compared(*runs)
    assert set(comparison.differences) == {"reward"}
    assert [arm.scores["hardened"].mean for arm in comparison.arms] == [0.25, 0.25]
    assert "Hardened score of some completions" in assert_sound(render_comparison(comparison, now=NOW)).texts


def test_what_only_some_runs_logged_is_drawn_and_the_others_are_named(tmp_path):
    rich, poor = (
        bare_run(tmp_path / name, [{"phase": "grpo", "step": 1, "reward": 0.5} | more])
        for name, more in (("rich", {"entropy": 1.0}), ("poor", {}))
    )
    text = assert_sound(render_comparison(compared(rich, poor), now=NOW)).text
    assert "Not logged by poor." in text


def test_what_no_run_logged_is_one_line_and_no_empty_plot(tmp_path):
    runs = [write_run(tmp_path / name, completions=False) for name in ("a", "b")]
    for run in runs:
        write_lines(run / "metrics.jsonl", [{"phase": "grpo", "step": 1, "reward": 0.5}])
        (run / "heldout.jsonl").unlink()
    elements = assert_sound(render_comparison(compared(*runs), now=NOW))
    assert "Entropy: logged by none of the runs." in elements.text
    assert "Reward by wall time: the runs logged no times." in elements.text
    assert len(elements.charts) == 1


def test_runs_that_have_logged_nothing_can_be_compared(tmp_path):
    runs = [write_run(tmp_path / name, steps=1, completions=False) for name in ("a", "b")]
    for run in runs:
        (run / "metrics.jsonl").unlink()
        (run / "heldout.jsonl").write_text("{torn")
        (run / "run.json").write_text("{torn")
    comparison = compared(*runs)
    assert any(note.startswith("The record could not be read") for note in comparison.notes)
    assert_sound(render_comparison(comparison, now=NOW))


def test_names_of_runs_and_settings_are_text_and_never_markup(tmp_path):
    script = "<script>alert(1)<!--$x_1$"
    runs = [
        write_run(tmp_path / f"_{script}{n}", steps=5, recipe={script: {script: f"{script}{n}"}}, completions=False)
        for n in (1, 2)
    ]
    for run in runs:
        write_lines(run / "metrics.jsonl", [])
    page = render_comparison(compared(*runs), now=NOW)
    assert f"_{script}1" in [text.strip() for text in assert_sound(page).texts]
    assert "<script" not in page


def test_the_comparison_survives_json(comparison):
    values = json.loads(json.dumps(as_json(comparison), allow_nan=False))
    assert values["differences"] == {"grpo.learning_rate": ["1e-06", "3e-06"]}
    assert [len(arm["runs"]) for arm in values["arms"]] == [3, 2]
    assert values["arms"][0]["scores"]["heldout_sampled"]["runs"] == 3
    assert values["equal_time_s"] == pytest.approx(100, abs=1)
    assert set(values["at_equal_time"]) == {"heldout_greedy", "heldout_sampled"}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, heldout=LINES, record=RECORDS)
@example(lines=[], heldout=[], record={"seed": float("inf")})
def test_nothing_that_a_run_may_log_stops_the_comparison(lines, heldout, record, tmp_path):
    first, second = bare_run(tmp_path / "a", lines, heldout), bare_run(tmp_path / "b", lines[:2])
    (first / "run.json").write_text(json.dumps(record))
    comparison = compared(first, second)
    assert_sound(render_comparison(comparison, now=NOW))
    json.dumps(as_json(comparison), allow_nan=False)

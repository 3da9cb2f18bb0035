"""The report of a run: what it shows, what it says where there is nothing to show, and that nothing breaks it."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goodcall_trainer.reporting.report import render_report, summary_of, write_report
from goodcall_trainer.reporting.run_log import NoRun, read_run
from trainer.pages import assert_sound
from trainer.run_folders import LINES, REASONS, RECORDS, bare_run, write_lines, write_run

NOW = datetime.now(UTC)
SCRIPT = "<script>document.title='run'</script>"
HEADINGS = {
    "reward": "Reward",
    "entropy": "Entropy",
    "completions/mean_length": "Completion length",
    "completions/clipped_ratio": "Completions cut off at the limit",
    "kl": "KL from the reference policy",
    "sampling/sampling_logp_difference/mean": "Gap between sampler and learner",
    "num_tokens": "Throughput",
    "generation_tokens": "Speed of generation",
    "step_time": "Time of a step",
    "reward_wait_share": "Share of the step spent waiting for rewards",
    "grad_norm": "Gradient norm",
    "reasons": "Reasons of verdicts",
    "hacking": "Hacking alarm: released - hardened",
}
"""A metric, and the figure that is drawn from it."""
NEEDED_TOO = {"num_tokens": ["time_s"], "generation_tokens": ["generation_s"]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "whole", resumes=(17,))


@pytest.fixture(scope="module")
def page(run):
    return render_report(read_run(run), now=NOW)


def small_run(folder, **options):
    """With one curve only: to draw takes most of a report's time."""
    write_run(folder, **options)
    write_lines(folder / "metrics.jsonl", with_metric([0.25, 0.5], "entropy"))
    (folder / "heldout.jsonl").unlink()
    return folder


def rendered(folder):
    return assert_sound(render_report(read_run(folder), now=NOW))


def test_a_run_that_logged_everything_has_every_figure_and_no_gap(page):
    elements = assert_sound(page)
    for heading in (*HEADINGS.values(), "Held-out score"):
        assert heading in elements.texts
    assert "not logged" not in elements.text
    assert len(elements.charts) == len([tag for tag, _ in elements.tags if tag == "figure"])
    assert all({"viewbox", "role", "aria-label"} <= set(chart) for chart in elements.charts)


def test_the_record_is_shown_with_hashes_versions_and_each_start(page):
    text = assert_sound(page).text
    for fact in ("tool_n1/hardened@1", "sha256:" + "ab" * 32, "cd" * 32, "4000 rows", "torch 2.13.0, trl 1.16.0"):
        assert fact in text
    assert "2026-01-02 03:04:05 UTC, after step 0; 2026-01-02 04:04:05 UTC, after step 17" in text
    assert "grpo.learning_rate" in text
    assert "At a dotted line the run had stopped, and went on." in text


def test_a_start_that_went_on_is_a_line_in_every_curve(page, tmp_path):
    assert page.count("stroke-dasharray") == len(assert_sound(page).charts)
    assert "stroke-dasharray" not in render_report(read_run(small_run(tmp_path / "run")), now=NOW)


@pytest.mark.parametrize("metric", HEADINGS)
def test_what_was_not_logged_is_one_line_and_no_empty_plot(metric, run, tmp_path):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()[:3]]
    kept = {"step", "phase", metric, *NEEDED_TOO.get(metric, ())}
    elements = rendered(bare_run(tmp_path, [{name: line[name] for name in kept} for line in lines]))
    drawn = [heading for heading in HEADINGS.values() if f"{heading}: not logged;" not in elements.text]
    # The seconds of generation are part of a step's time, too.
    assert drawn == [HEADINGS[metric]] + ([HEADINGS["step_time"]] if metric == "generation_tokens" else [])
    assert len(elements.charts) == len(drawn)


def test_a_run_that_has_logged_nothing_yet_says_so(tmp_path):
    elements = rendered(bare_run(tmp_path))
    assert "No step was logged yet." in elements.text
    assert elements.charts == []


@pytest.mark.parametrize(
    ("scores", "reasons", "bars"),
    [
        ((0.25, 0.5), {"ok": 1}, True),
        ((0.25, 0.375), {"ok": 8}, True),  # two samples of each of 4 rows
        ((0.25, 0.3), {"ok": 4}, False),
        ((2.0, 3.0), {"ok": 4}, False),
    ],
    ids=["shares", "several samples", "graded", "beyond 1"],
)
def test_intervals_of_shares_are_drawn_around_shares_only(scores, reasons, bars, tmp_path):
    heldout = [{"step": step, "sampled": y, "rows": 4, "reasons": reasons} for step, y in enumerate(scores)]
    elements = rendered(bare_run(tmp_path, heldout=heldout))
    assert ("Bars: 95 % intervals (Wilson), 4 rows." in elements.text) is bars


def test_a_single_step_is_drawn(tmp_path):
    assert len(rendered(write_run(tmp_path / "run", steps=1)).charts) > 10


def test_supervised_training_is_not_told_what_it_lacks_of_reinforcement_learning(tmp_path):
    lines = [{"phase": "sft", "step": n, "time_s": n, "loss": 1 / n, "num_tokens": 100 * n} for n in range(1, 9)]
    bare_run(tmp_path, lines)
    record = json.loads((tmp_path / "run.json").read_text()) | {"algorithm": "sft", "reward": None, "digest": None}
    (tmp_path / "run.json").write_text(json.dumps(record))
    text = rendered(tmp_path).text
    assert "SFT, step 8 of 100" in text
    assert "on None" not in text
    assert "reward None" not in text.split("all settings")[0]
    assert "Loss" in text
    assert "Throughput" in text
    assert "Reasons" not in text
    assert "Hacking" not in text


def test_a_warm_up_in_the_same_folder_has_figures_of_its_own(tmp_path):
    warm_up = [{"phase": "sft", "step": n, "loss": 1 / n} for n in range(1, 9)]
    steps = [{"phase": "grpo", "step": n, "loss": 0.0, "reward": n / 9} for n in range(1, 9)]
    elements = rendered(bare_run(tmp_path, warm_up + steps))
    assert "Supervised warm-up" in elements.texts
    assert elements.texts.count("Loss") == 2


# Completions


def test_each_reason_has_a_few_completions_with_row_score_and_advantage(run, page):
    text = assert_sound(page).text
    frame = pd.concat(map(pd.read_parquet, sorted((run / "completions").iterdir())))
    assert set(frame.reason) == set(REASONS)
    for reason in REASONS:
        assert f"{reason} 3 completions" in text
    newest = frame[(frame.step == 40) & (frame.reason == "json_invalid")].iloc[0]
    assert f"step 40 row {newest.row_id} score 0.00 advantage -0.4" in text


def test_what_a_policy_or_a_record_says_is_text_and_never_markup(tmp_path):
    run = small_run(tmp_path / SCRIPT.replace("/", "-"), completions=False)
    hostile = {"reward": SCRIPT, "digest": SCRIPT, "versions": {SCRIPT: SCRIPT}, "recipe": {SCRIPT: {SCRIPT: SCRIPT}}}
    record = json.loads((run / "run.json").read_text()) | hostile
    record["data"] = [{"path": SCRIPT, "sha256": SCRIPT, "rows": SCRIPT}]
    (run / "run.json").write_text(json.dumps(record))
    write_lines(run / "metrics.jsonl", [{"step": 1, "phase": "grpo", "reward": 1.0, "reasons": {SCRIPT: 3}}])
    texts = {name: [SCRIPT] for name in ("prompt", "completion", "reason", "row_id")}
    frame = pd.DataFrame({"step": [1], "goodcall_reward": [1.0], "advantage": [0.5], **texts})
    frame.to_parquet(run / "completions" / "completions_00001.parquet")
    (run / "evaluations" / SCRIPT.replace("/", "-")).mkdir(parents=True)
    (run / "evaluations" / SCRIPT.replace("/", "-") / "result.json").write_text(json.dumps({"scores": {SCRIPT: 1}}))
    page = render_report(read_run(run), now=NOW)
    assert SCRIPT in assert_sound(page).texts
    assert "<script" not in page.lower()


def test_completions_as_chat_messages_are_shown_by_their_contents(tmp_path):
    run = small_run(tmp_path / "run", completions=False)
    frame = pd.DataFrame(
        {
            "step": [1],
            "prompt": [[{"role": "user", "content": "What time is it?"}]],
            "completion": [[{"role": "assistant", "content": "Noon."}]],
            "goodcall_reward": [float("nan")],
            "advantage": [0.0],
        }
    )
    frame.to_parquet(run / "completions" / "completions_00001.parquet")
    text = rendered(run).text
    assert "assistant: Noon." in text
    assert "user: What time is it?" in text
    assert "(reason not logged) 1 completion" in text
    assert "score none" in text


def test_a_long_completion_is_shown_by_its_two_ends(tmp_path):
    run = small_run(tmp_path / "run", completions=False)
    frame = pd.DataFrame({"step": [1], "completion": ["<a>" + "x" * 100_000 + "<z>"], "reason": ["ok"]})
    frame.to_parquet(run / "completions" / "completions_00001.parquet")
    shown = next(text for text in rendered(run).texts if text.startswith("<a>"))
    assert shown.endswith("<z>")
    assert "94,006 characters" in shown
    assert len(shown) < 7000


def test_a_parquet_file_that_is_being_written_is_left_out_and_counted(tmp_path):
    run = small_run(tmp_path / "run")
    whole = (run / "completions" / "completions_00040.parquet").read_bytes()
    (run / "completions" / "completions_00050.parquet").write_bytes(whole[: len(whole) // 2])
    text = rendered(run).text
    assert "1 of their files could not be read." in text
    assert "step 40 row" in text


# Evaluations


def test_evaluations_stand_beside_each_other(tmp_path):
    run = small_run(tmp_path / "run")
    for name, scores in {
        "before": {"bfcl.overall": 0.5},
        "after": {"bfcl.overall": 0.75, "apibank.overall": 0.25},
    }.items():
        (run / "evaluations" / name).mkdir(parents=True)
        (run / "evaluations" / name / "result.json").write_text(json.dumps({"scores": scores}))
    (run / "evaluations" / "begun").mkdir()
    text = rendered(run).text
    assert "score after before bfcl.overall 0.750 0.500 apibank.overall 0.250 \N{EN DASH}" in text
    assert "begun has no result that can be read" in text


# The state of a run


def test_final_weights_newer_than_the_last_start_mean_finished(run):
    assert summary_of(run)["state"] == "finished"


def test_a_run_goes_on_until_it_has_been_silent_for_longer_than_ten_of_its_steps(tmp_path):
    run = small_run(tmp_path / "run", finished=False)
    (run / "checkpoints" / "checkpoint-20").mkdir(parents=True)
    (run / "checkpoints" / "checkpoint-30").mkdir()
    log = read_run(run)
    assert "going on" in assert_sound(render_report(log, now=log.logged_at + timedelta(minutes=4))).texts
    silent = assert_sound(render_report(log, now=log.logged_at + timedelta(minutes=6)))
    assert "silent" in silent.texts
    assert "It seems to have died; the same command goes on from checkpoint-30." in silent.text
    slow = [{"phase": "grpo", "step": n, "step_time": 600.0} for n in range(1, 5)]
    write_lines(run / "metrics.jsonl", slow)
    log = read_run(run)
    assert "going on" in assert_sound(render_report(log, now=log.logged_at + timedelta(minutes=90))).texts


def test_weights_of_before_the_last_start_do_not_mean_finished(tmp_path):
    run = small_run(tmp_path / "run")
    record = json.loads((run / "run.json").read_text())
    record["starts"].append({"at": (NOW + timedelta(hours=1)).isoformat(), "step": 40})
    (run / "run.json").write_text(json.dumps(record))
    assert summary_of(run)["state"] == "going on"


def test_a_run_that_stopped_itself_says_why_until_it_goes_on(tmp_path):
    run = small_run(tmp_path / "run", finished=False)
    record = json.loads((run / "run.json").read_text())
    record["stops"] = [{"at": "2026-01-02T03:30:00+00:00", "reason": "loss was not finite at step 3."}]
    (run / "run.json").write_text(json.dumps(record))
    elements = rendered(run)
    assert "stopped" in elements.texts
    assert "It stopped itself: loss was not finite at step 3; the same command goes on from the start" in elements.text
    record["starts"].append({"at": NOW.isoformat(), "step": 2, "changed": {"grpo.learning_rate": [1e-6, 5e-7]}})
    (run / "run.json").write_text(json.dumps(record))
    elements = rendered(run)
    assert "going on" in elements.texts
    assert 'after step 2 with changes: {"grpo.learning_rate": [1e-06, 5e-07]}' in elements.text
    assert "2026-01-02 03:30:00 UTC: loss was not finite at step 3." in elements.text


# Alerts


def with_metric(values, metric):
    return [{"phase": "grpo", "step": n, metric: value} for n, value in enumerate(values, start=1)]


def hacked(last, judged=1000):
    gaps = [0.0] * 10 + [last] * 10
    return with_metric([{"judged": judged, "released": 0.5 + gap, "hardened": 0.5} for gap in gaps], "hacking")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (hacked(0.2), "Reward hacking: released - hardened went from +0.000 to +0.200."),
        (with_metric([0.1, float("nan"), float("inf")], "loss"), "loss was NaN or infinite at 2 steps: 2, 3."),
        (with_metric([0.1, float("nan")], "grad_norm"), "grad_norm was NaN or infinite at step 2."),
        (with_metric([0.5] * 5, "sampling/sampling_logp_difference/mean"), "the sampler may hold stale weights"),
        (with_metric([0, 0, 8], "reward_nulls"), "8 completions had no verdict"),
        (with_metric([0.95], "frac_reward_zero_std"), "In 95% of the groups all completions have one score"),
        (with_metric([0.4], "completions/clipped_ratio"), "40% of the completions are cut off"),
        (with_metric([0.3], "reward_wait_share"), "30% of a step is spent waiting for rewards"),
    ],
)
def test_what_needs_a_look_is_said_first(lines, said, tmp_path):
    (alert,) = summary_of(bare_run(tmp_path, lines))["alerts"]
    assert said in alert
    assert alert in rendered(tmp_path).texts


@pytest.mark.parametrize("lines", [hacked(0.015), hacked(0.1, judged=5), hacked(-0.3)], ids=["small", "noisy", "fall"])
def test_a_gap_that_is_small_or_within_its_noise_or_shrinks_is_no_alarm(lines, tmp_path):
    assert summary_of(bare_run(tmp_path, lines))["alerts"] == []


def test_a_sound_run_has_no_alert(run):
    assert summary_of(run)["alerts"] == []


# Whatever a run leaves


def test_a_folder_without_a_record_is_none_of_a_run(tmp_path):
    with pytest.raises(NoRun, match=r"it has no run\.json"):
        write_report(tmp_path)
    with pytest.raises(NoRun, match="it is no folder"):
        write_report(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", '{"recipe": {"gr', "[1]", "null", "\xff"])
def test_a_record_that_cannot_be_read_is_said_and_the_curves_remain(text, tmp_path):
    run = small_run(tmp_path / "run")
    (run / "run.json").write_bytes(text.encode("latin-1"))
    elements = rendered(run)
    assert "Its record could not be read." in elements.text
    assert "Entropy" in elements.texts


def test_a_torn_last_line_is_left_out_and_counted(tmp_path):
    run = small_run(tmp_path / "run")
    with (run / "metrics.jsonl").open("a") as lines:
        lines.write('{"phase": "grpo", "step": 41, "rew')
    assert summary_of(run)["scores"]["steps"] == 2
    assert "metrics.jsonl: 1 line could not be read" in rendered(run).text


def test_of_two_lines_for_one_step_the_later_counts(tmp_path):
    lines = [{"phase": "grpo", "step": step, "reward": reward} for step, reward in ((1, 0.1), (2, 0.9), (2, 0.3))]
    assert summary_of(bare_run(tmp_path, lines))["scores"]["reward"] == 0.3


def test_a_report_is_replaced_in_one_go_and_nothing_else_is_left(tmp_path):
    run = small_run(tmp_path / "run", steps=2)
    before = {path.name for path in run.iterdir()}
    assert write_report(run) == write_report(run) == run / "report.html"
    assert {path.name for path in run.iterdir()} - before == {"report.html"}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, heldout=LINES, record=RECORDS, torn=st.binary(max_size=20))
def test_nothing_that_a_run_may_log_stops_the_report(lines, heldout, record, torn, tmp_path):
    bare_run(tmp_path, lines, heldout)
    (tmp_path / "run.json").write_text(json.dumps(record))
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(torn)
    rendered(tmp_path)
    json.dumps(summary_of(tmp_path), allow_nan=False)

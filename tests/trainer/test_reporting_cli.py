"""`goodcall-train report` and `compare` as people and scripts meet them."""

import json

import pytest
from typer.testing import CliRunner

from goodcall_trainer.cli import app
from trainer.run_folders import write_lines, write_run


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def runs(tmp_path):
    """Two runs with one curve each."""
    folders = [
        write_run(tmp_path / name, seed=seed, steps=20) for seed, name in enumerate(("first", "second"), start=1)
    ]
    for number, folder in enumerate(folders, start=1):
        write_lines(folder / "metrics.jsonl", [{"phase": "grpo", "step": 1, "time_s": 2.0, "reward": number / 4}])
    return folders


def test_report_writes_a_page_into_the_runs_folder_and_says_the_scores(runs):
    result = invoke("report", runs[0])
    assert result.exit_code == 0, result.output
    assert (runs[0] / "report.html").read_text().startswith("<!doctype html>")
    assert f"page: {runs[0] / 'report.html'}" in result.output
    assert "finished, step 1" in result.output


def test_report_writes_elsewhere_when_told_and_speaks_json(runs, tmp_path):
    result = invoke("report", runs[0], "-o", tmp_path / "page.html", "--json")
    summary = json.loads(result.stdout)
    assert summary["scores"]["reward"] == 0.25
    assert summary["report"] == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").exists()
    assert not (runs[0] / "report.html").exists()


def test_compare_shows_a_table_and_writes_a_page_only_when_told(runs, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    result = invoke("compare", *runs)
    assert result.exit_code == 0, result.output
    assert "0.38 ± 0.18" in result.output
    assert sorted(tmp_path.rglob("*")) == before
    assert invoke("compare", *runs, "-o", tmp_path / "comparison.html").exit_code == 0
    assert (tmp_path / "comparison.html").read_text().startswith("<!doctype html>")


def test_compare_speaks_json(runs):
    (arm,) = json.loads(invoke("compare", *runs, "--json").stdout)["arms"]
    assert arm["scores"]["reward"]["mean"] == 0.375


@pytest.mark.parametrize(
    "arguments",
    [["report"], ["report", ".", "-o", "."], ["compare"], ["compare", "."], ["compare", ".", "."]],
    ids=str,
)
def test_wrong_usage_is_exit_code_2(arguments):
    assert invoke(*arguments).exit_code == 2


def test_a_folder_that_is_none_of_a_run_is_exit_code_3_and_one_message(runs, tmp_path):
    for arguments in (["report", tmp_path], ["compare", runs[0], tmp_path]):
        result = invoke(*arguments)
        assert result.exit_code == 3
        assert f"{tmp_path} is not the folder of a run: it has no run.json" in result.output
        assert "Traceback" not in result.output


def test_a_page_that_cannot_be_written_is_exit_code_3(runs, tmp_path):
    for arguments in (["report", runs[0]], ["compare", *runs]):
        result = invoke(*arguments, "-o", tmp_path / "nowhere" / "page.html")
        assert result.exit_code == 3
        assert "nowhere" in result.output

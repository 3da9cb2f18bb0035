"""``goodcall diff``: where two rewards disagree, and the alarm for reward hacking."""

import json

import pytest

from command_line import call, completion, goodcall, goodcall_process, item, read_lines, write_lines
from suites import conformance_rows, conformance_tasks

RELEASED, HARDENED = "tool_n1/released@1", "tool_n1/hardened@1"
RIGHT, WRONG = completion(call()), completion(call("Rome"))
HACK = f"Sure! {RIGHT}"
"""What the released scorer pays for and the hardened reward does not."""


@pytest.fixture
def rollouts(tmp_path):
    return write_lines(tmp_path / "rollouts.jsonl", [item(RIGHT, HACK, WRONG, id="a"), item(HACK, id="b")])


def test_disagreements_are_counted_by_verdicts_and_listed(rollouts):
    result = goodcall("diff", RELEASED, HARDENED, rollouts, "--json")
    assert result.exit_code == 0, result.stderr
    a, b = {"score": 1.0, "reason": "ok"}, {"score": 0.0, "reason": "think_missing"}
    assert json.loads(result.stdout) == {
        "a": RELEASED,
        "b": HARDENED,
        "completions": 4,
        "disagreements": 2,
        "share": 0.5,
        "only_a_pays": 2,
        "kinds": [{"a": a, "b": b, "count": 2, "only_a_pays": True}],
        "listed": [
            {"id": "a", "line": 1, "completion": 1, "a": a, "b": b},
            {"id": "b", "line": 2, "completion": 0, "a": a, "b": b},
        ],
        "fail_over": None,
        "passed": None,
    }


def test_the_table_marks_what_only_the_first_reward_pays_for(rollouts):
    text = goodcall("diff", RELEASED, HARDENED, rollouts).stdout
    assert "agreement 50.00%" in text
    assert "only A pays" in text
    assert "A pays for 2 completions (50.00%) that B does not pay for." in text
    assert "only A pays" not in goodcall("diff", HARDENED, RELEASED, rollouts).stdout


def test_different_reasons_for_one_score_are_no_disagreement(rollouts):
    summary = json.loads(goodcall("diff", HARDENED, HARDENED, rollouts, "--json").stdout)
    assert (summary["disagreements"], summary["kinds"], summary["listed"]) == (0, [], [])
    assert "agreement 100.00%" in goodcall("diff", HARDENED, HARDENED, rollouts).stdout


def test_a_null_disagrees_with_a_number_and_is_no_alarm(tmp_path):
    broken = item(RIGHT, ground_truth=[{"name": "get_weather", "arguments": {}}])
    path = write_lines(tmp_path / "f.jsonl", [broken])
    summary = json.loads(goodcall("diff", RELEASED, HARDENED, path, "--json").stdout)
    assert (summary["disagreements"], summary["only_a_pays"]) == (1, 0)
    assert summary["kinds"][0]["b"] == {"score": None, "reason": "ground_truth_invalid"}


def test_the_list_ends_at_the_limit_and_the_file_holds_all(rollouts, tmp_path):
    everything = tmp_path / "all.jsonl"
    result = goodcall("diff", RELEASED, HARDENED, rollouts, "--limit", "1", "-o", everything)
    assert "the first 1 of 2" in result.stdout
    assert [row["id"] for row in read_lines(everything.read_text())] == ["a", "b"]


@pytest.mark.parametrize(("share", "exit_code"), [("0.5", 0), ("0.49", 1)])
def test_a_greater_share_than_allowed_ends_with_1(rollouts, share, exit_code):
    result = goodcall("diff", RELEASED, HARDENED, rollouts, "--fail-over", share, "--json")
    assert result.exit_code == exit_code
    assert json.loads(result.stdout)["passed"] is (exit_code == 0)


def test_an_empty_file_agrees_with_itself(tmp_path):
    result = goodcall("diff", RELEASED, HARDENED, write_lines(tmp_path / "f.jsonl", []), "--fail-over", "0")
    assert result.exit_code == 0
    assert "0 completions" in result.stdout


def test_two_processes_say_what_one_says_and_find_what_is_known_of_the_conformance_cases(tmp_path):
    rows = conformance_rows("tool_n1.jsonl.gz")
    tasks = conformance_tasks()
    path = write_lines(
        tmp_path / "cases.jsonl",
        [
            {
                "id": row["id"],
                "completion": row["completion"],
                "tools": tasks[row["task"]]["tools"],
                "ground_truth": tasks[row["task"]]["ground_truth"],
            }
            for row in rows
        ],
    )
    outputs = [goodcall_process("diff", RELEASED, HARDENED, path, "--json", "--workers", n).stdout for n in (1, 2)]
    assert outputs[0] == outputs[1]
    paid = [0 if str(row["released"]["v0"]).startswith("error:") else row["released"]["v0"] for row in rows]
    summary = json.loads(outputs[0])
    assert summary["disagreements"] == sum(a != row["hardened"] for a, row in zip(paid, rows, strict=True))
    assert summary["only_a_pays"] == sum(a > row["hardened"] for a, row in zip(paid, rows, strict=True))

"""``goodcall score``: what goes in, what comes out, and where each goes."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import call, completion, goodcall, goodcall_process, item, read_lines, write_lines
from goodcall.cli import spans
from goodcall.cli.failures import EnvironmentFailed
from goodcall.cli.rows import open_rows
from goodcall.rewards import CATALOGUE
from suites import REPOSITORY, golden_cases

RIGHT, WRONG = completion(call()), completion(call("Rome"))
OK = {"score": 1.0, "reason": "ok"}
OTHER_CITY = {"score": 0.0, "reason": "arguments_wrong"}


@pytest.fixture
def two_items(tmp_path):
    return write_lines(tmp_path / "rollouts.jsonl", [item(RIGHT, WRONG, id="a"), item("No.", id="b")])


def test_each_item_becomes_a_line_with_a_verdict_for_each_completion(two_items):
    result = goodcall("score", two_items)
    assert result.exit_code == 0
    assert read_lines(result.stdout) == [
        {"id": "a", "verdicts": [OK, OTHER_CITY]},
        {"id": "b", "verdicts": [{"score": 0.0, "reason": "think_missing"}]},
    ]


def test_the_summary_goes_to_standard_error_when_verdicts_go_to_standard_output(two_items):
    result = goodcall("score", two_items)
    assert "arguments_wrong" in result.stderr
    assert "0.3333" in result.stderr


def test_the_summary_goes_to_standard_output_when_verdicts_go_to_a_file(two_items, tmp_path):
    result = goodcall("score", two_items, "-o", tmp_path / "verdicts.jsonl")
    assert "think_missing" in result.stdout
    assert result.stderr == ""
    assert [row["id"] for row in read_lines((tmp_path / "verdicts.jsonl").read_text())] == ["a", "b"]


def test_the_summary_as_json_is_all_that_standard_output_holds(two_items):
    result = goodcall("score", two_items, "--json")
    summary = json.loads(result.stdout)
    assert summary == {
        "reward": "tool_n1/hardened@1",
        "digest": CATALOGUE["tool_n1/hardened@1"].digest,
        "items": 2,
        "completions": 3,
        "nulls": 0,
        "mean_score": pytest.approx(1 / 3),
        "reasons": [
            {"reason": reason, "count": 1, "share": pytest.approx(1 / 3), "mean_score": mean, "nulls": 0}
            for reason, mean in (("arguments_wrong", 0.0), ("ok", 1.0), ("think_missing", 0.0))
        ],
        "fail_under": None,
        "passed": None,
    }


def test_verdicts_can_be_sent_to_standard_output_beside_a_summary_as_json(two_items):
    result = goodcall("score", two_items, "--json", "-o", "-")
    assert len(read_lines(result.stdout)) == 2
    assert json.loads(result.stderr)["completions"] == 3


def test_explain_adds_the_detail(two_items):
    rows = read_lines(goodcall("score", two_items, "--explain").stdout)
    assert rows[0]["verdicts"][1]["detail"]["pointer"] == "/0/arguments/city"
    assert rows[0]["verdicts"][1]["detail"]["expected"] == '"Oslo"'


def test_a_task_that_is_unusable_gives_null_and_counts_as_such(tmp_path):
    broken = item(RIGHT, ground_truth=[{"name": "get_weather", "arguments": {}}])
    result = goodcall("score", write_lines(tmp_path / "f.jsonl", [broken, item(RIGHT)]), "--json")
    summary = json.loads(result.stdout)
    assert (summary["nulls"], summary["mean_score"]) == (1, 1.0)
    assert {"reason": "ground_truth_invalid", "count": 1, "share": 0.5, "mean_score": None, "nulls": 1} in summary[
        "reasons"
    ]


@pytest.mark.parametrize("reward_id", ["tool_n1/hardened@1", "tool_n1/released@1", "schema/valid@1"])
def test_golden_cases_get_their_golden_verdicts(reward_id):
    path = REPOSITORY / "tests" / "golden" / f"{reward_id.partition('@')[0].replace('/', '_')}.jsonl"
    result = goodcall("score", path, "--reward", reward_id, "--ignore-unknown")
    assert result.exit_code == 0, result.stderr
    given = [
        (row["id"], verdict["score"], verdict["reason"])
        for row in read_lines(result.stdout)
        for verdict in row["verdicts"]
    ]
    assert given == [(case["id"], case["score"], case["reason"]) for case in golden_cases(reward_id)]


def test_gzipped_lines_are_read_whatever_their_name(two_items, tmp_path):
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(two_items.read_bytes()))
    assert goodcall("score", packed).stdout == goodcall("score", two_items).stdout


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_standard_input_is_read_for_a_dash(two_items, pack):
    result = goodcall_process("score", "-", stdin=pack(two_items.read_bytes()))
    assert result.returncode == 0, result.stderr
    assert [row["id"] for row in read_lines(result.stdout)] == ["a", "b"]


def test_blank_lines_a_byte_order_mark_and_carriage_returns_do_no_harm(tmp_path):
    path = tmp_path / "f.jsonl"
    line = json.dumps(item(RIGHT)).encode()
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n   \n" + line)
    assert [row["verdicts"] for row in read_lines(goodcall("score", path).stdout)] == [[OK], [OK]]


def test_a_lone_completion_is_a_list_of_one(tmp_path):
    row = {**item(), "completion": RIGHT}
    del row["completions"]
    assert read_lines(goodcall("score", write_lines(tmp_path / "f.jsonl", [row])).stdout)[0]["verdicts"] == [OK]


@pytest.mark.parametrize("where", ["completion", "id", "name of a call"])
def test_a_lone_surrogate_is_judged_and_given_back_as_the_escape_that_it_came_as(tmp_path, where):
    half = "\ud800"
    row = item(half if where == "completion" else RIGHT, id=half if where == "id" else "a")
    if where == "name of a call":
        message = {"reasoning_content": "t", "tool_calls": [{"function": {"name": half, "arguments": "{}"}}]}
        row["completions"] = [message]
    result = goodcall("score", write_lines(tmp_path / "f.jsonl", [row]), "--explain")
    [scored] = read_lines(result.stdout)
    assert scored["id"] == row["id"]
    assert len(scored["verdicts"]) == 1
    assert result.stdout.isascii()


def test_the_assistant_prefix_stands_before_every_completion_but_where_an_item_has_its_own(tmp_path):
    rest = RIGHT.removeprefix("<think>")
    path = write_lines(tmp_path / "f.jsonl", [item(rest), item(RIGHT, assistant_prefix="")])
    rows = read_lines(goodcall("score", path, "--assistant-prefix", "<think>").stdout)
    assert [row["verdicts"] for row in rows] == [[OK], [OK]]


PARQUET_ROWS = {
    "id": ["a", "b"],
    "completion": [RIGHT, WRONG],
    "ground_truth": [json.dumps([call()])] * 2,
    "tools": [json.dumps(item()["tools"])] * 2,
}


def scored_parquet(tmp_path, columns, *options):
    path = tmp_path / "rollouts"
    pq.write_table(pa.table(columns), path)
    result = goodcall("score", path, *options)
    assert result.exit_code == 0, result.stderr
    return read_lines(result.stdout)


def test_parquet_may_hold_tools_and_ground_truth_as_json_text(tmp_path):
    rows = scored_parquet(tmp_path, PARQUET_ROWS)
    assert rows == [{"id": "a", "verdicts": [OK]}, {"id": "b", "verdicts": [OTHER_CITY]}]


def test_parquet_may_hold_nested_values_and_a_null_there_is_an_absent_field(tmp_path):
    nested = {"completions": [[RIGHT, WRONG], [completion(call(days=3))]], "ground_truth": [[call()], [call(days=3)]]}
    rows = scored_parquet(tmp_path, nested)
    assert rows == [{"id": None, "verdicts": [OK, OTHER_CITY]}, {"id": None, "verdicts": [OK]}]


def test_other_columns_of_parquet_are_passed_over_when_asked_for(tmp_path):
    rows = scored_parquet(tmp_path, {**PARQUET_ROWS, "seen": [b"\xff", b""]}, "--ignore-unknown")
    assert [row["id"] for row in rows] == ["a", "b"]


def test_a_ground_truth_in_parquet_that_is_no_json_gives_null(tmp_path):
    [row, _] = scored_parquet(tmp_path, {**PARQUET_ROWS, "ground_truth": ["[broken", "42"]})
    assert row["verdicts"] == [{"score": None, "reason": "ground_truth_malformed"}]


@pytest.mark.parametrize(("threshold", "exit_code"), [("0.3", 0), ("0.34", 1)])
def test_a_mean_score_under_the_threshold_ends_with_1(two_items, threshold, exit_code):
    result = goodcall("score", two_items, "--fail-under", threshold, "--json")
    assert result.exit_code == exit_code
    assert json.loads(result.stdout)["passed"] is (exit_code == 0)


def test_a_threshold_is_missed_when_nothing_has_a_score(tmp_path):
    result = goodcall("score", write_lines(tmp_path / "f.jsonl", []), "--fail-under", "0")
    assert result.exit_code == 1
    assert "no completion has a score" in result.stderr


def test_the_verdicts_before_a_malformed_line_are_written_and_none_after_it(tmp_path):
    path = tmp_path / "f.jsonl"
    line = json.dumps(item(RIGHT))
    path.write_text(f"{line}\n{line}\n{{\n{line}\n", encoding="utf-8")
    result = goodcall("score", path)
    assert result.exit_code == 2
    assert f"{path}, line 3" in result.stderr
    assert len(read_lines(result.stdout)) == 2


def test_two_processes_write_the_same_bytes_as_one(tmp_path):
    rows = [item(RIGHT, WRONG, "No.", id=f"row-{number}") for number in range(500)]
    path = write_lines(tmp_path / "many.jsonl", rows)
    results = [goodcall_process("score", path, "--workers", workers, "-o", "-", "--json") for workers in (1, 2)]
    assert [result.returncode for result in results] == [0, 0]
    assert results[0].stdout == results[1].stdout
    assert results[0].stderr == results[1].stderr
    assert len(results[0].stdout.splitlines()) == 500


def test_two_processes_read_parquet_and_write_the_same_bytes_as_one(tmp_path):
    rows = {name: PARQUET_ROWS[name] * 3000 for name in PARQUET_ROWS}
    path = tmp_path / "many"
    pq.write_table(pa.table(rows | {"id": [str(number) for number in range(6000)]}), path, row_group_size=2500)
    results = [goodcall_process("score", path, "--workers", workers, "-o", "-", "--json") for workers in (1, 2)]
    assert [result.returncode for result in results] == [0, 0]
    assert results[0].stdout == results[1].stdout
    assert results[0].stderr == results[1].stderr
    assert len(results[0].stdout.splitlines()) == 6000


@pytest.mark.parametrize("span_bytes", [1, 700, 5000, 1 << 20])
def test_spans_of_lines_are_all_rows_with_their_numbers_wherever_they_are_cut(tmp_path, monkeypatch, span_bytes):
    monkeypatch.setattr(spans, "SPAN_BYTES", span_bytes)
    path = tmp_path / "f.jsonl"
    line = json.dumps(item(RIGHT)).encode()
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n   \n" + (line + b"\n") * 40 + b"\n" + line)
    with open_rows(str(path)) as file:
        whole = list(file.rows)
        assert [row for span in file.spans() for row in span.rows()] == whole
        assert file.position() == path.stat().st_size
    assert [row.number for row in whole] == [1, *range(4, 44), 45]


def test_what_one_reader_must_read_has_no_spans(two_items, tmp_path):
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(two_items.read_bytes()))
    with open_rows(str(packed)) as file:
        assert file.spans is None


def test_a_file_that_becomes_shorter_while_it_is_read_is_the_environments_fault(two_items):
    with open_rows(str(two_items)) as file:
        [span] = file.spans()
    two_items.write_bytes(two_items.read_bytes()[:-1])
    with pytest.raises(EnvironmentFailed, match="has become shorter"):
        list(span.rows())


def test_a_row_of_parquet_that_json_can_not_hold_stops_several_processes_with_its_place(tmp_path):
    path = tmp_path / "many"
    truths = [b"[]" if number == 5000 else None for number in range(9000)]
    pq.write_table(pa.table({"completion": [RIGHT] * 9000, "ground_truth": truths}), path, row_group_size=3000)
    result = goodcall_process("score", path, "--workers", "2", "--reward", "schema/valid")
    assert result.returncode == 2
    assert b"row 5001: column ground_truth can't be written as JSON" in result.stderr
    assert b"Traceback" not in result.stderr


def test_a_malformed_line_stops_several_processes_at_the_same_place(tmp_path):
    path = tmp_path / "many.jsonl"
    lines = [json.dumps(item(RIGHT))] * 300
    lines[200] = '{"completions": 7}'
    path.write_text("\n".join(lines), encoding="utf-8")
    result = goodcall_process("score", path, "--workers", "2")
    assert result.returncode == 2
    assert len(result.stdout.splitlines()) == 200
    assert b"line 201, at /completions" in result.stderr
    assert b"Traceback" not in result.stderr

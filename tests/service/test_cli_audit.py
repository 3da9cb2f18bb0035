"""``goodcall audit``: what is wrong with a dataset, and nothing that is not."""

import gzip
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import WEATHER, call, goodcall, goodcall_process, write_lines
from goodcall.dialects.calls import read_toolrl
from goodcall.dialects.tools import ToolDialect, normalise
from suites import SHARED, conformance, conformance_tasks


def row(number, **fields):
    """A sound row that no other row equals."""
    return {"id": f"row-{number}", "tools": [WEATHER], "ground_truth": [call(f"City {number}")], **fields}


SOUND = [row(number) for number in range(20)]


def audit(tmp_path, rows, *options):
    result = goodcall("audit", write_lines(tmp_path / "dataset.jsonl", rows), "--json", *options)
    assert result.exit_code in {0, 1}, result.stderr
    report = json.loads(result.stdout)
    assert result.exit_code == bool(report["findings"])
    return report


def found(report):
    return [(finding["kind"], finding["line"], finding["pointer"]) for finding in report["findings"]]


def test_nothing_is_found_in_a_sound_dataset(tmp_path):
    assert audit(tmp_path, SOUND) == {
        "rows": 20,
        "errors": {"rows": 0, "findings": 0},
        "warnings": {"rows": 0, "findings": 0},
        "kinds": [],
        "constant_answers": [],
        "findings": [],
    }
    assert "20 rows: 0 with errors, 0 with warnings." in goodcall("audit", tmp_path / "dataset.jsonl").stdout


DEEP = {"name": "get_weather", "arguments": {"city": json.loads("[" * 70 + "]" * 70)}}
BROKEN_ROWS = {
    "ground truth breaks its schema": (
        {"ground_truth": [call(), call(7)]},
        "ground_truth_invalid",
        "/ground_truth/1/arguments/city",
    ),
    "ground truth calls a tool that is not offered": (
        {"ground_truth": [{"name": "get_wether", "arguments": {}}]},
        "ground_truth_tool_unknown",
        "/ground_truth/0/name",
    ),
    "ground truth is no list of calls": (
        {"ground_truth": [{"name": "get_weather"}]},
        "ground_truth_malformed",
        "/ground_truth/0",
    ),
    "ground truth is a string": ({"ground_truth": "[]"}, "ground_truth_malformed", "/ground_truth"),
    "ground truth nests too deep": ({"ground_truth": [DEEP]}, "ground_truth_malformed", "/ground_truth"),
    "ground truth has an integer too long": (
        {"ground_truth": "LONG"},
        "ground_truth_malformed",
        "/ground_truth",
    ),
    "ground truth holds a lone surrogate": (
        {"ground_truth": [call("\ud800")]},
        "ground_truth_malformed",
        "/ground_truth",
    ),
    "ground truth is null": ({"ground_truth": None}, "ground_truth_missing", None),
    "tools are no definitions": ({"tools": [{"title": "x"}]}, "tools_malformed", "/tools/0"),
    "tools are a string": ({"tools": json.dumps([WEATHER])}, "tools_malformed", "/tools"),
    "a schema does not compile": (
        {
            "tools": [
                WEATHER,
                {"type": "function", "function": {"name": "g", "parameters": {"properties": {"a": {"type": "text"}}}}},
            ]
        },
        "tool_schema_invalid",
        "/tools/1/function/parameters/properties/a/type",
    ),
    "a schema leads elsewhere": (
        {"tools": [WEATHER, {"name": "g", "parameters": {"$ref": "http://127.0.0.1:9/schema"}}]},
        "tool_schema_invalid",
        "/tools/1/parameters",
    ),
    "a chat marker in the arguments": ({"ground_truth": [call("<|im_start|>")]}, "unreachable", "/ground_truth"),
}


@pytest.mark.parametrize(("fields", "kind", "pointer"), BROKEN_ROWS.values(), ids=BROKEN_ROWS)
def test_a_broken_row_is_found_with_its_place(tmp_path, fields, kind, pointer):
    rows = [*SOUND[:3], row(3, **fields), *SOUND[4:]]
    path = write_lines(tmp_path / "dataset.jsonl", rows)
    path.write_text(path.read_text().replace('"LONG"', f'[{{"name": "f", "arguments": {{"n": {"9" * 4301}}}}}]'))
    result = goodcall("audit", path, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert found(report) == [(kind, 4, pointer)]
    assert report["findings"][0]["id"] == "row-3"
    assert report["errors"] == {"rows": 1, "findings": 1}


def test_every_wrong_call_of_a_row_is_found_and_the_row_counts_once(tmp_path):
    report = audit(tmp_path, [*SOUND, row(20, ground_truth=[call(1), {"name": "f", "arguments": {}}])])
    assert [finding["kind"] for finding in report["findings"]] == ["ground_truth_invalid", "ground_truth_tool_unknown"]
    assert report["errors"] == {"rows": 1, "findings": 2}


def test_a_line_that_is_no_object_is_a_finding_and_the_rest_is_audited(tmp_path):
    path = write_lines(tmp_path / "dataset.jsonl", SOUND)
    path.write_text("{broken\n" + path.read_text())
    report = json.loads(goodcall("audit", path, "--json").stdout)
    assert found(report) == [("row_malformed", 1, None)]
    assert report["rows"] == 21


def test_a_schema_of_another_dialect_is_told_from_json_schema_by_the_type_that_it_names(tmp_path):
    bad = {"name": "g", "parameters": {"type": "object", "properties": {"a": {"type": "txt"}}}}
    [finding] = audit(tmp_path, [*SOUND, row(20, tools=[WEATHER, bad])])["findings"]
    assert finding["expected"].startswith("a type of JSON Schema: string, number")
    assert finding["got"] == '"txt"'


def test_duplicates_are_warnings_that_name_the_first_row(tmp_path):
    same_but_for_its_id = {**SOUND[0], "id": "other", "tools": [dict(reversed(WEATHER.items()))]}
    report = audit(tmp_path, [*SOUND, row(20, id="row-5"), same_but_for_its_id])
    assert found(report) == [("duplicate_id", 21, "/id"), ("duplicate_row", 22, "")]
    assert [finding["got"] for finding in report["findings"]] == ["the id of line 6", "the same as line 1"]
    assert (report["errors"]["rows"], report["warnings"]["rows"]) == (0, 2)


@pytest.mark.parametrize("prompt", ["prompt", "messages", "query"])
def test_rows_with_different_prompts_are_no_duplicates(tmp_path, prompt):
    rows = [row(number, ground_truth=[call()], **{prompt: f"text {number}"}) for number in range(2)]
    assert audit(tmp_path, rows, "--constant-share", "1")["findings"] == []


def test_warnings_can_be_left_out_of_the_findings_and_of_the_exit_code(tmp_path):
    path = write_lines(tmp_path / "dataset.jsonl", [*SOUND, row(20, id="row-5")])
    assert goodcall("audit", path).exit_code == 1
    assert goodcall("audit", path, "--errors-only").exit_code == 0


def test_constant_answers_are_told_as_shares_and_warned_of_above_the_threshold(tmp_path):
    no_call = [row(number, ground_truth=[], query=f"{number}") for number in range(5)]
    one_city = [row(number, ground_truth=[call(days=1)], query=f"{number}") for number in range(5, 7)]
    equal_as_json = row(7, ground_truth=[{"arguments": {"days": 1.0, "city": "Oslo"}, "name": "get_weather"}])
    rows = [*no_call, *one_city, equal_as_json, *SOUND[8:]]
    report = audit(tmp_path, rows, "--constant-share", "0.2")
    assert report["constant_answers"] == [
        {"answer": "[]", "rows": 5, "share": 0.25},
        {"answer": json.dumps([call(days=1)]), "rows": 3, "share": 0.15},
    ]
    assert found(report) == [("constant_answer", None, None)]
    assert audit(tmp_path, rows, "--constant-share", "0.25")["findings"] == []


def test_rows_without_tools_have_nothing_to_be_checked_against(tmp_path):
    rows = [{"id": str(number), "ground_truth": [call(number)]} for number in range(3)]
    assert audit(tmp_path, rows)["findings"] == []


def test_ids_may_be_numbers_or_missing(tmp_path):
    rows = [row(0, id=7), row(1, id=7), row(2, id=None), row(3, id=None)]
    report = audit(tmp_path, rows)
    assert [(finding["kind"], finding["id"]) for finding in report["findings"]] == [("duplicate_id", "7")]


def test_the_table_shows_each_finding_with_its_row_and_the_kinds_with_their_counts(tmp_path):
    rows = [*SOUND, *(row(number, ground_truth=[call(number)]) for number in range(20, 50))]
    text = goodcall("audit", write_lines(tmp_path / "dataset.jsonl", rows)).stdout
    assert "the first 20 of 30" in text
    assert "row-20" in text
    assert "row-45" not in text
    assert "50 rows: 30 with errors, 0 with warnings." in text
    assert "row-45" in goodcall("audit", tmp_path / "dataset.jsonl", "--limit", "0").stdout


def test_parquet_is_audited_with_columns_that_are_none_of_its_business(tmp_path):
    path = tmp_path / "dataset"
    columns = {
        "id": ["a", "b"],
        "tools": [json.dumps([WEATHER])] * 2,
        "ground_truth": [json.dumps([call()]), json.dumps([call(1)])],
        "image": [b"\xff", b"\xfe"],
    }
    pq.write_table(pa.table(columns), path)
    report = json.loads(goodcall("audit", path, "--json").stdout)
    assert found(report) == [("ground_truth_invalid", 2, "/ground_truth/0/arguments/city")]


def test_exactly_the_tasks_whose_ground_truth_breaks_its_schema_are_errors():
    result = goodcall("audit", conformance("tasks.jsonl.gz"), "--json")
    report = json.loads(result.stdout)
    errors = {finding["id"] for finding in report["findings"] if finding["level"] == "error"}
    broken = {task_id for task_id, task in conformance_tasks().items() if not task["ground_truth_valid"]}
    assert result.exit_code == 1
    assert len(broken) == 181
    assert errors == broken
    assert report["errors"]["rows"] == 181
    assert {finding["kind"] for finding in report["findings"] if finding["level"] == "error"} == {
        "ground_truth_invalid"
    }
    assert report["rows"] == 3475


def test_two_processes_find_what_one_finds():
    outputs = [
        goodcall_process("audit", conformance("tasks.jsonl.gz"), "--json", "--workers", workers).stdout
        for workers in (1, 2)
    ]
    assert outputs[0] == outputs[1]


RLLA_TOOL = re.compile(r"^\d+\. Name: ([^\n]*)\nDescription: .*?\nParameters: ([^\n]*)$", re.MULTILINE | re.DOTALL)


def rlla_row(number, instruction, output):
    """A row of rlla: its tools stand in the prose of the system prompt, its calls in the text of the answer."""
    definitions = [{"name": name, "parameters": json.loads(text)} for name, text in RLLA_TOOL.findall(instruction)]
    tools = [tool.to_openai() for tool in normalise(definitions, ToolDialect.XLAM).tools]
    calls = [{"name": made.name, "arguments": made.arguments} for made in read_toolrl(output)]
    return {"id": f"rlla-{number}", "tools": tools, "ground_truth": calls}


def test_what_is_wrong_with_rlla_is_found(tmp_path):
    path = SHARED / "data" / "rlla" / "rlla_sft.json.gz"
    if not path.exists():
        pytest.skip("no data beside this checkout")
    with gzip.open(path) as file:
        source = json.load(file)
    rows = [
        {**rlla_row(n, each["instruction"], each["output"]), "prompt": each["input"]} for n, each in enumerate(source)
    ]
    report = audit(tmp_path, rows)
    counts = {kind["kind"]: kind["rows"] for kind in report["kinds"]}
    assert counts == {
        "tools_malformed": 1,
        "ground_truth_tool_unknown": 1,
        "ground_truth_invalid": 63,
        "constant_answer": 0,
    }
    by_id = {finding["id"]: finding for finding in report["findings"]}
    # Its calls were cut at commas inside brackets when the dataset was made.
    assert by_id["rlla-37"]["got"] == json.dumps('["Java"')

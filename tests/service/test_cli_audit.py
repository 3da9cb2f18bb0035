"""``goodcall audit``: what is wrong with a dataset, and nothing that is not."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line import WEATHER, call, goodcall, goodcall_process, write_lines
from goodcall.bulk.rows import Row
from goodcall.cli.audit_rows import audit_row
from suites import conformance, conformance_tasks, dataset


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


LISTS = {
    "on one line": json.dumps(SOUND),
    "pretty-printed": json.dumps(SOUND, indent=4),
    "behind blank lines": "\n\n " + json.dumps(SOUND),
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("write", [str.encode, lambda text: gzip.compress(text.encode())], ids=["plain", "gzipped"])
def test_a_file_that_is_one_list_is_audited_element_by_element(tmp_path, write, text):
    path = tmp_path / "dataset.json"
    path.write_bytes(write(text.replace('"city": "City 7"', '"city": 7')))
    report = json.loads(goodcall("audit", path, "--json").stdout)
    assert report["rows"] == 20
    assert found(report) == [("ground_truth_invalid", 8, "/ground_truth/0/arguments/city")]


def test_a_list_may_come_on_standard_input():
    assert "20 rows: 0 with errors" in goodcall("audit", "-", stdin=json.dumps(SOUND, indent=1)).stdout


def test_what_is_no_object_in_a_list_is_a_finding():
    report = json.loads(goodcall("audit", "-", "--json", stdin=json.dumps([*SOUND, 7])).stdout)
    assert found(report) == [("row_malformed", 21, None)]


@pytest.mark.parametrize("first", ["[1]", "[", "[" * 100_000])
def test_lines_of_which_the_first_looks_like_a_list_are_still_lines(tmp_path, first):
    path = write_lines(tmp_path / "dataset.jsonl", SOUND)
    path.write_text(f"{first}\n" + path.read_text())
    report = json.loads(goodcall("audit", path, "--json").stdout)
    assert found(report) == [("row_malformed", 1, None)]
    assert report["rows"] == 21


SYSTEM = """Be of help.
1. Name: get weather
Description: The weather in a city.
Parameters: {"city": {"type": "str", "default": ""}, "days": {"type": "int", "default": 1}}
2. Name: ping
Description: Answers.
Parameters: {}

Think first."""


def answer(*calls):
    """An expected answer as ToolRL writes it."""
    lines = "".join(f"{json.dumps(call)}\n" for call in calls)
    return f"<think> They ask. </think>\n<tool_call>\n{lines}</tool_call>"


def toolrl_call(city, name="get weather"):
    return {"name": name, "parameters": {"city": city}}


def instruction_row(prompt, expected, query="Oslo?"):
    """A row as ToolRL's supervised part has them."""
    return {"instruction": prompt, "input": query, "output": expected}


def verl_row(prompt, expected, query="Oslo?"):
    """A row as ToolRL's part for verl has them."""
    messages = [{"content": prompt, "role": "system"}, {"content": query, "role": "user"}]
    return {
        "data_source": "rlla",
        "prompt": messages,
        "reward_model": {"ground_truth": expected, "style": "rule"},
        "extra_info": {"index": 0, "output": expected},
    }


SOUND_ANSWERS = [
    answer(toolrl_call("Oslo")),
    answer({"name": "ping", "parameters": {}}, toolrl_call("Rome")) + "\n<response> Wait. </response>",
    "<response> None of them fits. </response>",
]
every_layout = pytest.mark.parametrize("layout", [instruction_row, verl_row])


@every_layout
def test_nothing_is_found_in_sound_rows_of_toolrl(tmp_path, layout):
    rows = [layout(SYSTEM, expected) for expected in SOUND_ANSWERS]
    report = audit(tmp_path, rows, "--constant-share", "1")
    assert (report["rows"], report["findings"]) == (3, [])


@every_layout
def test_calls_in_toolrls_answers_are_checked_against_the_tools_in_its_prose(tmp_path, layout):
    rows = [layout(SYSTEM, answer(toolrl_call("Oslo"), toolrl_call(7), toolrl_call("Oslo", "pong")))]
    report = audit(tmp_path, rows)
    assert found(report) == [
        ("ground_truth_invalid", 1, "/ground_truth/1/arguments/city"),
        ("ground_truth_tool_unknown", 1, "/ground_truth/2/name"),
    ]
    assert report["findings"][1]["expected"] == 'one of ["get weather", "ping"]'


ANSWER = "<tool_call> with one call a line, or <response>"


@pytest.mark.parametrize(
    ("layout", "prompt_at", "answer_at"),
    [
        (instruction_row, "/instruction", "/output"),
        (verl_row, "/prompt/0/content", "/reward_model/ground_truth"),
    ],
)
def test_texts_of_toolrl_that_cannot_be_read_are_findings_with_their_place(tmp_path, layout, prompt_at, answer_at):
    sound = layout(SYSTEM, SOUND_ANSWERS[0])
    broken = [
        layout(SYSTEM.replace("2. Name", "4. Name"), SOUND_ANSWERS[1]),
        layout(SYSTEM, "<think> They ask. </think>\n<tool_call>\nget weather\n</tool_call>"),
        layout(SYSTEM, answer({"name": "ping"})),
        layout("Be of help.", "<response> It rains."),
    ]
    report = audit(tmp_path, [sound, *broken])
    assert found(report) == [
        ("tools_malformed", 2, prompt_at),
        ("ground_truth_malformed", 3, answer_at),
        ("ground_truth_malformed", 4, answer_at),
        ("tools_malformed", 5, prompt_at),
        ("ground_truth_malformed", 5, answer_at),
    ]
    assert report["errors"] == {"rows": 4, "findings": 5}
    assert [(finding["expected"], finding["got"]) for finding in report["findings"]] == [
        ("tool 2", '"4. Name: ping" in line 5'),
        (ANSWER, '"get weather" in line 3: The text of the call is not valid JSON.'),
        (ANSWER, "at /0: A call lacks its name or its arguments."),
        ("a list of tools that begins with a line 1. Name: …", '"Be of help." in line 1'),
        (ANSWER, '"<response> It rains." in line 1: expected calls or a response'),
    ]


def test_a_type_that_nobody_knows_in_toolrls_prose_is_found(tmp_path):
    report = audit(tmp_path, [instruction_row(SYSTEM.replace('"int"', '"inttt"'), SOUND_ANSWERS[0])])
    assert found(report) == [("tool_schema_invalid", 1, "/tools/0/parameters/days/type")]


@pytest.mark.parametrize("messages", [[], [{"role": "user", "content": SYSTEM}], [{"role": "system"}, "x"]])
def test_messages_of_which_none_is_the_system_prompt_offer_no_tools(tmp_path, messages):
    report = audit(tmp_path, [verl_row(SYSTEM, SOUND_ANSWERS[0]) | {"prompt": messages}])
    assert found(report) == [("tools_malformed", 1, "/prompt")]


NOT_TOOLRL = {
    "an answer without tags": instruction_row("Be of help.", "It rains."),
    "an answer that is no text": instruction_row(SYSTEM, 7),
    "a prompt that is one text": verl_row(SYSTEM, SOUND_ANSWERS[0]) | {"prompt": SYSTEM},
    "a ground truth that is no text": verl_row(SYSTEM, [toolrl_call("Oslo")]),
    "a reward model that is no object": verl_row(SYSTEM, "") | {"reward_model": "rule"},
}


@pytest.mark.parametrize("other", NOT_TOOLRL.values(), ids=NOT_TOOLRL)
def test_rows_that_only_resemble_those_of_toolrl_have_no_ground_truth(tmp_path, other):
    assert found(audit(tmp_path, [*SOUND, other])) == [("ground_truth_missing", 21, None)]


def test_a_row_with_a_ground_truth_of_its_own_keeps_it(tmp_path):
    assert audit(tmp_path, [*SOUND, row(20, **instruction_row("Be of help.", "<response>"))])["findings"] == []


@pytest.mark.parametrize(
    ("value", "kind"), [("9" * 5000, "ground_truth_missing"), ("[" * 900 + "]" * 900, "tools_malformed")]
)
def test_values_that_stretch_a_decoder_are_none_of_toolrls_texts(tmp_path, value, kind):
    rows = [*SOUND, verl_row(SYSTEM, SOUND_ANSWERS[0]) | {"prompt": "STRETCHED"}]
    path = write_lines(tmp_path / "dataset.jsonl", rows)
    path.write_text(path.read_text().replace('"STRETCHED"', value))
    [finding] = json.loads(goodcall("audit", path, "--json").stdout)["findings"]
    assert (finding["kind"], finding["line"]) == (kind, 21)


texts = st.text(max_size=8) | st.sampled_from([SYSTEM, "1. Name: a", "Be of help.", "<response>", *SOUND_ANSWERS])
messages = st.lists(st.fixed_dictionaries({}, optional={"role": st.just("system"), "content": texts}), max_size=2)
anything = st.none() | st.integers() | texts | messages | st.fixed_dictionaries({}, optional={"ground_truth": texts})


@given(st.dictionaries(st.sampled_from(["instruction", "output", "prompt", "reward_model", "id"]), anything))
def test_whatever_stands_in_toolrls_fields_is_audited(fields):
    audited = audit_row(Row(3, json.dumps(fields).encode()))
    assert audited.answer is not None or audited.findings
    assert all(finding.line == 3 for finding in audited.findings)


@every_layout
def test_rows_of_toolrl_are_the_same_only_when_prompt_query_and_answer_are(tmp_path, layout):
    rows = [
        layout(SYSTEM, SOUND_ANSWERS[0]),
        layout(SYSTEM, SOUND_ANSWERS[0], "And Rome?"),
        layout(SYSTEM, SOUND_ANSWERS[2]),
        layout(SYSTEM, "<response>"),
        layout(SYSTEM, "<response> Well"),
        layout(SYSTEM, SOUND_ANSWERS[0]),
    ]
    report = audit(tmp_path, rows, "--constant-share", "1")
    assert [finding["line"] for finding in report["findings"] if finding["kind"] == "duplicate_row"] == [6]


def counts(report):
    return {kind["kind"]: kind["rows"] for kind in report["kinds"]}


def test_what_is_wrong_with_the_supervised_rows_of_toolrl_is_found():
    report = json.loads(goodcall("audit", dataset("rlla", "rlla_sft.json.gz"), "--json").stdout)
    assert (report["rows"], report["errors"]["rows"]) == (400, 65)
    assert counts(report) == {
        "tools_malformed": 1,
        "ground_truth_tool_unknown": 1,
        "ground_truth_invalid": 63,
        "constant_answer": 0,
    }
    # Its calls were cut at commas inside brackets when the dataset was made.
    [cut] = [finding for finding in report["findings"] if finding["line"] == 38]
    assert cut["got"] == json.dumps('["Java"')
    [twice] = [finding for finding in report["findings"] if finding["kind"] == "tools_malformed"]
    assert (twice["line"], twice["expected"]) == (205, "one definition a name")


def test_what_is_wrong_with_the_test_rows_of_toolrl_is_found():
    report = json.loads(goodcall("audit", dataset("rlla", "test.parquet"), "--json").stdout)
    assert (report["rows"], report["errors"]["rows"]) == (80, 18)
    assert counts(report) == {"ground_truth_tool_unknown": 1, "ground_truth_invalid": 17, "constant_answer": 0}

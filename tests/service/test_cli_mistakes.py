"""Common mistakes on the command line: each ends with one sentence that says what, where and what to do."""

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import call, completion, goodcall, goodcall_process, item, write_lines

RIGHT = completion(call())
ITEM = json.dumps(item(RIGHT))
USAGE, ENVIRONMENT = 2, 3

BROKEN_FILES = {
    "a list instead of lines": (f"[{ITEM}]", ["line 1", "jq -c '.[]'"]),
    "a pretty-printed list": (json.dumps([item(RIGHT)], indent=2), ["line 1", "jq -c '.[]'"]),
    "a pretty-printed object": (json.dumps(item(RIGHT), indent=2), ["line 1", "one item a line", "jq -c"]),
    "a whole request": (json.dumps({"items": [item(RIGHT)]}), ["line 1", "whole request", "jq -c '.items[]'"]),
    "text that is no JSON": (f"{ITEM}\nhello\n", ["line 2", "RFC 8259"]),
    "a misspelt field": (
        json.dumps({**item(RIGHT), "tool": []}),
        ["line 1", "unknown field tool", "did you mean tools?"],
    ),
    "a field of one's own": (json.dumps({**item(RIGHT), "zzz": 1}), ["unknown field zzz", "--ignore-unknown"]),
    "a misspelt field of the context": (
        json.dumps(item(RIGHT, context={"steps": 1})),
        ["line 1, at /context", "step, num_turns"],
    ),
    "no completions": (json.dumps({"ground_truth": []}), ["line 1", "`completions`"]),
    "completions that are a string": (json.dumps({**item(), "completions": RIGHT}), ["at /completions", "`array`"]),
    "a completion that is a number": (json.dumps(item(RIGHT, 7)), ["line 1, at /completions/1", "`int`"]),
    "a tool call that is a number, beside half a surrogate pair": (
        json.dumps(item({"tool_calls": [7]}, "\ud800")),
        ["at /completions/0/tool_calls/0", "`object`"],
    ),
    "completion and completions": (json.dumps({**item(RIGHT), "completion": RIGHT}), ["keep one of them"]),
    "no ground truth": (
        json.dumps({"completions": [RIGHT]}),
        ["line 1", "needs ground_truth", "--reward"],
    ),
    "UTF-16": (ITEM.encode("utf-16"), ["UTF-16", "iconv"]),
    "a damaged gzip file": (gzip.compress(ITEM.encode() * 99)[:-20], ["gzip", "cut short"]),
    "a damaged Parquet file": (b"PAR1 and nothing of the kind", ["can't be read as Parquet"]),
}


@pytest.mark.parametrize("command", [["score"], ["explain"], ["diff", "tool_n1/released", "tool_n1/hardened"]])
@pytest.mark.parametrize(("content", "words"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_file_of_the_wrong_form_is_refused_with_its_place_and_advice(tmp_path, command, content, words):
    path = tmp_path / "rollouts.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = goodcall(*command, path)
    assert result.exit_code == USAGE
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith(f"goodcall {command[0]}: ")
    assert str(path) in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("command", [["score"], ["explain"], ["audit"], ["diff", "tool_n1/released", "tool_n1/llama"]])
def test_a_missing_file_is_refused(tmp_path, command):
    result = goodcall(*command, tmp_path / "nowhere.jsonl")
    assert result.exit_code == USAGE
    assert "there is no file" in result.stderr
    assert "nowhere.jsonl" in result.stderr


@pytest.mark.parametrize(
    "command", [["score", "--reward"], ["explain", "--reward"], ["rewards"], ["diff", "tool_n1/hardened"]]
)
def test_a_misspelt_reward_is_refused_and_the_nearest_is_named(tmp_path, command):
    file = [] if command == ["rewards"] else [write_lines(tmp_path / "f.jsonl", [item(RIGHT)])]
    result = goodcall(*command, "tool_n1/hardend", *file)
    assert result.exit_code == USAGE
    assert "unknown reward tool_n1/hardend; did you mean tool_n1/hardened?" in result.stderr


def test_a_reward_like_none_in_the_catalogue_leads_to_the_catalogue(tmp_path):
    result = goodcall("score", write_lines(tmp_path / "f.jsonl", []), "--reward", "accuracy")
    assert "unknown reward accuracy; goodcall rewards lists all" in result.stderr


def test_a_misspelt_reason_is_refused_and_the_nearest_is_named(tmp_path):
    result = goodcall("explain", write_lines(tmp_path / "f.jsonl", [item(RIGHT)]), "--reason", "arguments_rong")
    assert result.exit_code == USAGE
    assert "did you mean arguments_wrong?" in result.stderr


def test_a_message_for_a_reward_that_judges_text_is_refused(tmp_path):
    path = write_lines(tmp_path / "f.jsonl", [item({"content": "hello"})])
    result = goodcall("score", path, "--reward", "tool_n1/released")
    assert result.exit_code == USAGE
    assert "judges text" in result.stderr


def test_writing_over_the_file_that_is_read_is_refused_and_leaves_it_alone(tmp_path):
    path = write_lines(tmp_path / "f.jsonl", [item(RIGHT)])
    before = path.read_bytes()
    result = goodcall("score", path, "-o", path)
    assert result.exit_code == USAGE
    assert "write to another one" in result.stderr
    assert path.read_bytes() == before


def test_an_output_that_can_not_be_written_is_the_environments_fault(tmp_path):
    result = goodcall("score", write_lines(tmp_path / "f.jsonl", []), "-o", tmp_path / "nowhere" / "out.jsonl")
    assert result.exit_code == ENVIRONMENT
    assert "can't be written: No such file or directory" in result.stderr


def test_a_folder_in_place_of_a_file_is_the_environments_fault(tmp_path):
    result = goodcall("score", tmp_path)
    assert result.exit_code == ENVIRONMENT
    assert "Is a directory" in result.stderr


def test_parquet_without_pyarrow_ends_with_the_command_that_installs_it(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"completion": [RIGHT]}), path)
    (tmp_path / "pyarrow.py").write_text("raise ImportError('not here')")
    result = goodcall_process("score", path, environment={"PYTHONPATH": os.fspath(tmp_path)})
    assert result.returncode == ENVIRONMENT
    assert b"pip install 'goodcall[parquet]'" in result.stderr
    assert b"Traceback" not in result.stderr


def test_parquet_on_standard_input_is_refused(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"completion": [RIGHT]}), path)
    result = goodcall_process("score", "-", stdin=path.read_bytes())
    assert result.returncode == USAGE
    assert b"give the file's path" in result.stderr


def test_a_column_that_json_can_not_hold_is_named_and_refused(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"completion": [RIGHT], "ground_truth": [b"[]"]}), path)
    result = goodcall("score", path)
    assert result.exit_code == USAGE
    assert "row 1: column ground_truth can't be written as JSON" in result.stderr


NO_DATASETS = {
    "other fields": (
        '{"instruction": "x", "output": "y"}',
        "has a ground_truth; what they have is instruction, output",
    ),
    "a list of lists": ("[[], []]", "holds no JSON objects"),
    "lines of lists": ("[]\n[]", "holds no JSON objects"),
    "an empty list": ("[]", "has no rows"),
    "nothing": ("", "has no rows"),
}


@pytest.mark.parametrize(("content", "message"), NO_DATASETS.values(), ids=NO_DATASETS)
def test_a_file_that_is_no_dataset_is_refused(tmp_path, content, message):
    path = tmp_path / "f.jsonl"
    path.write_text(content, encoding="utf-8")
    result = goodcall("audit", path)
    assert result.exit_code == USAGE
    assert message in result.stderr


def test_columns_of_parquet_are_named_when_none_is_a_ground_truth(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"prompt": ["x"], "reward_model": ["y"]}), path)
    assert "what they have is prompt, reward_model" in goodcall("audit", path).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scroe"], "Did you mean 'score'"),
        (["score"], "Missing argument"),
        (["score", "f", "--rewards", "x"], "No such option"),
        (["score", "f", "--workers", "0"], "--workers"),
        (["diff", "tool_n1/released", "f"], "Missing argument"),
        (["diff", "a", "b", "f", "--fail-over", "5"], "--fail-over"),
    ],
)
def test_wrong_usage_ends_with_2_and_advice(arguments, words):
    result = goodcall(*arguments)
    assert result.exit_code == USAGE
    assert words in result.stderr

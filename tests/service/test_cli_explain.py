"""``goodcall explain``: the reason, the place and the difference, for people and for programs."""

import json

import pytest

from command_line import call, completion, goodcall, goodcall_process, item, read_lines, write_lines
from goodcall.cli.call_diff import call_diff, pair_calls
from goodcall.types import ToolCall
from suites import REPOSITORY

RIGHT, WRONG = completion(call()), completion(call("Rome", days=3))


@pytest.fixture
def rollouts(tmp_path):
    rows = [item(RIGHT, WRONG, id="a"), item("<think>t", id="b"), item("No.")]
    return write_lines(tmp_path / "rollouts.jsonl", rows)


def lines_of(result):
    assert result.exit_code == 0, result.stderr
    return [line.rstrip() for line in result.stdout.splitlines()]


def test_every_completion_is_explained_in_order(rollouts):
    headlines = [line for line in lines_of(goodcall("explain", rollouts)) if "completion " in line and ": " in line]
    assert headlines[0] == "a, completion 0: 1 ok"
    assert headlines[1] == "a, completion 1: 0 arguments_wrong"
    assert headlines[2] == "b, completion 0: 0 think_unclosed"
    assert "line 3, completion 0: 0 think_missing" in " ".join(lines_of(goodcall("explain", rollouts)))


def test_a_wrong_call_is_shown_argument_by_argument(rollouts):
    text = "\n".join(lines_of(goodcall("explain", rollouts, "--item", "a", "--completion", "1")))
    assert "The right tool was called with other arguments than expected." in text
    assert (
        '  - expected   + made\n      get_weather\n    -   city  "Oslo"\n    +   city  "Rome"\n    +   days  3'
    ) in text


def test_the_caret_stands_under_the_place(tmp_path):
    odd = "<think>日本語\u00a0\x1b[31m<tool_call></think>No."
    lines = lines_of(goodcall("explain", write_lines(tmp_path / "f.jsonl", [item(odd)])))
    caret = next(index for index, line in enumerate(lines) if line.strip() == "^")
    shown = lines[caret - 1]
    assert "\\x1b[31m" in shown
    assert "\\xa0" in shown
    # The three wide characters before the caret take two columns each.
    assert shown[lines[caret].index("^") - 3 :].startswith("<tool_call></think>")


def test_nothing_that_a_completion_holds_steers_the_terminal(tmp_path):
    evil = completion(call("\x1b]0;owned\x07\u202e[red]"))
    result = goodcall_process("explain", write_lines(tmp_path / "f.jsonl", [item(evil, id="\x1b[2J")]))
    assert result.returncode == 0
    assert b"\x1b" not in result.stdout
    assert b"\x07" not in result.stdout
    assert "\u202e" not in result.stdout.decode()
    assert b"[red]" in result.stdout


@pytest.mark.parametrize("width", ["80", "60"])
def test_no_line_is_wider_than_the_terminal(tmp_path, width):
    long = write_lines(
        tmp_path / "f.jsonl", [item(completion(call("Rome " * 200)), ground_truth=[call("Oslo " * 200)])]
    )
    result = goodcall_process("explain", long, environment={"COLUMNS": width})
    assert max(map(len, result.stdout.decode().splitlines())) <= int(width)


def test_colours_are_for_terminals_and_not_when_they_are_unwanted(rollouts):
    coloured = goodcall_process("explain", rollouts, environment={"FORCE_COLOR": "1", "TERM": "xterm"})
    assert b"\x1b[31m" in coloured.stdout
    plain = goodcall_process("explain", rollouts, environment={"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"})
    assert b"\x1b[31m" not in plain.stdout
    assert b"\x1b" not in goodcall_process("explain", rollouts).stdout


def test_json_is_one_object_a_completion_with_the_detail(rollouts):
    rows = read_lines(goodcall("explain", rollouts, "--json").stdout)
    assert [(row["id"], row["line"], row["completion"]) for row in rows] == [
        ("a", 1, 0),
        ("a", 1, 1),
        ("b", 2, 0),
        (None, 3, 0),
    ]
    assert rows[1]["verdict"]["reason"] == "arguments_wrong"
    assert rows[1]["verdict"]["detail"]["stage"] == "match"


@pytest.mark.parametrize("wanted", ["b", "2"])
def test_an_item_is_chosen_by_its_id_or_its_line(rollouts, wanted):
    [row] = read_lines(goodcall("explain", rollouts, "--item", wanted, "--json").stdout)
    assert row["id"] == "b"


def test_a_chosen_item_is_found_behind_lines_that_are_broken(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_text("{\n[]\n" + json.dumps(item(RIGHT, id="good")), encoding="utf-8")
    [row] = read_lines(goodcall("explain", path, "--item", "good", "--json").stdout)
    assert row["line"] == 3


def test_completions_are_chosen_by_their_reason(rollouts):
    rows = read_lines(goodcall("explain", rollouts, "--reason", "think_unclosed", "--json").stdout)
    assert [row["id"] for row in rows] == ["b"]


@pytest.mark.parametrize("options", [["--item", "c"], ["--completion", "9"], ["--reason", "json_too_deep"]])
def test_finding_nothing_that_was_asked_for_is_said(rollouts, options):
    result = goodcall("explain", rollouts, *options)
    assert result.exit_code == 2
    assert "holds no completion that was asked for" in result.stderr


def test_a_message_is_explained_as_a_text_is(tmp_path):
    function = {"name": "get_weather", "arguments": json.dumps({"city": "Rome"})}
    message = {"reasoning_content": "t", "tool_calls": [{"function": function}]}
    text = "\n".join(lines_of(goodcall("explain", write_lines(tmp_path / "f.jsonl", [item(message)]))))
    assert "/tool_calls/0/function/arguments/city" in text
    assert '-   city  "Oslo"' in text


def test_calls_are_read_in_the_dialect_of_the_reward(tmp_path):
    answer = '<think>t</think>\n<tool_call>\n{{"name": "get_weather", "parameters": {{"city": "{}"}}}}\n</tool_call>'
    row = {"completions": [answer.format("Rome")], "ground_truth": answer.format("Oslo")}
    path = write_lines(tmp_path / "f.jsonl", [row])
    text = "\n".join(lines_of(goodcall("explain", path, "--reward", "toolrl/default")))
    assert '    -   city  "Oslo"\n    +   city  "Rome"' in text


def test_an_unusable_task_is_explained_without_a_difference(tmp_path):
    broken = item(RIGHT, tools=[{"name": "get_weather", "parameters": {"type": "dict of things"}}])
    text = "\n".join(lines_of(goodcall("explain", write_lines(tmp_path / "f.jsonl", [broken]))))
    assert "no score tool_schema_invalid" in text
    assert "made" not in text


def test_every_golden_case_can_be_explained():
    golden = REPOSITORY / "tests" / "golden" / "tool_n1_hardened.jsonl"
    result = goodcall("explain", golden, "--ignore-unknown")
    assert result.exit_code == 0, result.stderr


def test_a_call_is_held_against_the_expected_one_that_it_shares_most_arguments_with():
    expected = [ToolCall("f", {"a": 1, "b": 1}), ToolCall("f", {"a": 2, "b": 2}), ToolCall("g", {})]
    made = [ToolCall("f", {"a": 2, "b": 3}), ToolCall("h", {}), ToolCall("f", {"a": 1, "b": 1})]
    assert pair_calls(expected, made) == [
        (expected[0], made[2]),
        (expected[1], made[0]),
        (expected[2], None),
        (None, made[1]),
    ]


@pytest.mark.parametrize(
    ("expected", "made", "lines"),
    [
        (1, 1.0, ["    n  1.0"]),
        (1, True, ["-   n  1", "+   n  true"]),
        ("1", 1, ['-   n  "1"', "+   n  1"]),
        ({"x": 1, "y": 2}, {"x": 1, "y": 3}, ["    n/x  1", "-   n/y  2", "+   n/y  3"]),
        ([1, 2], [2, 1], ["-   n  [1, 2]", "+   n  [2, 1]"]),
    ],
)
def test_values_are_compared_as_json_and_nested_ones_inside(expected, made, lines):
    text = call_diff([ToolCall("f", {"n": expected})], [ToolCall("f", {"n": made})]).plain
    assert [line.removeprefix("  ") for line in text.splitlines()] == ["  f", *lines]


def test_long_values_are_cut_so_that_their_difference_is_seen():
    text = call_diff([ToolCall("f", {"n": "x" * 5000 + "a"})], [ToolCall("f", {"n": "x" * 5000 + "b"})]).plain
    assert 'xa"' in text
    assert 'xb"' in text
    assert len(text) < 1000


def test_equal_twin_calls_are_each_shown_once():
    twins = [ToolCall("f", {"n": 1}), ToolCall("f", {"n": 1})]
    assert call_diff(twins, [*twins, ToolCall("f", {"n": 1})]).plain.count("n  1") == 3

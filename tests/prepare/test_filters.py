"""Each filter alone, and what the rows of earlier and of benchmarks say."""

import json

import pytest

from goodcall_trainer.prepare.benchmark import NGRAM, read_benchmark
from goodcall_trainer.prepare.encoded import encode_row
from goodcall_trainer.prepare.filters import FILTERS
from goodcall_trainer.prepare.found import Reason
from goodcall_trainer.prepare.records import SourceUnusable
from goodcall_trainer.prepare.repeats import Repeats
from goodcall_trainer.prepare.schema_checks import examine
from prepare.rows import OSLO, TIME, WEATHER, make_row


def tool(parameters, name="f"):
    return {"type": "function", "function": {"name": name, "description": "", "parameters": parameters}}


def row_with(parameters, arguments):
    return make_row(tools=(tool(parameters),), ground_truth=({"name": "f", "arguments": arguments},))


def properties(**schemas):
    return {"type": "object", "properties": schemas}


NESTED = properties(a={"type": "array", "items": properties(b={"type": "integer"}) | {"required": ["b"]}})


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        (make_row(), {}),
        (make_row(ground_truth=()), {}),
        (make_row(tools=(), ground_truth=()), {}),
        (make_row(tools=(WEATHER, TIME, WEATHER)), {Reason.TOOLS_AMBIGUOUS: ""}),
        (make_row(tools=(TIME,)), {Reason.TOOL_UNKNOWN: ""}),
        (make_row(ground_truth=(OSLO, {"name": "Get_weather", "arguments": {}})), {Reason.TOOL_UNKNOWN: ""}),
        (
            row_with({"type": "object", "required": ["a"]}, {}),
            {Reason.ARGUMENT_MISSING: "", Reason.ARGUMENT_INVALID: "required"},
        ),
        (
            row_with(properties(a={"type": "integer"}), {"a": "3"}),
            {
                Reason.ARGUMENT_TYPE_WRONG: "string where integer is declared",
                Reason.ARGUMENT_INVALID: "type",
            },
        ),
        (
            row_with(properties(a={"type": ["integer", "null"]}), {"a": True}),
            {
                Reason.ARGUMENT_TYPE_WRONG: "boolean where integer or null is declared",
                Reason.ARGUMENT_INVALID: "type",
            },
        ),
        (row_with(properties(a={"type": "number"}), {"a": 3}), {}),
        (row_with(properties(a={"type": "integer"}), {"a": 3.0}), {}),
        (
            row_with(properties(a={"anyOf": [{"type": "string"}, {"type": "array"}]}), {"a": 3}),
            {Reason.ARGUMENT_TYPE_WRONG: "", Reason.ARGUMENT_INVALID: "anyOf"},
        ),
        (row_with(NESTED, {"a": [{"b": 1}, {}]}), {Reason.ARGUMENT_MISSING: "", Reason.ARGUMENT_INVALID: "required"}),
        (row_with(properties(a={"enum": [1]}), {"a": 2}), {Reason.ARGUMENT_INVALID: "enum"}),
        (row_with(properties(a={}), {"b": 2}), {Reason.ARGUMENT_UNKNOWN: ""}),
        (
            row_with(properties(a={}) | {"additionalProperties": False}, {"b": 2}),
            {Reason.ARGUMENT_UNKNOWN: "", Reason.ARGUMENT_INVALID: "additionalProperties"},
        ),
        (row_with({"type": "object"}, {"b": 2}), {}),
        (row_with({"type": "object", "patternProperties": {"^x": {}}}, {"xy": 2}), {}),
        (make_row(tools=(WEATHER, tool({"type": "wibble"}))), {Reason.SCHEMA_INVALID: ...}),
        (make_row(tools=(WEATHER, tool({"$ref": "https://example.org/schema.json"}))), {Reason.SCHEMA_INVALID: ...}),
        (make_row(tools=(WEATHER, tool(properties(a={"pattern": "(?=x)"})))), {Reason.SCHEMA_INVALID: ...}),
    ],
    ids=lambda value: str(value)[-60:],
)
def test_each_filter_finds_its_own_and_nothing_else(row, reasons):
    examined = examine(encode_row(row))
    found = {reason: detail for reason, check in FILTERS.items() if (detail := check(examined)) is not None}
    assert found.keys() == reasons.keys()
    for reason, detail in reasons.items():
        assert detail is ... or found[reason] == detail


def verdicts(*rows, tasks=True):
    repeats = Repeats()
    return [repeats.reason_to_remove(encode_row(row), tasks=tasks) for row in rows]


def test_an_id_occurs_once():
    assert verdicts(make_row(), make_row(source="other"), tasks=False) == [None, Reason.ID_REPEATED]


def test_the_same_task_occurs_once_whatever_the_order_of_tools_and_calls():
    rome = {"name": "get_weather", "arguments": {"city": "Rome"}}
    first = make_row(ground_truth=(OSLO, rome))
    second = make_row(id="row-2", tools=(TIME, WEATHER), ground_truth=(rome, OSLO))
    third = make_row(id="row-3", ground_truth=(OSLO, OSLO, rome))
    assert verdicts(first, second, third) == [None, Reason.DUPLICATE, Reason.CONTRADICTED]


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": ({"role": "user", "content": "how is the weather in Oslo?"},)},
        {"messages": ({"role": "system", "content": ""}, {"role": "user", "content": "How is the weather in Oslo?"})},
        {"tools": (WEATHER,)},
    ],
    ids=str,
)
def test_another_conversation_or_other_tools_make_another_task(changes):
    assert verdicts(make_row(), make_row(id="row-2", **changes)) == [None, None]


LONG = "Please find the cheapest flight from Oslo to Rome on Friday and book a seat at the window"


@pytest.fixture
def benchmark(tmp_path):
    questions = [
        {"id": "live_1", "question": [[{"role": "system", "content": "You help."}, {"role": "user", "content": LONG}]]},
        {
            "id": "live_2",
            "question": [[{"role": "user", "content": "Version?"}], [{"role": "user", "content": "天气"}]],
        },
        {"id": "broken"},
    ]
    (tmp_path / "questions.json").write_text("\n".join(map(json.dumps, questions)), encoding="utf-8")
    return read_benchmark([str(tmp_path)])


def said(*contents, role="user"):
    return make_row(messages=tuple({"role": role, "content": content} for content in contents))


@pytest.mark.parametrize(
    ("row", "question"),
    [
        (said("please find the cheapest flight from Oslo to Rome on Friday, and book a seat at the window!"), "live_1"),
        (said("Hello", f"Well. {LONG} for two."), "live_1"),
        (said(" ".join(LONG.split()[:NGRAM])), "live_1"),
        (said(" ".join(LONG.split()[: NGRAM - 1])), None),
        (said("VERSION"), "live_2"),
        (said("天气。"), "live_2"),
        (said("Version 2?"), None),
        (said("You help."), None),
        (said(LONG, role="assistant"), None),
        (said("", "?!"), None),
    ],
    ids=lambda value: str(value)[-50:],
)
def test_a_row_asks_what_a_benchmark_asks(benchmark, row, question):
    assert benchmark.questions == 2
    assert benchmark.match(row) == question


def test_a_benchmark_without_questions_is_none(tmp_path):
    (tmp_path / "rows.json").write_text("{}", encoding="utf-8")
    with pytest.raises(SourceUnusable, match="no question"):
        read_benchmark([str(tmp_path)])

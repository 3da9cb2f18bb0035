"""What ``explain`` adds to a verdict: stage, place, expected, got, hint."""

import json
from functools import partial
from types import FunctionType, MethodType

import msgspec
import pytest

from goodcall import CATALOGUE, AssistantMessage, Context, MessageCall, Reason, TaskSource, score
from goodcall.excerpts import excerpt
from goodcall.json_positions import offset_of_value
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import CompletionText

WEATHER = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"$ref": "#/$defs/days"}},
        "required": ["city"],
        "$defs": {"days": {"type": "integer"}},
    },
}
EXPECTED = [{"name": "get_weather", "arguments": {"city": "Oslo"}}]
CALL = json.dumps(EXPECTED)
DEEP_OBJECT = '{"a": ' * 63 + '^{"a": 1}' + "}" * 63
"""In a list one bracket too deep, at the mark."""


def explain(completion, **options):
    return score(completion, **{"tools": [WEATHER], "ground_truth": EXPECTED, **options}, explain=True).detail


def test_a_right_completion_is_explained_too():
    detail = explain(f"<think>t</think><tool_call>{CALL}</tool_call>")
    assert (detail.stage, detail.hint) == ("done", Reason.OK.hint)


def test_without_explain_there_is_no_detail():
    assert score("", ground_truth=[]).detail is None


@pytest.mark.parametrize(
    ("completion", "marked"),
    [
        ("^Sure.", "^"),
        ("  ^Sure.", "^"),
        ("^<think>never closed", "^"),
        ("<think>a ^<tool_call> b</think>", "^"),
        ("<think>a ^<tool_call> b<tool_call></think>", "^"),
        ("^<think> </think>", "^"),
        ("<think>a</think>so ^<tool_call>", "^"),
        ("<think>a</think> ^<tool_call>[", "^"),
        ("<think>é</think><tool_call>[1, ^x]</tool_call>", "^"),
        ("<think>a ^<|im_start|> b</think>", "^"),
        ("<think>a ^<|im_start|> b<|im_start|></think>", "^"),
        ("<think>a</think><tool_call>[]</tool_call>^ so", "^"),
        ("<think>a</think><tool_call>[]</tool_call> so </tool_call>^ so", "^"),
        ('<think>a</think><tool_call>{"a": 1, ^"a": 2}</tool_call>', "^"),
        ('<think>a</think><tool_call>{"a": {"b": 1}, "c": {"b": 2, ^"b": 1}}</tool_call>', "^"),
        ('<think>a</think><tool_call>["a", ^"\\ud800"]</tool_call>', "^"),
        ('<think>a</think><tool_call>["a", ^"\\udfff"]</tool_call>', "^"),
        ("<think>a</think><tool_call>[1.0, ^-1e999]</tool_call>", "^"),
        ("<think>a</think><tool_call>[1.0, ^1E999]</tool_call>", "^"),
        (f"<think>a</think><tool_call>[{'9' * 400}, ^NaN]</tool_call>", "^"),
        (f"<think>a</think><tool_call>[{'9' * 4300}, ^{'9' * 4301}]</tool_call>", "^"),
        (f"<think>a</think><tool_call>[1, ^-{'9' * 4301}]</tool_call>", "^"),
        (f"<think>a</think><tool_call>[[], {'[' * 63}^[{'[' * 2000}</tool_call>", "^"),
        (f"<think>a</think><tool_call>[{'{}, ' * 64}{DEEP_OBJECT}]</tool_call>", "^"),
        ('<think>a</think><tool_call>[{"name": "get_weather", "arguments": {"city": ^5}}]</tool_call>', "^"),
        ('<think>a</think><tool_call>[{"name": ^"f", "arguments": {}}]</tool_call>', "^"),
        ('<think>a</think><tool_call> {"name": "get_weather", "arguments": ^{}}</tool_call>', "^"),
        ('<think>a</think><tool_call>[{"arguments": {"city": ^"Rome"}, "name": "get_weather"}]</tool_call>', "^"),
        ("<think>a</think><tool_call>[^[]]</tool_call>", "^"),
        ("<think>a</think><tool_call>[^NaN]</tool_call>", "^"),
    ],
)
@pytest.mark.parametrize("prefix", [0, 3])
def test_the_offset_counts_code_points_of_the_completion_alone(completion, marked, prefix):
    offset = completion.index(marked)
    text = completion.replace(marked, "")
    if offset < prefix:
        return
    detail = explain(text[prefix:], assistant_prefix=text[:prefix])
    assert detail.offset == offset - prefix


def test_a_fault_inside_the_prefix_is_at_the_start_of_the_completion():
    assert explain("x", assistant_prefix="Sure. ").offset == 0


@pytest.mark.parametrize(
    ("calls", "pointer", "expected", "got"),
    [
        ("5", "", "a list of calls or one call", "5"),
        ("[5]", "/0", "an object", "5"),
        ('[{"name": "f"}]', "/0", "name and arguments", '["name"]'),
        (
            '{"name": "f", "arguments": {}, "id": 1}',
            "",
            "name and arguments only",
            '["name", "arguments", "id"]',
        ),
        ('[{"name": 1, "arguments": {}}]', "/0/name", "a string", "1"),
        ('[{"name": "f", "arguments": "{}"}]', "/0/arguments", "an object", '"{}"'),
        ('[{"name": "f", "arguments": {}}]', "/0/name", 'one of ["get_weather"]', '"f"'),
        ('[{"name": "get_weather", "arguments": {"city": 5}}]', "/0/arguments/city", '{"type": "string"}', "5"),
        ('[{"name": "get_weather", "arguments": {}}]', "/0/arguments", '{"required": ["city"]}', "{}"),
        (
            '[{"name": "get_weather", "arguments": {"city": "", "days": "1"}}]',
            "/0/arguments/days",
            '{"type": "integer"}',
            '"1"',
        ),
    ],
)
def test_a_wrong_call_is_pointed_at(calls, pointer, expected, got):
    detail = explain(f"<think>t</think><tool_call>{calls}</tool_call>")
    assert (detail.pointer, detail.expected, detail.got) == (pointer, expected, got)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (False, "false"),
        ({"properties": {"a": False}}, '{"a": false}'),
        ({"properties": {"a": {"$id": "urn:inner", "type": "string"}}}, None),
    ],
)
def test_the_broken_rule_is_shown_where_it_can_be_found(parameters, expected):
    call = '<think>t</think><tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>'
    tools = [WEATHER, {"name": "f", "parameters": parameters}]
    assert explain(call, tools=tools).expected == expected


def test_a_wrong_argument_is_pointed_at_however_deep_it_lies():
    tool = {"name": "f", "parameters": {"properties": {"a": {"items": {"type": "string"}}}}}
    call = '<think>t</think><tool_call>{"name": "f", "arguments": {"a": ["", 5]}}</tool_call>'
    assert explain(call, tools=[WEATHER, tool]).pointer == "/arguments/a/1"


@pytest.mark.parametrize(
    ("made", "wanted", "place"),
    [
        (["f1", "f3"], ["f1", "f2"], ("/1/arguments/a", "2", "3")),
        (["g4", "f3"], ["f2", "g1"], ("/0/arguments/a", "1", "4")),
        (["h1", "k1"], ["f1", "g1"], ("/0/name", '"f" or "g"', '"h"')),
        (["f1", "h1"], ["f1", "g1"], ("/1/name", '"g"', '"h"')),
    ],
)
def test_a_wrong_call_is_compared_with_those_that_nobody_made(made, wanted, place):
    tools = [{"name": name, "parameters": {}} for name in "fghk"]
    made, wanted = ([{"name": call[0], "arguments": {"a": int(call[1])}} for call in calls] for calls in (made, wanted))
    completion = f"<think>t</think><tool_call>{json.dumps(made)}</tool_call>"
    detail = explain(completion, tools=tools, ground_truth=wanted)
    assert (detail.pointer, detail.expected, detail.got) == place


def test_a_call_that_was_not_wanted_is_pointed_at():
    detail = explain(f"<think>t</think><tool_call>{CALL}</tool_call>", ground_truth=[])
    assert (detail.pointer, detail.expected, detail.got) == ("/0", "no call", '"get_weather"')


@pytest.mark.parametrize(
    ("calls", "pointer"),
    [
        ('[{"name": "get_weather", "arguments": {"city": ^5, "colon": "\\u003a"}}]', "/0/arguments/city"),
        ('{"name": "get_weather", "arguments": {"colon": "\\u003a", "city": ^5}}', "/arguments/city"),
    ],
)
def test_a_wrong_call_is_pointed_at_where_escapes_hide_colons(calls, pointer):
    completion = f"<think>t</think><tool_call>{calls}</tool_call>"
    detail = explain(completion.replace("^", ""))
    assert (detail.pointer, detail.offset) == (pointer, completion.index("^"))


def test_pointers_lead_into_a_parsed_message():
    call = MessageCall(name="get_weather", arguments='{"city": 5}')
    message = AssistantMessage(reasoning_content="t", tool_calls=(call,))
    assert explain(message).pointer == "/tool_calls/0/function/arguments/city"
    assert explain(AssistantMessage(content="a</think>b")).pointer == "/reasoning_content"


CALLS = (MessageCall(name="get_weather", arguments='{"city": "Oslo"}'),)


@pytest.mark.parametrize(
    ("message", "reason", "pointer"),
    [
        (AssistantMessage(tool_calls=CALLS), "think_empty", "/reasoning_content"),
        (AssistantMessage(reasoning_content=" \n", tool_calls=CALLS), "think_empty", "/reasoning_content"),
        (AssistantMessage(reasoning_content="<think>a", tool_calls=CALLS), "tag_in_think", "/reasoning_content"),
        (
            AssistantMessage(reasoning_content="a<|im_start|>", tool_calls=CALLS),
            "special_token_in_completion",
            "/reasoning_content",
        ),
        (
            AssistantMessage(reasoning_content="a", content="<|eot_id|>b", tool_calls=CALLS),
            "special_token_in_completion",
            "/content",
        ),
        (AssistantMessage(reasoning_content="a", content="Here:", tool_calls=CALLS), "text_beside_calls", "/content"),
        (AssistantMessage(reasoning_content="a", content="</tool_call>"), "tag_in_answer", "/content"),
        (AssistantMessage(reasoning_content="a", content=" "), "answer_empty", "/content"),
        (AssistantMessage(reasoning_content="a"), "answer_empty", "/content"),
    ],
)
def test_a_message_of_the_wrong_form_is_pointed_at(message, reason, pointer):
    verdict = score(message, tools=[WEATHER], ground_truth=EXPECTED, explain=True)
    assert (verdict.score, verdict.reason, verdict.detail.pointer) == (0.0, reason, pointer)


def test_broken_arguments_of_a_message_are_pointed_at():
    call = MessageCall(name="get_weather", arguments="{")
    message = AssistantMessage(reasoning_content="t", tool_calls=(call,))
    assert explain(message).pointer == "/tool_calls/0/function/arguments"


def test_arguments_of_a_message_that_are_no_object_are_shown():
    call = MessageCall(name="get_weather", arguments='["Oslo"]')
    detail = explain(AssistantMessage(reasoning_content="t", tool_calls=(call,)))
    assert (detail.pointer, detail.expected, detail.got) == (
        "/tool_calls/0/function/arguments",
        "an object",
        '["Oslo"]',
    )


MISSPELT = {"type": "dict", "properties": {"city": {"type": "strng"}}}


@pytest.mark.parametrize(
    ("options", "pointer", "expected", "got"),
    [
        (
            {"ground_truth": [{"name": "get_weather", "arguments": {"city": 5}}]},
            *("/0/arguments/city", '{"type": "string"}', "5"),
        ),
        ({"ground_truth": [{"name": "f", "arguments": {}}]}, "/0/name", 'one of ["get_weather"]', '"f"'),
        ({"ground_truth": {}}, "", "a list of calls", None),
        ({"ground_truth": ["x"]}, "/0", "an object", '"x"'),
        ({"ground_truth": "\ud800"}, "", "strict JSON", None),
        ({"tools": {}}, "", "a list of function definitions", None),
        ({"tools": ["\ud800"]}, "", "strict JSON", None),
        ({"tools": [WEATHER, {"function": {}}]}, "/1/function", "a function with a name", None),
        ({"tools": [WEATHER, {**WEATHER, "parameters": {}}]}, "/1", "one definition a name", None),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]},
            *("/0/function/parameters", "a JSON Schema", '5 is not of types "boolean", "object"'),
        ),
        (
            {"tools": [{"name": "f", "parameters": MISSPELT}]},
            *("/0/parameters/properties/city/type", "a type that is known", '"strng"'),
        ),
    ],
)
def test_an_unusable_task_says_where(options, pointer, expected, got):
    verdict = score("", **{"tools": [WEATHER], "ground_truth": EXPECTED, **options}, explain=True)
    assert verdict.score is None
    detail = verdict.detail
    assert (detail.stage, detail.pointer, detail.expected, detail.got) == ("task", pointer, expected, got)


def test_what_is_wrong_with_a_schema_is_said_in_200_characters():
    verdict = score("", tools=[{"name": "f", "parameters": ["x" * 300]}], ground_truth=[], explain=True)
    assert verdict.detail.got == '["' + "x" * 198


@pytest.mark.parametrize(
    ("text", "pointer", "offset"),
    [
        ("[]", "", 0),
        (' {"a": 1}', "", 1),
        (' {"a": 1}', "/a", 7),
        ('{"a": [1, {"b/c": [[], "x"]}], "d": 2}', "/a/0", 7),
        ('{"a": [1, {"b/c": [[], "x"]}], "d": 2}', "/a/1/b~1c", 18),
        ('{"a": [1, {"b/c": [[], "x"]}], "d": 2}', "/a/1/b~1c/0", 19),
        ('{"a": [1, {"b/c": [[], "x"]}], "d": 2}', "/a/1/b~1c/1", 23),
        ('{"a": [1, {"b/c": [[], "x"]}], "d": 2}', "/d", 36),
        ('{"a": {"b": "c"}, "c": {"b": 1}}', "/c/b", 29),
        ('{"a": {"b": "c"}}', "/a/x", 6),
        ('[{"a": 1}, {"a": 2}]', "/1/a", 17),
        ('[{"a": 1}, {"a": 2}]', "/1/b", 11),
        ('["a\\"]", 2]', "/1", 9),
    ],
)
def test_a_pointer_is_found_where_its_value_begins(text, pointer, offset):
    assert offset_of_value(text, pointer) == offset


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Zürich 😀", '"Zürich 😀"'),
        ("\ud800", '"\\ud800"'),
        ({"a": [1.0, None, True]}, '{"a": [1.0, null, true]}'),
        ("x" * 198, '"' + "x" * 198 + '"'),
        ("x" * 199, '"' + "x" * 198 + "…"),
    ],
)
def test_a_value_is_shown_as_json_that_people_can_read(value, shown):
    assert excerpt(value) == shown


def test_texts_of_an_explanation_are_cut_to_a_readable_length():
    calls = json.dumps([{"name": "get_weather", "arguments": {"city": "x" * 10_000}}])
    detail = explain(f"<think>t</think><tool_call>{calls}</tool_call>")
    assert len(detail.got) == 200
    assert detail.got.endswith("…")


@pytest.mark.parametrize(
    ("body", "reason", "offset"),
    [
        ('[NaN00, "\t"]', "json_not_finite", 1),
        ('[1e400x, "\t"]', "json_not_finite", 1),
        ('[-Infinityx, "\t"]', "json_not_finite", 1),
        ('[{"a": 1, "a": 2}, "\t"]', "json_duplicate_key", 10),
    ],
)
def test_the_place_of_a_fault_is_found_in_front_of_other_faults(body, reason, offset):
    verdict = score(f"<think>t</think><tool_call>{body}</tool_call>", ground_truth=[], explain=True)
    assert (verdict.reason, verdict.detail.offset) == (reason, len("<think>t</think><tool_call>") + offset)


@pytest.mark.parametrize("reward", [reward for reward in CATALOGUE.values() if reward.needs == ("ground_truth",)])
def test_a_finding_leads_to_no_exception_which_would_keep_all_that_was_going_on(reward):
    task = reward.prepare(TaskSource(tools=None, ground_truth=b'[{"name": "f", "arguments": {}}]'), ToolCompiler())
    bodies = ["", "[", "[NaN]", '{"a": 1, "a": 1}', "[" * 70 + "]" * 70, '["\\ud800"]', "9" * 5000, "5"]
    for body in bodies:
        for block in (f"<tool_call>{body}</tool_call>", f"\n<tool_call>\n{body}\n</tool_call>"):
            finding = reward.judge(CompletionText(f"<think>t</think>{block}"), task, Context(step=1)).finding
            assert not [it for it in everything_held_by(finding.place) if isinstance(it, BaseException)]


def everything_held_by(thing):
    """A callable and what it, its arguments and its cells lead to, values of other kinds not looked into."""
    found, left = [], [thing]
    while left:
        found.append(left.pop())
        match found[-1]:
            case partial():
                left += [found[-1].func, *found[-1].args, *found[-1].keywords.values()]
            case FunctionType():
                left += [cell.cell_contents for cell in found[-1].__closure__ or ()]
            case MethodType():
                left += [found[-1].__func__, found[-1].__self__]
            case msgspec.Struct():
                left += [getattr(found[-1], field) for field in found[-1].__struct_fields__]
    return found

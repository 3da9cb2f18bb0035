"""``bfcl/ast``: what the leaderboard's checker gave, on the leaderboard's own questions, in every form of a call."""

import gzip
import json
from collections import defaultdict
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall import AssistantMessage, Context, MessageCall, Scorer, TaskSource, find_reward, score
from goodcall.excerpts import excerpt
from goodcall.rewards.bfcl import AST, CHECKS, TYPES
from suites import SHARED, conformance_rows, golden_cases

REASONS = {
    None: {"ok"},
    "simple_function_checker:wrong_count": {"call_wanted", "call_extra"},
    "multiple_function_checker:wrong_count": {"call_wanted", "call_extra"},
    "parallel_function_checker_no_order:wrong_count": {"call_wanted", "call_extra", "call_missing"},
    "simple_function_checker:wrong_func_name": {"tool_wrong"},
    "simple_function_checker:missing_required": {"argument_missing"},
    "simple_function_checker:missing_optional": {"argument_left_out"},
    "simple_function_checker:unexpected_param": {"argument_unexpected"},
    "type_error:simple": {"argument_type_wrong"},
    "value_error:string": {"arguments_wrong"},
    "value_error:list/tuple": {"arguments_wrong"},
    "value_error:dict_key": {"arguments_wrong"},
    "value_error:others": {"arguments_wrong"},
    "parallel_function_checker_no_order:cannot_find_match": {
        *("tool_wrong", "argument_missing", "argument_left_out", "argument_unexpected"),
        *("argument_type_wrong", "arguments_wrong"),
    },
}
"""What each of the checker's own errors is here."""


@cache
def rows(category, folder=""):
    path = SHARED / "data" / "bfcl" / folder / f"{category}.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return {row["id"]: row for row in map(json.loads, lines)}


def task_of(task_id, category):
    tools = json.dumps(rows(category)[task_id]["function"]).encode()
    if CHECKS[category].__name__ != "right_calls":
        return TaskSource(tools=tools, ground_truth=None)
    answers = rows(category, "possible_answer")[task_id]["ground_truth"]
    return TaskSource(tools=tools, ground_truth=json.dumps(answers).encode())


def in_one_block(calls):
    return f"<think>t</think>\n<tool_call>{json.dumps(calls)}</tool_call>"


def in_blocks(calls):
    blocks = "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls)
    return f"<think>t</think>{blocks}"


def in_message(calls):
    return AssistantMessage(
        content="t",
        tool_calls=tuple(MessageCall(name=call["name"], arguments=json.dumps(call["arguments"])) for call in calls),
    )


def in_python(calls):
    return "[" + ", ".join(write_python(**call) for call in calls) + "]"


def write_python(name, arguments):
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


@pytest.mark.parametrize("write", [in_one_block, in_blocks, in_message, in_python])
def test_the_leaderboard_is_agreed_with_on_every_case_in_every_form(write):
    scorer, cases, disagreements, reasons = Scorer(), conformance_rows("bfcl_ast.jsonl.gz"), [], defaultdict(set)
    for row in cases:
        calls = [{"name": name, "arguments": arguments} for call in row["calls"] for name, arguments in call.items()]
        task, context = task_of(row["task"], row["category"]), Context(category=row["category"])
        [verdict] = scorer.score_group([write(calls)], task, AST, context=context, explain=True)
        if verdict.score != row["reference"]["valid"]:
            disagreements.append(row["id"])
        reasons[row["reference"]["error_type"]].add(verdict.reason)
    assert len(cases) == 4000
    assert disagreements == []
    assert reasons == REASONS


@pytest.mark.parametrize(
    ("category", "of_words", "of_a_call"),
    [("irrelevance", 1, 0), ("live_irrelevance", 1, 0), ("live_relevance", 0, 1)],
)
def test_whether_to_call_is_all_that_counts_where_the_leaderboard_asks_no_more(category, of_words, of_a_call):
    conformance_rows("bfcl_ast.jsonl.gz")  # Skips where the data is missing.
    scorer, context = Scorer(), Context(category=category)
    verdicts = {
        tuple(
            verdict.score
            for verdict in scorer.score_group(
                ["None of the tools fits.", "[any_tool(a=1)]"], task_of(task_id, category), AST, context=context
            )
        )
        for task_id in rows(category)
    }
    assert verdicts == {(of_words, of_a_call)}


TOOLS = golden_cases("bfcl/ast@4")[0]["tools"]
ANSWER = [{"send": {"to": ["a"], "text": ["x", ""]}}]


def verdict_on(completion, ground_truth=ANSWER, category="simple_python", tools=TOOLS):
    return score(
        completion,
        tools=tools,
        ground_truth=ground_truth,
        reward="bfcl/ast",
        context=Context(category=category),
        explain=True,
    )


def declaring(declared):
    return [{"name": "f", "parameters": {"type": "dict", "properties": {"p": declared}, "required": ["p"]}}]


def accepts(declared, acceptable, value):
    """The reason for one argument of a call, by its declared type and its acceptable values."""
    completion = f"<tool_call>{json.dumps({'name': 'f', 'arguments': {'p': value}})}</tool_call>"
    return str(verdict_on(completion, [{"f": {"p": acceptable}}], tools=declaring(declared)).reason)


OK, TYPE, VALUE = "ok", "argument_type_wrong", "arguments_wrong"


@pytest.mark.parametrize(
    ("declared", "acceptable", "value", "reason"),
    [
        ("string", ["it's"], 'IT"S', OK),
        ("string", ["Straße"], "straße", OK),
        ("string", ["Straße"], "STRASSE", VALUE),
        ("string", [""], "", OK),
        ("string", [], "x", VALUE),
        ("string", ["1"], 1, TYPE),
        ("string", [1, "x"], 1, OK),
        ("string", [1, "x"], "x", OK),
        ("string", [1, "x"], "X", VALUE),
        ("string", [None, "x"], None, OK),
        ("any", ["x"], "X", OK),
        ("any", ["x"], 1, TYPE),
        ("any", [1], 1, OK),
        ("integer", [1], 1, OK),
        ("integer", [1], True, TYPE),
        ("integer", [1], 1.0, TYPE),
        ("integer", ["", 1], 1, OK),
        ("integer", ["x"], 1, VALUE),
        ("integer", [True], True, OK),
        ("integer", [""], "", TYPE),
        ("float", [1], 1, OK),
        ("float", [1.0], 1, OK),
        ("float", [1.0], True, TYPE),
        ("float", [1.0], 10**400, VALUE),
        ("boolean", [True], True, OK),
        ("boolean", [True], 1, TYPE),
        ("boolean", ["true"], "true", OK),
    ],
)
def test_a_scalar_is_of_its_type_or_of_the_answers_and_acceptable(declared, acceptable, value, reason):
    assert accepts({"type": declared}, acceptable, value) == reason


@pytest.mark.parametrize(
    ("items", "acceptable", "value", "reason"),
    [
        ("string", [["a b"]], ["A-B"], OK),
        ("string", [["a"], ["b"]], ["b"], OK),
        ("string", [["a", "b"]], ["b", "a"], VALUE),
        ("string", [["a"], ""], [], OK),
        ("string", [["a"]], [], VALUE),
        ("string", [["a"], ""], [1], VALUE),
        ("string", [["a"]], [1], TYPE),
        ("string", [["a"]], "a", TYPE),
        ("string", ["names", ["a"]], "names", OK),
        ("string", ["names", ["a"]], ["A"], VALUE),
        ("float", [[1.0]], [1], TYPE),
        ("float", [[1, 2.5]], [1, 2.5], OK),
        ("integer", [[1]], [True], TYPE),
        ("integer", [["", 1]], [1], VALUE),
        ("array", [[["A"]]], [["a"]], VALUE),
        ("array", [[["a"]]], [["a"]], OK),
        ("dict", [[{"k": [1]}]], [{"k": 1}], OK),
        ("dict", [[{"k": [1]}], ""], [], OK),
        ("dict", [[{"k": [1]}], ""], [5], VALUE),
        ("dict", [[{"k": [1]}]], [{"k": 1}, {"k": 1}], VALUE),
        ("dict", [[{"k": [1]}]], [{"k": 2}], VALUE),
    ],
)
@pytest.mark.parametrize("kind", ["array", "tuple"])
def test_a_list_is_of_its_elements_type_and_acceptable_in_order(kind, items, acceptable, value, reason):
    assert accepts({"type": kind, "items": {"type": items}}, acceptable, value) == reason


@pytest.mark.parametrize(
    ("acceptable", "value", "reason"),
    [
        ([{"k": ["A b"]}], {"k": "a-B"}, OK),
        ([{"k": [1]}, {"k": [2]}], {"k": 2}, OK),
        ([{"k": [1], "l": [2, ""]}], {"k": 1}, OK),
        ([{"k": [1], "l": [2]}], {"k": 1}, VALUE),
        ([{"k": [1]}], {"k": 1, "l": 2}, VALUE),
        ([{"k": [{"l": "a"}]}], {"k": {"l": "A"}}, VALUE),
        ([""], {}, VALUE),
        ([{}], {}, OK),
        ([{"k": [1]}], "x", TYPE),
        (["options", {"k": [1]}], "options", OK),
        (["options", {"k": [1]}], {"k": 1}, VALUE),
    ],
)
def test_an_object_is_compared_by_its_keys(acceptable, value, reason):
    assert accepts({"type": "dict"}, acceptable, value) == reason


@given(st.permutations(["a", "b", "c"]))
def test_parallel_calls_may_come_in_any_order(recipients):
    answer = [{"send": {"to": [recipient]}} for recipient in "abc"]
    completion = in_python([{"name": "send", "arguments": {"to": recipient}} for recipient in recipients])
    assert verdict_on(completion, answer, "parallel").score == 1


@pytest.mark.parametrize("write", [in_one_block, in_blocks, in_message])
def test_a_closing_tag_inside_a_string_is_data(write):
    calls = [{"name": "send", "arguments": {"to": "</tool_call>"}}] * 2
    assert verdict_on(write(calls), [{"send": {"to": ["</tool_call>"]}}] * 2, "parallel").score == 1


@pytest.mark.parametrize("thought", ["<tool_call>", "</tool_call>", "<tool_call>[]</tool_call>", "<tool_call>x"])
def test_a_block_that_is_only_thought_of_makes_no_call(thought):
    made = json.dumps({"name": "send", "arguments": {"to": "a"}})
    assert verdict_on(f"<think>{thought}</think><tool_call>{made}</tool_call>").score == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from("kl"), children, max_size=2),
    max_leaves=5,
)
DECLARED = st.builds(
    lambda kind, items: {"type": kind, "items": {"type": items}}, st.sampled_from([*TYPES]), st.sampled_from([*TYPES])
)


@given(DECLARED, st.lists(JSON_VALUES, max_size=3), JSON_VALUES)
def test_any_argument_against_any_acceptable_values_gets_a_verdict(declared, acceptable, value):
    assert accepts(declared, acceptable, value) in {OK, TYPE, VALUE, "ground_truth_malformed"}


FRAGMENTS = st.sampled_from(
    [
        *("<think>", "</think>", "<tool_call>", "</tool_call>", "[", "]", "`", "\n", ",", "send(", "to='a'", ")"),
        '{"name": "send", "arguments": {"to": "a"}}',
    ]
)


@given(st.lists(FRAGMENTS).map("".join) | st.text(), st.sampled_from(sorted(CHECKS)))
def test_any_text_gets_a_verdict(completion, category):
    assert verdict_on(completion, category=category).score in {0.0, 1.0}


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        ("^<think>t", "think_unclosed"),
        ("<think>t</think> `[send(^x)]`", "python_calls_invalid"),
        ("send(to=^x)", "python_calls_invalid"),
        ("<think>t</think>\n^no send()", "python_calls_invalid"),
        ("t ^<tool_call>{}", "tool_call_unclosed"),
        ("t <tool_call>[^x]</tool_call>", "json_invalid"),
        ("<tool_call>[]</tool_call><tool_call>[^5]</tool_call>", "call_not_object"),
        ('<tool_call>{"name": ^"f", "arguments": {}}</tool_call>', "tool_wrong"),
        ('<tool_call>{"name": "send", "arguments": ^{}}</tool_call>', "argument_missing"),
        ('<tool_call>[{"name": "send", "arguments": {"to": ^5}}]</tool_call>', "argument_type_wrong"),
        (
            '<tool_call>[]</tool_call><tool_call>{"name": "send", "arguments": {"to": ^"b"}}</tool_call>',
            "arguments_wrong",
        ),
        (
            '<tool_call>[]</tool_call><tool_call>[{"name": "send", "arguments": {"to": ^"b"}}]</tool_call>',
            "arguments_wrong",
        ),
    ],
)
@pytest.mark.parametrize("prefix_length", [0, 1])
def test_a_fault_is_pointed_at(marked, reason, prefix_length):
    text = marked.replace("^", "")
    verdict = score(
        text[prefix_length:],
        tools=TOOLS,
        ground_truth=ANSWER,
        reward="bfcl/ast",
        assistant_prefix=text[:prefix_length],
        context=Context(category="simple"),
        explain=True,
    )
    assert (verdict.reason, verdict.detail.offset) == (reason, max(marked.index("^") - prefix_length, 0))


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({"to": "b"}, ("/0/arguments/to", '"a"', '"b"')),
        ({"to": "a", "text": "y"}, ("/0/arguments/text", '"x" or nothing', '"y"')),
        ({"to": "a", "x/y": 1}, ("/0/arguments/x~1y", None, "1")),
        ({"text": "x"}, ("/0/arguments/to", '"a"', None)),
    ],
)
def test_the_acceptable_values_are_shown(arguments, place):
    detail = verdict_on(in_one_block([{"name": "send", "arguments": arguments}])).detail
    assert (detail.pointer, detail.expected, detail.got) == place


@pytest.mark.parametrize(
    ("calls", "place"),
    [
        ([{"name": "sent", "arguments": {}}], ("/0/name", '"send"', '"sent"')),
        ([], (None, "1", "0")),
        ([{"name": "send", "arguments": {}}] * 2, (None, "1", "2")),
    ],
)
def test_a_wrong_function_or_number_of_calls_is_shown(calls, place):
    detail = verdict_on(in_one_block(calls)).detail
    assert (detail.pointer, detail.expected, detail.got) == place


def test_an_argument_that_may_not_be_left_out_is_shown():
    completion = in_one_block([{"name": "send", "arguments": {"to": "a"}}])
    detail = verdict_on(completion, [{"send": {"to": ["a"], "text": ["x", "y"]}}]).detail
    assert (detail.pointer, detail.expected, detail.got) == ("/0/arguments/text", '"x" or "y"', None)


def test_of_parallel_calls_the_one_of_the_expected_name_is_pointed_at():
    calls = [{"name": "sent", "arguments": {}}, {"name": "send", "arguments": {"to": "b"}}]
    assert verdict_on(in_one_block(calls), ANSWER * 2, "parallel").detail.pointer == "/1/arguments/to"


def test_pointers_lead_into_a_parsed_message():
    detail = verdict_on(in_message([{"name": "send", "arguments": {"to": "b"}}])).detail
    assert (detail.pointer, detail.offset) == ("/tool_calls/0/function/arguments/to", None)
    broken = AssistantMessage(tool_calls=(MessageCall(name="send", arguments="{"),))
    assert verdict_on(broken).reason == "json_invalid"


def test_a_call_that_was_not_wanted_is_pointed_at():
    completion = "t <tool_call>[]</tool_call><tool_call>" + json.dumps({"name": "send", "arguments": {}})
    detail = verdict_on(completion + "</tool_call>", None, "irrelevance").detail
    assert (detail.pointer, detail.got, detail.offset) == ("/0", '"send"', completion.index("{"))


A_TYPE = f"a type of {json.dumps(list(TYPES))}"


def offering(parameters):
    return [{"name": "send", "parameters": parameters}]


@pytest.mark.parametrize(
    ("options", "reason", "place"),
    [
        ({"category": "simple_java"}, "category_not_judged", (None, f"one of {excerpt(list(CHECKS))}", None)),
        ({"category": "multi_turn_base"}, "category_not_judged", (None, f"one of {excerpt(list(CHECKS))}", None)),
        ({"ground_truth": None}, "ground_truth_malformed", ("", "acceptable answers", None)),
        ({"ground_truth": []}, "ground_truth_malformed", ("", "acceptable answers", None)),
        ({"ground_truth": {}}, "ground_truth_malformed", ("", "a list of acceptable answers", None)),
        ({"ground_truth": "\ud800"}, "ground_truth_malformed", ("", "strict JSON", None)),
        (
            {"ground_truth": [5]},
            "ground_truth_malformed",
            ("/0", "an object with the name of one function", None),
        ),
        (
            {"ground_truth": [{"send": 5}]},
            "ground_truth_malformed",
            ("/0/send", "an object of acceptable values", None),
        ),
        *(
            ({"ground_truth": [answer]}, "ground_truth_malformed", (pointer, "a list of acceptable values", None))
            for answer, pointer in [
                ({"send": {"to": "a"}}, "/0/send/to"),
                ({"send": {"cc": "a"}}, "/0/send/cc"),
                ({"geo.area": {"options": [{"k": 1}]}}, "/0/geo.area/options"),
                ({"geo.area": {"holes": [[{"k": 1}]]}}, "/0/geo.area/holes"),
            ]
        ),
        ({"ground_truth": [{"sent": {}}]}, "ground_truth_tool_unknown", ("/0/sent", None, '"sent"')),
        ({"tools": {}}, "tools_malformed", ("", "a list of function definitions", None)),
        ({"tools": [5]}, "tools_malformed", ("/0", "a function definition", None)),
        ({"tools": [{"function": {}}]}, "tools_malformed", ("/0/function", "a function with a name", None)),
        ({"tools": [{"name": "send"}]}, "tools_malformed", ("/0/parameters", "an object with properties", None)),
        (
            {"tools": offering({"properties": 5})},
            "tools_malformed",
            ("/0/parameters", "an object with properties", None),
        ),
        *(
            (
                {"tools": offering({"properties": {}, "required": required})},
                "tools_malformed",
                ("/0/parameters/required", "a list of names", None),
            )
            for required in ([5], None)
        ),
        (
            {"tools": offering({"properties": {"to": {"type": "object"}}})},
            "tool_schema_invalid",
            ("/0/parameters/properties/to", A_TYPE, '{"type": "object"}'),
        ),
        (
            {"tools": offering({"properties": {"to": 5}})},
            "tool_schema_invalid",
            ("/0/parameters/properties/to", A_TYPE, "5"),
        ),
        (
            {"tools": offering({"properties": {"to": {"type": "array"}}})},
            "tool_schema_invalid",
            ("/0/parameters/properties/to/items", A_TYPE, "null"),
        ),
    ],
)
def test_an_unusable_task_says_where_and_why(options, reason, place):
    verdict = verdict_on("[send(to='a')]", **options)
    assert (verdict.score, verdict.reason) == (None, reason)
    assert (verdict.detail.pointer, verdict.detail.expected, verdict.detail.got) == place


def test_an_acceptable_object_needs_lists_of_values_only_where_it_is_compared_by_its_keys():
    assert accepts({"type": "string"}, [{"k": 1}], {"k": 1}) == OK
    assert accepts({"type": "dict"}, [{"k": 1}], {"k": 1}) == "ground_truth_malformed"


def test_answers_that_are_no_utf8_give_no_verdict():
    task = TaskSource(tools=b"[]", ground_truth=b'["\xff"]')
    [verdict] = Scorer().score_group([""], task, AST, context=Context(category="simple"))
    assert verdict.reason == "ground_truth_malformed"


def test_tools_may_be_wrapped_and_the_first_of_a_name_counts():
    wrapped = [{"type": "function", "function": tool} for tool in TOOLS]
    other = {"name": "send", "parameters": {"type": "dict", "properties": {}, "required": ["never"]}}
    assert verdict_on("[send(to='a')]", tools=[*wrapped, other]).score == 1


@pytest.mark.parametrize("ground_truth", [None, b"null", b"[]"])
def test_where_no_answers_are_wanted_none_need_be_given(ground_truth):
    task = TaskSource(tools=json.dumps(TOOLS).encode(), ground_truth=ground_truth)
    [verdict] = Scorer().score_group(["No tool fits."], task, AST, context=Context(category="irrelevance"))
    assert verdict.score == 1


def test_tools_and_category_are_needed_and_a_ground_truth_is_not():
    assert find_reward("bfcl/ast").needs == ("tools", "context.category")


SIZE = 200_000


@pytest.mark.parametrize(
    "completion",
    [
        "<tool_call>" * (SIZE // 11),
        "<tool_call>[]</tool_call>" * (SIZE // 25),
        "</tool_call><tool_call>" * (SIZE // 23),
        "<think>" * (SIZE // 7),
        "`" * SIZE,
        "[" * SIZE,
        "send(" * (SIZE // 5),
        "[" + "send(to='a')," * (SIZE // 13) + "]",
        "[send(to='" + "-" * SIZE + "')]",
        in_one_block([{"name": "send", "arguments": {"to": "a"}}] * (SIZE // 45)),
    ],
)
@pytest.mark.parametrize("category", ["parallel", "irrelevance", "live_relevance"])
def test_completions_made_to_be_slow_come_to_an_end(completion, category):
    assert verdict_on(completion, ANSWER * 20, category).score in {0.0, 1.0}

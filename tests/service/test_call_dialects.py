"""Calls in every dialect: what is written is read back, and what is not in the dialect says so and where."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall.dialects import CALL_READERS, CallDialect, DialectFault, read_anthropic_message, read_openai_message
from goodcall.types import ToolCall

THINK = "<think>They ask for it.</think>"
OSLO = ToolCall("get_weather", {"city": "Oslo"})
BERGEN = ToolCall("get_weather", {"city": "Bergen", "days": 3})

characters = st.characters(exclude_categories=["Cs"])
# Words that end blocks and strings must be data inside a string.
texts = st.lists(
    st.text(characters, max_size=5) | st.sampled_from(["</tool_call>", "<tool_call>", '"', "\\", "</think>", "\n"])
).map("".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=6,
)
calls = st.builds(
    ToolCall,
    st.sampled_from(["get_weather", "Get Weather", "a.b/c"]),
    st.dictionaries(st.sampled_from(["city", "days", "x"]), values),
)
call_lists = st.lists(calls, max_size=4)


def as_objects(calls, key="arguments"):
    return [{"name": call.name, key: call.arguments} for call in calls]


def write_tool_n1(calls):
    return f"{THINK}<tool_call>{json.dumps(as_objects(calls))}</tool_call>"


def write_hermes(calls):
    blocks = [f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in as_objects(calls)]
    return "\n".join([THINK, *blocks]) + "<|im_end|>"


def write_toolrl(calls):
    lines = "\n".join(map(json.dumps, as_objects(calls, "parameters")))
    return f"{THINK}\n<tool_call>\n{lines}\n</tool_call>\n<response> Done. </response>"


def write_toolace(calls):
    written = [f"{call.name}({', '.join(f'{k}={v!r}' for k, v in call.arguments.items())})" for call in calls]
    return f"{THINK}\n[{', '.join(written)}]<|im_end|>\n"


def write_openai(calls):
    functions = [{"name": call.name, "arguments": json.dumps(call.arguments)} for call in calls]
    tool_calls = [{"id": "1", "type": "function", "function": function} for function in functions]
    return json.dumps({"role": "assistant", "content": None, "tool_calls": tool_calls})


def write_anthropic(calls):
    blocks = [{"type": "tool_use", "id": "1", "name": call.name, "input": call.arguments} for call in calls]
    return json.dumps({"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, *blocks]})


WRITERS = {
    CallDialect.TOOL_N1: write_tool_n1,
    CallDialect.HERMES: write_hermes,
    CallDialect.TOOLRL: write_toolrl,
    CallDialect.TOOLACE: write_toolace,
    CallDialect.OPENAI: write_openai,
    CallDialect.ANTHROPIC: write_anthropic,
}


def read(dialect, text):
    return CALL_READERS[dialect](text)


def fault_of(dialect, text):
    with pytest.raises(DialectFault) as refused:
        read(dialect, text)
    fault = refused.value
    words = {"tool_call_unclosed": "expected </tool_call>", "python_calls_invalid": str(fault)}
    assert str(fault) == words.get(fault.reason, fault.reason.hint)
    return fault.reason, fault.pointer if fault.position is None else fault.position


def test_every_dialect_has_a_reader_and_a_sentence():
    assert list(CALL_READERS) == list(CallDialect) == list(WRITERS)


@pytest.mark.parametrize("dialect", CallDialect)
@given(calls=call_lists)
def test_calls_are_read_back_as_they_were_written(dialect, calls):
    assert read(dialect, WRITERS[dialect](calls)) == calls


pieces = st.sampled_from(
    [
        *(
            "<think>",
            "</think>",
            "<tool_call>",
            "</tool_call>",
            "<|im_end|>",
            "\n",
            " ",
            '"',
            "\\",
            "[",
            "]",
            "{",
            "}",
            ",",
        ),
        *(
            '{"name": "f", "arguments": {}}',
            '{"name": "f", "parameters": {}}',
            "[f(a=1)]",
            "text",
            '"type": "tool_use"',
        ),
    ]
)


@given(st.sampled_from(CallDialect), st.text() | st.lists(pieces).map("".join))
def test_any_text_is_calls_or_a_fault_with_a_reason_and_a_place(dialect, text):
    fault = None
    try:
        read(dialect, text)
    except DialectFault as raised:
        fault = raised
    assert fault is None or fault.reason is not None
    assert fault is None or fault.pointer is not None or 0 <= fault.position <= len(text)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(characters)
    | st.sampled_from(["function_call", "tool_use", "{}"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "tool_calls", "function", "type", "name", "arguments", "input", "output"]
            ),
            children,
        )
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from([read_openai_message, read_anthropic_message]))
def test_any_message_is_calls_or_a_fault_with_a_pointer(message, read_message):
    fault = None
    try:
        read_message(message)
    except DialectFault as raised:
        fault = raised
    assert fault is None or fault.pointer is not None


@pytest.mark.parametrize(
    ("dialect", "text", "calls"),
    [
        ("tool_n1", '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>', [OSLO]),
        ("tool_n1", "<tool_call>[]</tool_call>", []),
        ("tool_n1", f"{THINK}It is sunny.", []),
        ("tool_n1", f"<think>Say <tool_call>?</think>{write_tool_n1([OSLO])}", [OSLO]),
        ("tool_n1", f" \n<think>Say <tool_call>?</think>{write_tool_n1([OSLO])}", [OSLO]),
        ("hermes", f"Let me look.{write_hermes([OSLO, BERGEN]).removeprefix(THINK)}Done.", [OSLO, BERGEN]),
        ("hermes", "No call, not even </tool_call>.", []),
        ("toolrl", "<tool_call>\n\n</tool_call>", []),
        ("toolrl", '<tool_call>\n {"name": "f", "parameters": {}} \r\n\r\n</tool_call>', [ToolCall("f", {})]),
        ("toolrl", "<response> Hello </response>", []),
        ("toolace", "get_weather(city='Oslo')", [OSLO]),
        ("openai", '{"role": "assistant", "content": "Hello"}', []),
        ("openai", '{"role": "assistant"}', []),
        ("openai", '{"content": "Hello"}', []),
        ("openai", '{"tool_calls": null}', []),
        ("openai", '{"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}', [ToolCall("f", {"a": 1})]),
        (
            "openai",
            '[{"type": "reasoning"}, {"type": "function_call", "name": "f", "arguments": "{}"}]',
            [ToolCall("f", {})],
        ),
        ("openai", '{"output": [{"type": "function_call", "name": "f", "arguments": "{}"}]}', [ToolCall("f", {})]),
        ("anthropic", '{"role": "assistant", "content": "Hello"}', []),
        ("anthropic", '[{"type": "tool_use", "name": "f", "input": {"a": 1}}, "text"]', [ToolCall("f", {"a": 1})]),
    ],
)
def test_a_dialect_leaves_some_freedom(dialect, text, calls):
    assert read(dialect, text) == calls


@pytest.mark.parametrize(
    ("dialect", "text", "reason", "place"),
    [
        ("tool_n1", "<think>Endless", "think_unclosed", 0),
        ("tool_n1", "ab<tool_call>[]", "tool_call_unclosed", 2),
        ("tool_n1", '<tool_call>["</tool_call>', "tool_call_unclosed", 0),
        ("tool_n1", "<tool_call>[]</tool_call><tool_call>[]</tool_call>", "multiple_tool_call_blocks", 36),
        ("tool_n1", "<tool_call>[x]</tool_call>", "json_invalid", 12),
        ("tool_n1", "<tool_call>[NaN]</tool_call>", "json_not_finite", 11),
        ("tool_n1", "<tool_call>1</tool_call>", "not_calls", ""),
        ("tool_n1", '<tool_call>[{"name": "f"}]</tool_call>', "call_key_missing", "/0"),
        ("hermes", "<tool_call>[]</tool_call>", "call_not_object", "/0"),
        ("hermes", '<tool_call>{"name": "f", "arguments": 1}</tool_call>', "arguments_not_object", "/0/arguments"),
        ("hermes", '<tool_call>{"name": "f", "arguments": {}}</tool_call><tool_call>', "tool_call_unclosed", 53),
        ("toolrl", '<tool_call>\n{"name": "f", "parameters": {}}\n{x}\n</tool_call>', "json_invalid", 45),
        ("toolrl", "<tool_call>\n\u00a0\n</tool_call>", "json_invalid", 12),
        ("toolrl", '<tool_call>[{"name": "f", "parameters": {}}]</tool_call>', "call_not_object", "/0"),
        ("toolrl", '<tool_call>{"name": "f", "arguments": {}}</tool_call>', "call_key_missing", "/0"),
        ("toolrl", '<tool_call>{"name": "f", "parameters": {}, "id": 1}</tool_call>', "call_key_unexpected", "/0"),
        ("toolrl", '<tool_call>{"name": 1, "parameters": {}}</tool_call>', "name_not_string", "/0/name"),
        ("toolrl", '<tool_call>{"name": "f", "parameters": []}</tool_call>', "arguments_not_object", "/0/parameters"),
        ("toolrl", "<tool_call></tool_call><tool_call></tool_call>", "multiple_tool_call_blocks", 34),
        ("toolace", "It is sunny in Oslo.", "python_calls_invalid", 0),
        ("toolace", " \n<think>t</think>[f(a=x)]<|im_end|>", "python_calls_invalid", 23),
        ("openai", "{", "json_invalid", 1),
        ("openai", "1", "not_calls", ""),
        ("openai", '{"id": 1}', "not_calls", ""),
        ("openai", '{"tool_calls": {"function": {}}}', "not_calls", "/tool_calls"),
        ("openai", '{"tool_calls": ["f"]}', "call_not_object", "/tool_calls/0/function"),
        ("openai", '{"tool_calls": [{"function": {"name": "f"}}]}', "call_key_missing", "/tool_calls/0/function"),
        (
            "openai",
            '{"tool_calls": [{"function": {"name": "f", "arguments": ""}}]}',
            "json_invalid",
            "/tool_calls/0/function/arguments",
        ),
        (
            "openai",
            '{"output": [{"type": "function_call", "name": "f", "arguments": "[]"}]}',
            "arguments_not_object",
            "/output/0/arguments",
        ),
        ("openai", '[{"type": "function_call", "name": null, "arguments": "{}"}]', "name_not_string", "/0/name"),
        ("anthropic", "null", "not_calls", ""),
        ("anthropic", '"text"', "not_calls", ""),
        ("anthropic", "{}", "not_calls", "/content"),
        ("anthropic", '{"content": [{"type": "tool_use", "name": "f"}]}', "call_key_missing", "/content/0"),
        ("anthropic", '[{"type": "tool_use", "name": "f", "input": "{}"}]', "arguments_not_object", "/0/input"),
    ],
)
def test_what_is_not_in_the_dialect_says_why_and_where(dialect, text, reason, place):
    assert fault_of(dialect, text) == (reason, place)


def test_a_fault_in_a_list_in_pythons_syntax_is_told_in_the_words_of_its_reader():
    with pytest.raises(DialectFault, match=r"^expected a literal, got Oslo: a string needs quotes$"):
        read(CallDialect.TOOLACE, f"{THINK}[get_weather(city=Oslo)]")


@pytest.mark.parametrize("dialect", ["tool_n1", "hermes", "toolrl"])
@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>" * 50_000,
        '<tool_call>"' + '\\"' * 250_000,
        '<tool_call>"' + '</tool_call>"' * 40_001,
        "<tool_call>" + '"</tool_call>"' * 40_000,
        '<tool_call>""' * 40_000,
    ],
    ids=lambda text: text[:15],
)
def test_half_a_megabyte_of_tags_and_quotes_is_read_in_one_pass(dialect, text):
    """Each takes minutes if any part of it is looked at more than a few times."""
    assert fault_of(dialect, text)

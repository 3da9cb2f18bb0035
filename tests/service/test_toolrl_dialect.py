"""Prompts that number their tools in prose, and answers with them: what is written is read, and nothing is skipped."""

import gzip
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall.dialects import (
    DialectFault,
    MalformedTools,
    ToolDialect,
    normalise,
    read_toolrl_answer,
    read_toolrl_prompt,
)
from goodcall.dialects.toolrl import numbers_tools
from goodcall.types import ToolCall
from suites import dataset

CITY = {"city": {"description": "Which city.", "type": "str", "default": ""}}
TOOLS = """Use these tools:
1. Name: get weather
Description: The weather in a city.
Parameters: {"city": {"description": "Which city.", "type": "str", "default": ""}}
2. Name: ping
Description: Answers.
Parameters: {}"""
PROMPT = f"{TOOLS}\n\n**Steps**\n1. **Think:** Parameters: none.\n2. **Act**"
DEFINITIONS = [
    {"name": "get weather", "description": "The weather in a city.", "parameters": CITY},
    {"name": "ping", "description": "Answers.", "parameters": {}},
]


def test_a_text_that_numbers_tools_is_told_from_one_that_does_not():
    assert numbers_tools(PROMPT)
    assert numbers_tools("Tools:\n7. Name: ")
    assert not numbers_tools("1. Think.\n  2. Name: x\nName: y")


@pytest.mark.parametrize("prompt", [PROMPT, TOOLS, f"{TOOLS}\n", f"{TOOLS}  \n \n", f"Hello.\n\n{PROMPT}"])
def test_the_tools_of_a_prompt_are_read_whatever_stands_around_them(prompt):
    assert read_toolrl_prompt(prompt) == DEFINITIONS


def test_blank_lines_between_tools_change_nothing():
    assert read_toolrl_prompt(PROMPT.replace("2. Name", "\n \n2. Name")) == DEFINITIONS


@pytest.mark.parametrize(
    ("written", "description"),
    [
        ("Description: Two\nlines.\n\n1. An item", "Two\nlines.\n\n1. An item"),
        ("Description: ", ""),
        ("Description:", ""),
        ("Description: It has Parameters: none.", "It has Parameters: none."),
    ],
)
def test_a_description_may_be_of_any_number_of_lines(written, description):
    tools = read_toolrl_prompt(PROMPT.replace("Description: Answers.", written))
    assert [tool["description"] for tool in tools] == ["The weather in a city.", description]


A_HEAD = "a list of tools that begins with a line 1. Name: …"
A_DESCRIPTION, PARAMETERS = "a line Description: …", "a tool with a line Parameters: …"
ONE_LINE, A_MAP = "parameters that are JSON in one line", "a map from parameter names to objects with a type"
AN_END = "the next tool, or a blank line after the last"
MALFORMED = {
    "no tools": ("You are helpful.", A_HEAD, "You are helpful."),
    "nothing": ("", A_HEAD, ""),
    "numbers begin late": (PROMPT.replace("1. Name", "0. Name"), "tool 1", "0. Name: get weather"),
    "a number is left out": (PROMPT.replace("2. Name", "3. Name"), "tool 2", "3. Name: ping"),
    "a number is written twice": (PROMPT.replace("2. Name", "1. Name"), "tool 2", "1. Name: ping"),
    "a head is misspelt": (PROMPT.replace("2. Name:", "2. Nam:"), AN_END, "2. Nam: ping"),
    "no description": (PROMPT.replace("Description: Answers.\n", ""), A_DESCRIPTION, "Parameters: {}"),
    "nothing but a head": ("1. Name: ping", A_DESCRIPTION, ""),
    "no parameters": (PROMPT.replace("Parameters: {}", "Parameter: {}"), PARAMETERS, "2. Name: ping"),
    "parameters of the next tool": (PROMPT.replace('Parameters: {"', '{"'), PARAMETERS, "1. Name: get weather"),
    "parameters end too soon": (PROMPT.replace('""}}', '""}'), ONE_LINE, ""),
    "parameters over two lines": (PROMPT.replace("{}", "{\n}"), ONE_LINE, ""),
    "parameters in Python": (PROMPT.replace("{}", "{'a': 1}"), ONE_LINE, "'a': 1}"),
    "a parameter is named twice": (
        PROMPT.replace("{}", '{"a": {"type": "str"}, "a": {"type": "str"}}'),
        ONE_LINE,
        ' {"a": {"type": "str"}, "a": {"type": "str"}}',
    ),
    "parameters are a list": (PROMPT.replace("{}", "[]"), A_MAP, " []"),
    "parameters without types": (PROMPT.replace("{}", '{"a": {}}'), A_MAP, ' {"a": {}}'),
    "parameters are words": (PROMPT.replace("{}", '{"a": "str"}'), A_MAP, ' {"a": "str"}'),
    "JSON Schema": (PROMPT.replace("{}", '{"type": "object"}'), A_MAP, ' {"type": "object"}'),
    "words after a tool": (
        PROMPT.replace("\n2. Name", "\nMind: it rains.\n2. Name"),
        AN_END,
        "Mind: it rains.",
    ),
    "words after the last": (PROMPT.replace("{}\n", "{}\nReturns: int"), AN_END, "Returns: int"),
    "a second list": (f"{PROMPT}\n{TOOLS}", AN_END, "**Steps**"),
}


@pytest.mark.parametrize(("prompt", "expected", "line"), MALFORMED.values(), ids=MALFORMED)
def test_what_cannot_be_read_of_the_tools_is_refused_with_its_place(prompt, expected, line):
    with pytest.raises(MalformedTools) as raised:
        read_toolrl_prompt(prompt)
    assert (raised.value.expected, raised.value.pointer) == (expected, "")
    assert prompt[raised.value.position :].partition("\n")[0] == line
    assert str(raised.value).endswith(f"at position {raised.value.position}")


characters = st.characters(exclude_categories=["Cs"])
lines = st.text(characters.filter(lambda character: character != "\n"), max_size=12)
descriptions = (
    st.lists(lines | st.sampled_from(["Description: x", "3. x", ""]), max_size=3)
    .map("\n".join)
    .filter(lambda text: not any(line.startswith("Parameters:") or ". Name:" in line for line in text.split("\n")))
)
parameters = st.dictionaries(
    st.text(characters, max_size=5),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["str", "List[int]"])}, optional={"description": st.text(characters), "default": lines}
    ),
    max_size=3,
)
definitions = st.fixed_dictionaries({"name": lines, "description": descriptions, "parameters": parameters})


def write_prompt(tools):
    written = []
    for number, tool in enumerate(tools, 1):
        written += [f"{number}. Name: {tool['name']}", f"Description: {tool['description']}"]
        written += [f"Parameters: {json.dumps(tool['parameters'])}"]
    return "\n".join(written)


@given(st.lists(definitions, min_size=1, max_size=4), st.sampled_from(["", "\n", "\n\nNotes:\n1. Think.\n"]))
def test_tools_that_are_written_are_read_back(tools, after):
    read = read_toolrl_prompt("Tools:\n" + write_prompt(tools) + after)
    assert read == [{**tool, "description": tool["description"].strip()} for tool in tools]


pieces = st.sampled_from(
    [
        "1. Name: a",
        "2. Name: b",
        "Description: c",
        "Parameters: {}",
        'Parameters: {"a": {"type": "str"}}',
        "\n",
        " ",
        "x",
    ]
) | st.text(max_size=3)


@given(st.lists(pieces, max_size=14).map("".join))
def test_any_text_is_read_or_refused_at_a_place_inside_it(text):
    tools, position = None, 0
    try:
        tools = read_toolrl_prompt(text)
    except MalformedTools as fault:
        position = fault.position
    assert 0 <= position <= len(text)
    assert tools is None or len(tools) == sum(f"\n{number}. Name:" in f"\n{text}" for number in (1, 2))


THOUGHT = "<think> They ask. </think>\n"
ANSWERS = {
    "calls, one a line": (
        '<tool_call>\n{"name": "ping", "parameters": {}}\n{"name": "add", "parameters": {"a": 1}}\n</tool_call>',
        [ToolCall("ping", {}), ToolCall("add", {"a": 1})],
    ),
    "a call and a response": (
        '<tool_call>\n{"name": "ping", "parameters": {}}\n</tool_call>\n<response> Wait. </response>',
        [ToolCall("ping", {})],
    ),
    "a response": ('<response> No tool has 5" of it. </response>', []),
    "a response and one that never ends": ("<response> None. </response> <response>", []),
}


@pytest.mark.parametrize("thought", [THOUGHT, ""])
@pytest.mark.parametrize(("answer", "calls"), ANSWERS.values(), ids=ANSWERS)
def test_the_calls_of_an_answer_are_read_and_a_response_alone_has_none(thought, answer, calls):
    assert read_toolrl_answer(thought + answer) == calls


@pytest.mark.parametrize(
    "answer",
    ["", "I can't.", "<response> I can't.", "</response><response>", "<tool_call>\n</tool_call>", "<tool_call>\n{}"],
)
def test_an_answer_that_neither_calls_nor_responds_is_refused(answer):
    with pytest.raises(DialectFault):
        read_toolrl_answer(THOUGHT + answer)


def test_a_response_that_is_only_thought_of_is_none():
    with pytest.raises(DialectFault, match=r"^expected calls or a response$") as raised:
        read_toolrl_answer("<think> <response> </response> </think> Well")
    assert raised.value.position == len("<think> <response> </response> </think>")


def prompts_of_rlla():
    """The system prompts of the supervised rows and of the test rows."""
    with gzip.open(dataset("rlla", "rlla_sft.json.gz"), "rt", encoding="utf-8") as file:
        supervised = [row["instruction"] for row in json.load(file)]
    rows = pq.read_table(dataset("rlla", "test.parquet"), columns=["prompt"]).to_pylist()
    return supervised + [row["prompt"][0]["content"] for row in rows]


def test_every_tool_of_the_published_dataset_is_read():
    prompts = prompts_of_rlla()
    tools = [tool for prompt in prompts for tool in read_toolrl_prompt(prompt)]
    assert (len(prompts), len(tools)) == (480, 1482)
    assert {str(loss.kind) for loss in normalise(tools, ToolDialect.XLAM).losses} == {"callable"}

"""Tools in every dialect: how each is recognised, what it becomes, what is reported as lost, what passes untouched."""

import gzip
import json
from collections import Counter

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall import score
from goodcall.dialects import Loss, MalformedTools, ToolDialect, detect, normalise
from goodcall.errors import UnusableTask
from goodcall.parsing import Calls
from goodcall.schema_bounds import SchemaBounds
from goodcall.strict_json import MAX_DEPTH
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import ToolCall
from suites import conformance_tasks, dataset

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
DICT_SCHEMA = {"type": "dict", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FLAT_MAP = {"city": {"type": "str"}}

WRAPPED = {"type": "function", "function": {"name": "f", "description": "Finds.", "parameters": SCHEMA}}
RESPONSES = {"type": "function", "name": "f", "description": "Finds.", "parameters": SCHEMA, "strict": True}
BARE = {"name": "f", "description": "Finds.", "parameters": SCHEMA}
ANTHROPIC = {"name": "f", "description": "Finds.", "input_schema": SCHEMA}
XLAM = {"name": "f", "description": "Finds.", "parameters": FLAT_MAP}
TOOLACE = {"name": "f", "description": "Finds.", "parameters": DICT_SCHEMA, "required": None}
BFCL = {"name": "f", "description": "Finds.", "parameters": DICT_SCHEMA}
HERMES = f"You may call:\n<tools>\n{json.dumps(WRAPPED)}\n</tools>\n"


KEYWORDS_OF_OBJECTS = (
    *("additionalProperties", "unevaluatedProperties", "propertyNames", "not"),
    *("if", "then", "else"),
)


def of(parameters, **more):
    return {"name": "f", "parameters": parameters, **more}


def parameters_of(definition, dialect=None):
    [tool] = normalise([definition], dialect).tools
    return tool.parameters


def losses_of(definition):
    return [(loss.kind, loss.pointer, loss.lost) for loss in normalise([definition]).losses]


@pytest.mark.parametrize(
    ("definition", "dialect"),
    [
        (WRAPPED, "openai"),
        (RESPONSES, "openai_responses"),
        (BARE, "bare"),
        (ANTHROPIC, "anthropic"),
        (XLAM, "xlam"),
        (TOOLACE, "toolace"),
        (BFCL, "bfcl"),
    ],
)
def test_the_same_tool_in_every_dialect_is_recognised_and_comes_to_the_same(definition, dialect):
    assert detect(definition) == dialect
    for named in (None, ToolDialect(dialect)):
        normalised = normalise([definition], named)
        [tool] = normalised.tools
        assert tool.to_openai() == WRAPPED
        assert tool.dialect == dialect
        assert tool.pointer == ("/0/function" if "function" in definition else "/0")
        assert not normalised.losses


@pytest.mark.parametrize(
    "text",
    [
        HERMES,
        f"Signatures stand within <tools></tools> tags: <tools>\n{json.dumps(WRAPPED)}\n</tools>",
        f"<tools>{json.dumps([WRAPPED])}</tools>",
        f"<tools>\n{json.dumps(WRAPPED, indent=2)}\n</tools>",
        f"<tools>\n\n{json.dumps(BFCL)}\r\n\n</tools>",
    ],
)
def test_tools_in_a_prompt_are_found(text):
    assert detect(text) == "hermes"
    for named in (None, ToolDialect.HERMES):
        assert [tool.to_openai() for tool in normalise(text, named).tools] == [WRAPPED]


def test_a_description_that_is_no_text_is_left_out():
    [tool] = normalise([{**BARE, "description": ["Finds."]}]).tools
    assert (tool.description, tool.to_openai()["function"].keys()) == (None, {"name", "parameters"})


def test_each_line_of_a_prompt_is_a_tool_of_its_own():
    lines = "\n".join(map(json.dumps, [WRAPPED, of({}, description="It says </tools>."), XLAM]))
    tools = normalise(f"<tools>\n{lines}\n</tools>").tools
    assert [tool.dialect for tool in tools] == ["openai", "bare", "xlam"]
    assert tools[1].description == "It says </tools>."


@pytest.mark.parametrize(
    ("definition", "dialect"),
    [
        ({"name": "f"}, "bare"),
        (of(None), "bare"),
        (of({}), "bare"),
        (of({"type": "object", "properties": {"a": {"default": "dict", "enum": ["float"]}}}), "bare"),
        (of({"type": "object", "properties": {"type": {"type": "string"}, "items": {}}}), "bare"),
        (of({"properties": {"type": {"type": "string"}, "description": {"type": "string"}}}), "bare"),
        (of({"additionalProperties": {"type": "string"}}), "bare"),
        (of({"type": "strng"}), "bare"),
        (of({"type": "object", "properties": {"a": {"type": ["string", "nul"]}}}), "bare"),
        (of({"type": 7}), "bare"),
        (of({"properties": {"a": {"type": "string"}}, "items": {"type": "string"}}), "bare"),
        (of({keyword: {"type": "string"} for keyword in KEYWORDS_OF_OBJECTS}), "bare"),
        (of(SCHEMA, arguments=DICT_SCHEMA), "bare"),
        (of({"type": "object", "properties": 7, "items": True}), "bare"),
        (of(SCHEMA, required=None), "bare"),
        ({"type": "function", "function": XLAM}, "xlam"),
        (of({"type": {"type": "str"}, "properties": {"type": "list"}}), "xlam"),
        (of({"items": {"type": "array", "description": "What to buy."}}), "xlam"),
        (of({"a": {"description": "Anything."}, "b": {}}), "xlam"),
        (of({"a": {"type": ["string", "null"]}}), "xlam"),
        ({"type": "function", "function": BFCL}, "bfcl"),
        ({**RESPONSES, "parameters": DICT_SCHEMA}, "bfcl"),
        (of({"type": "object", "properties": {"a": {"type": "float"}}}), "bfcl"),
        (of({"type": "object", "properties": {"a": {"items": {"type": "any"}}}}), "bfcl"),
        (of({"type": "object", "properties": {"a": {"anyOf": [{"type": ["dict", "null"]}]}}}), "bfcl"),
        (of({"type": "object", "properties": {"a": {"type": "List[int]"}}}), "bfcl"),
        (of({"type": "object", "properties": {"a": {"type": "List[strng]"}}}), "bfcl"),
        (of({"type": "object", "properties": {"a": {"type": "Dict[int, str]"}}}), "bfcl"),
        ({"name": "f", "arguments": SCHEMA}, "toolace"),
        ({"name": "f", "arguments": DICT_SCHEMA, "required": ["city"]}, "toolace"),
    ],
)
def test_a_definition_is_recognised_by_its_shape_and_its_types(definition, dialect):
    assert detect(definition) == dialect


schemas = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer", "number", "boolean", "null", "strng", ["string", "null"]])}
    ),
    lambda children: (
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.text(max_size=3), children, max_size=3)},
            optional={
                "required": st.none() | st.lists(st.text(max_size=3), max_size=2),
                "optional": st.booleans(),
                "default": st.none(),
            },
        )
        | st.fixed_dictionaries(
            {"type": st.just("array"), "items": children}, optional={"enum": st.just([{"type": "dict"}])}
        )
        | st.fixed_dictionaries({"anyOf": st.lists(children, min_size=1, max_size=2)})
    ),
    max_leaves=6,
)


@given(schemas.filter(lambda schema: "type" in schema))
def test_json_schema_passes_untouched_whatever_else_it_holds(schema):
    for definition in ({"type": "function", "function": of(schema)}, of(schema), {"name": "f", "input_schema": schema}):
        assert parameters_of(definition) is schema


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["dict", "float", "any", "List[int]", "str, optional", "string", "x"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "name",
                        "function",
                        "parameters",
                        "arguments",
                        "input_schema",
                        "type",
                        "properties",
                        "items",
                        "required",
                    ),
                    *("anyOf", "optional", "default", "description", "enum", "additionalProperties", "city", "$defs"),
                ]
            ),
            children,
            max_size=5,
        )
    ),
    max_leaves=25,
)
named_dialects = st.none() | st.sampled_from(ToolDialect)


@given(json_values, named_dialects)
def test_any_definitions_are_tools_or_a_fault_with_a_pointer(definitions, dialect):
    fault = None
    try:
        normalise(definitions, dialect)
    except MalformedTools as raised:
        fault = raised
    assert fault is None or (fault.pointer is not None and fault.expected)


@given(json_values, named_dialects.filter(lambda dialect: dialect != "hermes"))
def test_normalising_what_was_normalised_changes_nothing(parameters, dialect):
    try:
        tools = normalise([of(parameters, input_schema=parameters), of(parameters)], dialect).tools
    except MalformedTools:
        return
    for tool in tools:
        # What was taken for JSON Schema was left alone, and may well be in a dialect that was not named.
        named = ToolDialect.OPENAI if tool.dialect in LEFT_ALONE else None
        [again] = normalise([tool.to_openai()], named).tools
        assert again.parameters == tool.parameters


LEFT_ALONE = {ToolDialect.OPENAI, ToolDialect.OPENAI_RESPONSES, ToolDialect.BARE, ToolDialect.ANTHROPIC}


@pytest.mark.parametrize(
    ("schema", "translated"),
    [
        ({"type": "dict"}, {"type": "object"}),
        ({"type": "any"}, {"type": "object"}),
        ({"type": "dict", "properties": None, "required": None}, {"type": "object"}),
        (
            {"type": "dict", "properties": {"a": {"type": "tuple", "items": {"type": "float"}, "optional": True}}},
            {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "number"}}}},
        ),
        (
            {"type": "dict", "properties": {"a": {"description": "First.", "type": "any", "default": None}}},
            {"type": "object", "properties": {"a": {"description": "First.", "default": None}}},
        ),
        (
            {"type": "dict", "properties": {"a": {"default": {"type": "dict"}, "const": {"optional": True}}}},
            {"type": "object", "properties": {"a": {"default": {"type": "dict"}, "const": {"optional": True}}}},
        ),
        (
            {"type": "dict", "properties": {"optional": {"type": "HashMap", "enum": [{"type": "dict"}, None]}}},
            {"type": "object", "properties": {"optional": {"type": "object", "enum": [{"type": "dict"}, None]}}},
        ),
        (
            {"type": "dict", "properties": {"a": {"type": ["dict", "null"], "anyOf": [{"type": "long"}, True]}}},
            {"type": "object", "properties": {"a": {"type": ["object", "null"], "anyOf": [{"type": "integer"}, True]}}},
        ),
        (
            {"type": "dict", "properties": {"a": {"items": {"type": "char"}, "type": "List[Any]"}}},
            {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}},
        ),
        (
            {"type": "dict", "$defs": {"a": {"type": "double"}}, "additionalProperties": {"type": "bool"}},
            {"type": "object", "$defs": {"a": {"type": "number"}}, "additionalProperties": {"type": "boolean"}},
        ),
    ],
)
def test_other_words_for_types_are_translated_wherever_a_schema_stands(schema, translated):
    assert parameters_of(of(schema), ToolDialect.BFCL) == translated
    assert parameters_of(of(schema), ToolDialect.TOOLACE) == translated
    assert not losses_of(of(schema))


@pytest.mark.parametrize(
    ("definition", "required"),
    [
        (of(DICT_SCHEMA, required=["other"]), ["city"]),
        (of({"type": "dict"}, required=["city"]), ["city"]),
        (of({"type": "dict"}, required=None), None),
        ({"name": "f", "arguments": {"type": "dict"}, "required": ["city"]}, ["city"]),
    ],
)
def test_names_that_toolace_requires_beside_the_parameters_are_required(definition, required):
    assert parameters_of(definition).get("required") == required


@pytest.mark.parametrize(
    ("description", "required"),
    [
        ({"type": "str"}, True),
        ({"description": "No type."}, True),
        ({"type": "str", "default": ""}, False),
        ({"type": "str", "default": None}, False),
        ({"type": "str, optional"}, False),
        ({"type": "Optional[str]"}, False),
        ({"type": ["string", "null"]}, False),
        ({"type": "int, default 5"}, False),
        ({"type": "str", "optional": True}, False),
        ({"type": "str", "optional": "True"}, False),
        ({"type": "str", "optional": False}, True),
        ({"type": "str", "required": False}, False),
        ({"type": 7, "description": "A slip."}, True),
        ({"type": "str, optional", "default": "x", "required": True}, True),
    ],
)
def test_a_parameter_of_a_flat_map_is_required_unless_something_says_otherwise(description, required):
    schema = parameters_of(of({"city": description}))
    assert schema["required"] == (["city"] if required else [])
    assert schema["type"] == "object"
    assert schema["properties"].keys() == {"city"}
    assert isinstance(schema["properties"]["city"].get("required", []), list)


def test_a_flat_map_becomes_a_schema_and_keeps_the_rest_of_each_description():
    parameters = {
        "points": {"type": "List[Tuple[float, float]]", "description": "Where."},
        "unit": {"type": "str, optional", "description": "Which.", "default": "m", "enum": ["m", "km"]},
        "style": {"type": "dict", "properties": {"width": {"type": "float"}}, "required": ["width"]},
        "bold": {"type": "bool", "default": False, "required": False},
    }
    pair = {"type": "array", "prefixItems": [{"type": "number"}] * 2, "minItems": 2, "maxItems": 2}
    assert parameters_of(of(parameters)) == {
        "type": "object",
        "properties": {
            "points": {"type": "array", "items": pair, "description": "Where."},
            "unit": {"type": "string", "description": "Which.", "default": "m", "enum": ["m", "km"]},
            "style": {"type": "object", "properties": {"width": {"type": "number"}}, "required": ["width"]},
            "bold": {"type": "boolean", "default": False},
        },
        "required": ["points", "style"],
    }
    assert not losses_of(of(parameters))


def test_a_flat_map_of_nothing_is_an_object_when_it_is_said_to_be_one():
    nothing = {"type": "object", "properties": {}, "required": []}
    assert parameters_of(of({}), ToolDialect.XLAM) == nothing
    assert parameters_of({"name": "f"}, ToolDialect.XLAM) == nothing


@pytest.mark.parametrize(
    ("definition", "losses"),
    [
        (
            of({"a": {"type": "Callable[[float], float]"}}),
            [("callable", "/0/parameters/a/type", '"Callable[[float], float]"')],
        ),
        (
            {"type": "function", "function": of({"a/b": {"type": "List[x.y]"}, "c": {"type": "strng"}})},
            [
                ("unknown_type", "/0/function/parameters/a~1b/type", '"x.y"'),
                ("unknown_type", "/0/function/parameters/c/type", '"strng"'),
            ],
        ),
        (
            of({"type": "dict", "properties": {"a": {"anyOf": [{"type": "int"}, {"type": ["Dict[int, str]", 7]}]}}}),
            [("unknown_type", "/0/parameters/properties/a/anyOf/1/type", '["Dict[int, str]", 7]')],
        ),
        (
            {"name": "f", "arguments": {"type": "dict", "properties": {"a": {"type": ""}, "b": {"type": []}}}},
            [
                ("unknown_type", "/0/arguments/properties/a/type", '""'),
                ("unknown_type", "/0/arguments/properties/b/type", "[]"),
            ],
        ),
        (of({"type": "dict", "required": "city"}), [("required_malformed", "/0/parameters/required", '"city"')]),
        (
            of({"type": "dict", "properties": {"a": {"optional": "yes"}, "b": True}, "required": ["a", "b", "c"]}),
            [("optional_contradicted", "/0/parameters/properties/a/optional", '"yes"')],
        ),
        (of({"a": {"type": "Dict[int, str]"}}), [("key_type", "/0/parameters/a/type", '"int, str"')]),
        (of({"a": {"type": "int, default 5"}}), [("default_in_type", "/0/parameters/a/type", '"default 5"')]),
    ],
)
def test_what_cannot_be_kept_is_reported_with_its_place(definition, losses):
    assert losses_of(definition) == losses


def test_a_long_loss_is_cut():
    [loss] = normalise([of({"a": {"type": "x" * 1000}})]).losses
    assert loss == Loss("/0/parameters/a/type", "unknown_type", f'"{"x" * 198}…')


A_LIST, A_BLOCK = "a list of function definitions", "definitions between <tools> and </tools>"
LINES = "one JSON list of tools, or one JSON object a line"
A_DEFINITION, A_NAME = "a function definition", "a function with a name"


@pytest.mark.parametrize(
    ("definitions", "dialect", "pointer", "expected"),
    [
        (None, None, "", A_LIST),
        ({"f": BARE}, None, "", A_LIST),
        ("No tools here.", None, "", A_BLOCK),
        ("<tools> </tools>", None, "", A_BLOCK),
        ("<tools>[", None, "", A_BLOCK),
        ("<tools>{}\n{</tools>", None, "", LINES),
        ([BARE], ToolDialect.HERMES, "", "text that lists tools"),
        ([BARE, "f"], None, "/1", A_DEFINITION),
        ([HERMES], None, "/0", A_DEFINITION),
        ("<tools>[1]</tools>", None, "/0", A_DEFINITION),
        ([{"function": [BARE]}], None, "/0/function", A_DEFINITION),
        ([{"parameters": {}}], None, "/0", A_NAME),
        ([{"type": "function", "function": {"name": ""}}], None, "/0/function", A_NAME),
        ([{"type": "function", "function": {"name": 7}}], None, "/0/function", A_NAME),
        ([BARE], ToolDialect.ANTHROPIC, "/0", "a tool with an input_schema"),
        ([BARE], ToolDialect.XLAM, "/0/parameters/type", "the description of a parameter, an object"),
        ([of([])], ToolDialect.XLAM, "/0/parameters", "a map from parameter names to descriptions"),
    ],
)
def test_what_is_no_definition_is_a_fault_with_a_pointer(definitions, dialect, pointer, expected):
    with pytest.raises(MalformedTools) as refused:
        normalise(definitions, dialect)
    assert (refused.value.pointer, refused.value.expected) == (pointer, expected)
    assert str(refused.value) == f"expected {expected} at {pointer or 'the root'}"


@pytest.mark.parametrize(("definition", "pointer"), [(7, ""), ({"function": 7}, "/function")])
def test_the_dialect_of_what_is_no_definition_is_a_fault_with_a_pointer(definition, pointer):
    with pytest.raises(MalformedTools) as refused:
        detect(definition)
    assert refused.value.pointer == pointer


@pytest.mark.parametrize("definition", [WRAPPED, RESPONSES, BARE, ANTHROPIC, XLAM, TOOLACE, BFCL])
def test_a_toolbox_takes_tools_of_any_dialect(definition):
    toolbox = ToolCompiler().toolbox(json.dumps([definition]).encode())
    calls = Calls([ToolCall("f", {"city": "Oslo"}), ToolCall("f", {"city": 7}), ToolCall("f", {})])
    assert toolbox.check(calls, 0) is None
    assert toolbox.check(calls, 1).place().pointer == "/1/arguments/city"
    assert toolbox.check(calls, 2).reason == "arguments_invalid"


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        ({"type": "function", "function": of({"type": "strng"})}, "/0/function/parameters"),
        ({"name": "f", "input_schema": {"type": "strng"}}, "/0/input_schema"),
        (of({"type": "dict", "properties": {"a": {"type": "strng"}}}), "/0/parameters/properties/a/type"),
        (of({"a": {"type": "List[strng]"}}), "/0/parameters/a/type"),
    ],
)
def test_a_toolbox_refuses_a_type_that_no_dialect_knows(definition, pointer):
    with pytest.raises(UnusableTask) as refused:
        ToolCompiler().toolbox(json.dumps([definition]).encode())
    finding = refused.value.finding
    assert (finding.reason, finding.place().pointer) == ("tool_schema_invalid", pointer)
    assert str(refused.value) == finding.reason.hint


def test_the_8532_tools_of_the_tasks_are_openai_and_pass_untouched():
    definitions = [definition for task in conformance_tasks().values() for definition in task["tools"]]
    normalised = normalise(definitions)
    assert len(definitions) == 8532
    assert {tool.dialect for tool in normalised.tools} == {ToolDialect.OPENAI}
    assert all(
        tool.parameters is definition["function"]["parameters"] and tool.to_openai() == definition
        for tool, definition in zip(normalised.tools, definitions, strict=True)
    )
    assert not normalised.losses


def bfcl_questions():
    for path in dataset("bfcl").glob("*.json.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def test_the_functions_of_bfcl_become_the_tools_of_the_tasks():
    functions = {question["id"]: question["function"] for question in bfcl_questions()}
    different = [
        task_id
        for task_id, task in conformance_tasks().items()
        if [tool.to_openai() for tool in normalise(functions[task_id]).tools] != task["tools"]
    ]
    assert len(conformance_tasks()) == 3475
    assert different == []


def test_of_8726_functions_of_bfcl_two_lose_something():
    tools, losses = [], []
    for question in bfcl_questions():
        normalised = normalise(question["function"])
        tools += normalised.tools
        losses += [(question["id"], str(loss.kind)) for loss in normalised.losses]
    assert Counter(tool.dialect for tool in tools) == {ToolDialect.BFCL: 8726}
    assert sorted(losses) == [("irrelevance_173", "optional_contradicted"), ("simple_javascript_23", "unknown_type")]


def rlla_tools():
    """The tools that the prompts of the supervised rows number: name and map of parameters."""
    with gzip.open(dataset("rlla", "rlla_sft.json.gz"), "rt", encoding="utf-8") as file:
        prompts = [row["instruction"] for row in json.load(file)]
    for prompt in prompts:
        for entry in prompt.split(". Name: ")[1:]:
            name, _, rest = entry.partition("\n")
            line = rest[rest.index("Parameters: ") :].partition("\n")[0]
            yield of(json.loads(line.removeprefix("Parameters: "))) | {"name": name}


def test_the_tools_of_toolrls_prompts_become_schemas_that_compile():
    definitions = list(rlla_tools())
    normalised = normalise(definitions)
    assert {tool.dialect for tool in normalised.tools} == {ToolDialect.XLAM, ToolDialect.BARE}
    assert all(tool.parameters == {} for tool in normalised.tools if tool.dialect == ToolDialect.BARE)
    assert all(jsonschema_rs.meta.is_valid(tool.parameters) for tool in normalised.tools)
    assert {loss.kind for loss in normalised.losses} == {"callable"}


def test_tools_may_be_nested_as_deep_as_any_json():
    def tools(depth):
        default = "[" * (depth - 3) + "]" * (depth - 3)
        return f'[{{"name": "f", "parameters": {{"default": {default}}}}}]'.encode()

    compiler = ToolCompiler(bounds=SchemaBounds(max_schema_depth=MAX_DEPTH))
    assert compiler.toolbox(tools(MAX_DEPTH)).validators().keys() == {"f"}
    with pytest.raises(UnusableTask) as refused:
        compiler.toolbox(tools(MAX_DEPTH + 1))
    assert refused.value.finding.place().expected == "strict JSON"


def test_a_type_that_can_only_be_kept_in_part_leaves_the_task_usable():
    """A function as an argument has no JSON Schema; it is a loss that is reported, not a defect of the task."""
    tools = [{"name": "f", "parameters": {"g": {"type": "Callable[[float], float]", "description": "A function."}}}]
    call = {"name": "f", "arguments": {"g": "sin"}}
    completion = f"<think>t</think><tool_call>{json.dumps(call)}</tool_call>"
    assert score(completion, tools=tools, ground_truth=[call]).score == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"[", "strict JSON"),
        (b"", "strict JSON"),
        (b"[" * 100_000, "strict JSON"),
        (b"{}", "a list of function definitions"),
        (b'[{"name": "f", "name": "f"}]', "strict JSON"),
        (b'[{"name": "\xff"}]', "strict JSON"),
    ],
)
def test_tools_that_are_no_strict_json_list_make_a_task_unusable(text, expected):
    with pytest.raises(UnusableTask) as refused:
        ToolCompiler().toolbox(text)
    finding = refused.value.finding
    assert (finding.reason, finding.place().pointer, finding.place().expected) == ("tools_malformed", "", expected)

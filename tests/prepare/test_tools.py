"""Tools and types of other notations as JSON Schema."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall_trainer.prepare.found import Reason, Unreadable
from goodcall_trainer.prepare.python_types import read_type
from goodcall_trainer.prepare.tools import read_tools


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("str", {"type": "string"}),
        ("String", {"type": "string"}),
        ("dict", {"type": "object"}),
        ("ArrayList", {"type": "array"}),
        ("any", {}),
        ("Bigint", {"type": "integer"}),
        ("typing.List[int]", {"type": "array", "items": {"type": "integer"}}),
        ("list(str)", {"type": "array", "items": {"type": "string"}}),
        ("List[List[int]]", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        ("Dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("List[Union[int, float]]", {"type": "array", "items": {"type": ["integer", "number"]}}),
        ("int|str", {"type": ["integer", "string"]}),
        ("int or float or str", {"type": ["integer", "number", "string"]}),
        ("int | List[int]", {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}),
        ("Set[str]", {"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
        ("Literal['a', 2]", {"enum": ["a", 2]}),
        ("Callable[[float], float]", {"type": "string"}),
        ("Tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            "Tuple[float, str]",
            {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
    ],
)
def test_a_type_is_a_schema(text, schema):
    read = read_type(text)
    assert read.schema == schema
    assert not read.is_optional


@pytest.mark.parametrize(
    ("text", "is_optional"),
    [
        ("str, optional", True),
        ("str,Optional", True),
        ("List[int], optional", True),
        ("int, default is 5", True),
        ("int, optional, default: 5", True),
        ("Optional[str]", True),
        ("str | None", True),
        ("Optional[str], required", False),
        ("str, required", False),
    ],
)
def test_a_type_says_whether_its_parameter_may_be_left_out(text, is_optional):
    assert read_type(text).is_optional is is_optional


@pytest.mark.parametrize(
    "text",
    [
        "",
        "date",
        "list of strings",
        "List[",
        "int]",
        "str and int",
        "Dict[str]",
        "str[int]",
        "any[int]",
        "f(x)",
        "1 + 1",
        "1if",
        "Literal[",
        "int|" * 200 + "int",
    ],
)
def test_a_type_that_nobody_knows_has_no_schema(text):
    with pytest.raises(Unreadable) as raised:
        read_type(text)
    assert raised.value.reason is Reason.TYPE_UNKNOWN


@given(st.text(max_size=60) | st.sampled_from(["[", "List[", "(", "-", "not ", ", "]).map(lambda piece: piece * 50_000))
def test_no_type_raises_anything_else(text):
    try:
        read_type(text)
    except Unreadable as fault:
        assert fault.reason is Reason.TYPE_UNKNOWN  # noqa: PT017 - either end is right


def parameters_of(function):
    [tool] = read_tools([function])
    return tool["function"]["parameters"]


def test_a_flat_map_requires_what_has_no_default_and_is_not_optional():
    flat = {
        "a": {"type": "str", "description": "x"},
        "b": {"type": "str, optional"},
        "c": {"type": "str", "default": ""},
        "d": {"type": "Optional[int]"},
        "e": {"type": "int", "optional": True},
        "f": {"type": "int", "required": False},
        "g": {"type": "int", "required": True, "default": 1},
        "h": {"description": "anything"},
    }
    schema = parameters_of({"name": "t", "parameters": flat})
    assert schema["required"] == ["a", "g", "h"]
    assert schema["properties"]["a"] == {"type": "string", "description": "x"}
    assert schema["properties"]["g"] == {"type": "integer", "default": 1}
    assert schema["properties"]["d"] == {"type": ["integer", "null"]}


@pytest.mark.parametrize(
    ("parameters", "properties"),
    [
        ({"type": {"type": "str"}}, {"type": {"type": "string"}}),
        ({"properties": {"type": "str", "description": "x"}}, {"properties": {"type": "string", "description": "x"}}),
        ({"properties": {"a": {"type": "str"}}}, {"a": {"type": "string"}}),
        ({"items": {"type": "list"}}, {"items": {"type": "array"}}),
    ],
)
def test_parameters_named_like_keywords_are_told_from_schemas(parameters, properties):
    assert parameters_of({"name": "t", "parameters": parameters})["properties"] == properties


SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["dict", "float"], "default": None},
        "point": {"type": "array", "prefixItems": [{"type": "number"}], "items": False},
        "nested": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/n"}], "examples": [{"type": "dict"}]},
    },
    "required": ["type"],
    "additionalProperties": False,
    "$defs": {"n": {"type": "integer", "minimum": 1}},
}


@pytest.mark.parametrize("key", ["parameters", "input_schema", "arguments"])
def test_json_schema_stays_as_it_is(key):
    assert parameters_of({"type": "function", "function": {"name": "t", key: SCHEMA}}) == SCHEMA


def test_other_words_for_types_are_translated_wherever_schemas_are():
    schema = parameters_of(
        {
            "name": "t",
            "parameters": {
                "type": "dict",
                "properties": {
                    "a": {"type": "array", "items": {"type": "float"}, "default": {"type": "dict"}},
                    "b": {"anyOf": [{"type": "tuple"}, {"type": ["int", "None"]}]},
                    "c": {"type": "dict", "properties": {"d": {"type": "bool", "optional": True}}, "required": True},
                    "e": {"type": "string", "enum": None},
                },
            },
            "required": ["a"],
        }
    )
    assert schema == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "number"}, "default": {"type": "dict"}},
            "b": {"anyOf": [{"type": "array"}, {"type": ["integer", "null"]}]},
            "c": {"type": "object", "properties": {"d": {"type": "boolean"}}},
            "e": {"type": "string"},
        },
        "required": ["a"],
    }


@pytest.mark.parametrize("parameters", [None, {}])
def test_a_tool_without_parameters_takes_an_empty_object(parameters):
    assert parameters_of({"name": "t", "parameters": parameters}) == {
        "type": "object",
        "properties": {},
        "required": [],
    }


@pytest.mark.parametrize(
    ("definitions", "reason"),
    [
        (None, Reason.TOOLS_UNREADABLE),
        ({"name": "t"}, Reason.TOOLS_UNREADABLE),
        (["t"], Reason.TOOLS_UNREADABLE),
        ([{"description": "x"}], Reason.TOOLS_UNREADABLE),
        ([{"name": ""}], Reason.TOOLS_UNREADABLE),
        ([{"function": "t"}], Reason.TOOLS_UNREADABLE),
        ([{"name": "t", "parameters": "none"}], Reason.TOOLS_UNREADABLE),
        ([{"name": "t", "parameters": {"a": {"type": "wibble"}}}], Reason.TYPE_UNKNOWN),
        ([{"name": "t", "parameters": {"a": {"type": []}}}], Reason.TYPE_UNKNOWN),
        ([{"name": "t", "parameters": {"type": "object", "properties": {"a": {"type": 1}}}}], Reason.TYPE_UNKNOWN),
    ],
    ids=str,
)
def test_what_defines_no_tools_has_a_reason(definitions, reason):
    with pytest.raises(Unreadable) as raised:
        read_tools(definitions)
    assert raised.value.reason is reason

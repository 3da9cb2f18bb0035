"""Type expressions in Python's manner: what the JSON Schema of each accepts, and what is reported as lost."""

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall.dialects.losses import LossKind
from goodcall.dialects.pythonic_types import read_type

ONE_OF_EACH = ["text", 7, 0.5, True, ["text", 7], {"key": 7}, None]
EVERYTHING = range(7)


def accepted(schema, values=ONE_OF_EACH):
    """The indices of the values that a schema accepts."""
    return [index for index, value in enumerate(values) if jsonschema_rs.is_valid(schema, value)]


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (["str", "string", "String", "STRING", "char"], {"type": "string"}),
        (["int", "integer", "long", "short", "byte", "Bigint"], {"type": "integer"}),
        (["float", "double", "number"], {"type": "number"}),
        (["bool", "boolean", "Boolean"], {"type": "boolean"}),
        (["list", "List", "array", "Array", "ArrayList", "tuple", "Queue", "typing.List"], {"type": "array"}),
        (["set", "Set", "frozenset", "HashSet"], {"type": "array", "uniqueItems": True}),
        (["dict", "Dict", "object", "HashMap", "Hashtable", "Mapping"], {"type": "object"}),
        (["None", "null", "NoneType"], {"type": "null"}),
        (["any", "Any", "typing.Any"], {}),
    ],
)
def test_a_word_is_its_json_type(words, schema):
    read = {word: read_type(word) for word in words}
    assert {word: type_.schema for word, type_ in read.items()} == dict.fromkeys(words, schema)
    assert not any(type_.losses for type_ in read.values())


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("List[int]", {"type": "array", "items": {"type": "integer"}}),
        (" typing.List [ int ] ", {"type": "array", "items": {"type": "integer"}}),
        ("list[List[float]]", {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}),
        ("List[Any]", {"type": "array", "items": {}}),
        ("Set[str]", {"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
        ("Dict[str, int]", {"type": "object", "additionalProperties": {"type": "integer"}}),
        ("Dict[Any, Any]", {"type": "object", "additionalProperties": {}}),
        ("Union[int, float]", {"type": ["integer", "number"]}),
        ("int | None", {"type": ["integer", "null"]}),
        ("Union[int, int]", {"type": ["integer"]}),
        ("Union[int]", {"type": "integer"}),
        ("Optional[str]", {"type": ["string", "null"]}),
        ("List[Union[int, float]]", {"type": "array", "items": {"type": ["integer", "number"]}}),
        ("int | List[int]", {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}),
        ("Tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            "Tuple[float, str]",
            {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        ("Literal['a', 'b', 3, None]", {"enum": ["a", "b", 3, None]}),
    ],
)
def test_an_expression_is_read_whole(text, schema):
    read = read_type(text)
    assert read.schema == schema
    assert not read.losses


@pytest.mark.parametrize(
    ("text", "values", "indices"),
    [
        ("float", ONE_OF_EACH, [1, 2]),
        ("int", ONE_OF_EACH, [1]),
        ("Any", ONE_OF_EACH, [*EVERYTHING]),
        ("Optional[bool]", ONE_OF_EACH, [3, 6]),
        ("Union[str, Dict[str, int]]", ONE_OF_EACH, [0, 5]),
        ("Dict[str, str]", ONE_OF_EACH, []),
        ("List[Union[str, int]]", ONE_OF_EACH, [4]),
        ("Tuple[str, int]", [["text", 7], ["text"], ["text", 7, 8], [7, "text"]], [0]),
        ("Tuple[int, ...]", [[], [1], [1, 2, 3], ["text"]], [0, 1, 2]),
        ("Set[int]", [[1, 2], [1, 1]], [0]),
    ],
)
def test_a_schema_accepts_what_the_expression_means(text, values, indices):
    assert accepted(read_type(text).schema, values) == indices


@pytest.mark.parametrize(
    ("text", "optional"),
    [
        *(("str", False), ("Any", False), ("List[None]", False), ("str, required", False)),
        *(("str, optional", True), ("List[int],optional", True), ("str, Optional", True)),
        *(("Optional[str]", True), ("str | None", True), ("Union[int, List[int], None]", True), ("None", True)),
        *(("Literal['a', None]", True), ("Literal['a']", False)),
        *(("int, default 5", True), ("str, optional, default is 'a, b'", True), ("str, defaults to [1]", True)),
        ("Optional[str], required", False),
    ],
)
def test_a_parameter_is_optional_by_a_modifier_a_default_or_none(text, optional):
    read = read_type(text)
    assert read.optional is optional
    assert LossKind.UNKNOWN_TYPE not in [kind for kind, _ in read.losses]


@pytest.mark.parametrize(
    ("text", "schema", "losses"),
    [
        ("Callable[[float], float]", {"type": "string"}, [("callable", "Callable[[float], float]")]),
        ("Callable[..., List[Any] | np.ndarray]", {"type": "string"}, None),
        ("Callable[[Callable[[int], int]], None]", {"type": "string"}, None),
        ("callable", {"type": "string"}, [("callable", "callable")]),
        ("function, optional", {"type": "string"}, [("callable", "function")]),
        ("List[Callable]", {"type": "array", "items": {"type": "string"}}, [("callable", "Callable")]),
        (
            "Dict[int, List[str]]",
            {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
            [("key_type", "int, List[str]")],
        ),
        ("int, default 5", {"type": "integer"}, [("default_in_type", "default 5")]),
        ("List[np.ndarray]", {"type": "array", "items": {}}, [("unknown_type", "np.ndarray")]),
    ],
)
def test_what_json_schema_cannot_say_is_reported(text, schema, losses):
    read = read_type(text)
    assert read.schema == schema
    assert losses is None or read.losses == losses


@pytest.mark.parametrize(
    "text",
    [
        *("", "strng", "datetime", "np.ndarray", "list of str", "string[]", "Optional", "Union", "Literal"),
        *("int[3]", "List[]", "List[int, str]", "Dict[str]", "Optional[int, str]", "Union[]", "Foo[int]"),
        *("List[int", "List[int]]", "List[int] int", "str (optional)", "str, maybe", "str,", "str optional"),
        *("Tuple[]", "Tuple[...]", "Tuple[..., int]", "Tuple[int, ..., str]", "Tuple[int, str, ...]"),
        *("Literal[a]", "Literal[]"),
        "List[" * 65 + "int" + "]" * 65,
        "List[" * 100_000,
        "Callable[" * 100_000,
    ],
    ids=lambda text: text[:30],
)
def test_an_unknown_expression_constrains_nothing_and_is_reported(text):
    read = read_type(text)
    assert (read.schema, read.optional) == ({}, False)
    assert [kind for kind, _ in read.losses] == [LossKind.UNKNOWN_TYPE]


def test_long_expressions_are_read_in_one_pass():
    assert len(read_type(" | ".join(["int"] * 50_000 + ["List[int]"])).schema["anyOf"]) == 50_001
    assert read_type(f"Callable[{' | '.join(['int'] * 50_000)}]").schema == {"type": "string"}


def parametrised(children):
    """Expressions around expressions, each with a value that it accepts."""
    one, two = children, st.tuples(children, children)
    return st.one_of(
        one.map(lambda inner: (f"List[{inner[0]}]", [inner[1]])),
        one.map(lambda inner: (f"Dict[str, {inner[0]}]", {"key": inner[1]})),
        one.map(lambda inner: (f"Optional[{inner[0]}]", None)),
        one.map(lambda inner: (f"{inner[0]} | None", inner[1])),
        one.map(lambda inner: (f"Tuple[{inner[0]}, ...]", [inner[1]] * 3)),
        two.map(lambda pair: (f"Tuple[{pair[0][0]}, {pair[1][0]}]", [pair[0][1], pair[1][1]])),
        two.map(lambda pair: (f"Union[{pair[0][0]}, {pair[1][0]}]", pair[1][1])),
    )


expressions = st.recursive(
    st.sampled_from([("str", "x"), ("int", 1), ("float", 0.5), ("bool", True), ("Any", {"a": [1]}), ("dict", {})]),
    parametrised,
    max_leaves=8,
)


@given(expressions)
def test_any_expression_makes_a_schema_that_accepts_its_values(expression):
    text, value = expression
    read = read_type(text)
    assert not read.losses
    assert jsonschema_rs.is_valid(read.schema, value)


fragments = st.lists(
    st.sampled_from(["List[", "Dict[", "Callable[", "Literal[", "Tuple[", "]", ",", "|", "...", "int", "'a'", " "])
)


@given(st.text() | fragments.map("".join))
def test_any_text_makes_a_schema_that_compiles(text):
    assert jsonschema_rs.meta.is_valid(read_type(text).schema)

"""Tools from strangers: none takes long, ends the process, opens a file or a socket, or spoils another's item."""

import ctypes
import json
import os
import socket
import sys
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall import Scorer, TaskSource, find_reward
from goodcall.errors import UnusableTask
from goodcall.schema_bounds import DEFAULT_BOUNDS, PLAIN, BeyondBounds, SchemaBounds, measure
from goodcall.schema_checks import count_checks
from goodcall.schema_compiler import BoundedValidator, compile_within
from goodcall.tool_compiler import ToolCompiler
from suites import conformance_tasks, write_completion

HARDENED = find_reward("tool_n1/hardened@1")
VALID = find_reward("schema/valid@1")
PATIENCE_S = 1.0
"""Against hangs; each takes a tenth of it at most on a machine with nothing else to do."""

FORWARD = {"$ref": "#/$defs/b"}
DRAFT_4, DRAFT_7, DRAFT_2019 = (
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
)


def doubling(levels, keyword="allOf", **beside):
    """A schema that is asked 2 ** levels times about the same value."""
    steps = {f"d{level}": {keyword: [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**steps, f"d{levels}": {}}, **beside}


def chained(links):
    steps = {f"d{link}": {"$ref": f"#/$defs/d{link + 1}"} for link in range(links)}
    return {"$ref": "#/$defs/d0", "$defs": {**steps, f"d{links}": {}}}


def nested(levels, keyword="allOf"):
    schema = {}
    for _ in range(levels):
        schema = {keyword: [schema]}
    return schema


def nested_unevaluated(levels):
    schema = {"additionalProperties": {"type": "integer"}}
    for _ in range(levels):
        schema = {"anyOf": [schema], "unevaluatedProperties": False}
    return schema


def deep(levels):
    value = 0
    for _ in range(levels):
        value = {"a": value}
    return value


def of(schema):
    """An object with one property."""
    return {"type": "object", "properties": {"a": schema}}


def judge(parameters, arguments, *, explain=False):
    """The verdict of schema/valid on one call with these arguments."""
    tools = json.dumps([{"name": "f", "parameters": parameters}]).encode()
    completion = write_completion([{"name": "f", "arguments": arguments}])
    [verdict] = Scorer().score_group([completion], TaskSource(tools=tools, ground_truth=None), VALID, explain=explain)
    return verdict


INVALID, BEYOND = "tool_schema_invalid", "tools_beyond_bounds"
PATHOLOGICAL = {
    "a pattern that backtracks on 24": (of({"pattern": "(a+)+$"}), {"a": "a" * 24 + "!"}, "arguments_invalid"),
    "a pattern that backtracks on 30": (of({"pattern": "^(a+)+$"}), {"a": "a" * 30 + "!"}, "arguments_invalid"),
    "a pattern that backtracks on many": (of({"pattern": "^(a+)+$"}), {"a": "a" * 50_000 + "!"}, "arguments_invalid"),
    "a pattern that looks ahead": (of({"pattern": "^(?=(a+)+$)a"}), {"a": "a"}, INVALID),
    "a pattern that looks back": (of({"pattern": r"^(a+)+\1$"}), {"a": "a"}, INVALID),
    "a pattern of names that backtracks": ({"patternProperties": {"(a+)+$": False}}, {"a" * 100 + "!": 1}, "ok"),
    "a pattern with a million states": (of({"pattern": "(a{1000}){1000}"}), {"a": "a"}, INVALID),
    "a pattern with ten million states": (of({"pattern": "(?:(?:a{1000}){1000}){10}"}), {"a": "a"}, INVALID),
    "a pattern whose states double": (of({"pattern": "a[ab]{1000}c"}), {"a": "ab" * 4_000}, "arguments_invalid"),
    "a pattern whose states double, long": (
        of({"pattern": "a[ab]{1000}c"}),
        {"a": "ab" * 400_000},
        "arguments_invalid",
    ),
    "many large patterns": (
        of({"anyOf": [{"pattern": f"^\\w{{{size}}}$"} for size in range(100, 1000)]}),
        {"a": "a"},
        BEYOND,
    ),
    "a schema that is itself": ({"$ref": "#"}, {}, INVALID),
    "a schema in a circle of two": (
        {"$ref": "#/$defs/a", "$defs": {"a": FORWARD, "b": {"$ref": "#/$defs/a"}}},
        {},
        INVALID,
    ),
    "a circle in a property": (of({"$ref": "#/properties/a"}), {"a": 1}, INVALID),
    "a circle by an anchor": ({"$anchor": "top", "allOf": [{"$ref": "#top"}]}, {}, INVALID),
    "a circle by a dynamic reference": ({"$dynamicAnchor": "top", "anyOf": [{"$dynamicRef": "#top"}]}, {}, INVALID),
    "a circle by a recursive reference": ({"$schema": DRAFT_2019, "not": {"$recursiveRef": "#"}}, {}, INVALID),
    "a circle by escapes": (
        {"$ref": "#/%24defs/a~1b", "$defs": {"a/b": {"if": {"$ref": "#/$defs/a~1b"}}}},
        {},
        INVALID,
    ),
    "a circle through dependencies": ({"$schema": DRAFT_7, "dependencies": {"a": {"$ref": "#"}}}, {"a": 1}, INVALID),
    "a circle through an embedded id": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$id": "urn:a", "allOf": [{"$ref": "#"}]}}},
        {},
        INVALID,
    ),
    "a circle between embedded ids": (
        {"$ref": "urn:a", "$defs": {"a": {"$id": "urn:a", "$ref": "urn:b"}, "b": {"$id": "urn:b", "$ref": "urn:a"}}},
        {},
        INVALID,
    ),
    "a circle through an id of draft 4": (
        {"$schema": DRAFT_4, "allOf": [{"$ref": "#b"}], "definitions": {"b": {"id": "#b", "not": {"$ref": "#b"}}}},
        {},
        INVALID,
    ),
    "an anchor that stands twice": (
        {"$ref": "#x", "$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x", "$ref": "#"}}},
        {},
        INVALID,
    ),
    "a reference to nothing": ({"$ref": "#/$defs/a"}, {}, INVALID),
    "a reference to no list item": ({"allOf": [{"$ref": "#/allOf/x"}]}, {}, INVALID),
    "a reference into a text": ({"title": "t", "allOf": [{"$ref": "#/title/0/b"}]}, {}, INVALID),
    "a reference that is no text": ({"$ref": 5}, {}, INVALID),
    "allOf doubling, 4,194,304 paths": (doubling(22), {}, BEYOND),
    "allOf doubling, 2 ** 30 paths": (doubling(30), {}, BEYOND),
    "anyOf doubling, 2 ** 30 paths": (of(doubling(30, "anyOf")), {"a": 1}, INVALID),
    "doubling that compiles slowly": (doubling(30, unevaluatedProperties=False), {}, BEYOND),
    "doubling beside an embedded id": (doubling(22, properties={"a": {"$id": "urn:a"}}), {}, INVALID),
    "doubling within the bounds": (doubling(8), {}, "ok"),
    "a chain of references": (chained(200), {}, BEYOND),
    "a chain of references beyond the bytes of a tool": (chained(2_000), {}, BEYOND),
    "a chain of references through values": (
        {
            "$ref": "#/$defs/d0",
            "$defs": {f"d{link}": {"items": {"$ref": f"#/$defs/d{link + 1}"}} for link in range(1_200)},
        },
        [],
        INVALID,
    ),
    "recursion that doubles": (
        {"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}},
        deep(60),
        BEYOND,
    ),
    "recursion that doubles by two keywords": (
        {"properties": {"a": {"$ref": "#"}}, "patternProperties": {"": {"$ref": "#"}}},
        deep(60),
        BEYOND,
    ),
    "recursion that doubles every other time": (
        {
            "properties": {"a": {"$ref": "#/$defs/b"}},
            "$defs": {"b": {"additionalProperties": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}},
        },
        deep(60),
        BEYOND,
    ),
    "recursion as deep as arguments may be": ({"additionalProperties": {"$ref": "#"}}, deep(50), "ok"),
    "recursion beyond what may be read": ({"additionalProperties": {"$ref": "#"}}, deep(500), "json_too_deep"),
    "unevaluated, 2.7 ** 12": (of(nested_unevaluated(12)), {"a": {str(key): 0 for key in range(1000)}}, BEYOND),
    "allOf 100 deep": (nested(100), {}, "tools_malformed"),
    "allOf 25 deep": (nested(25), {}, BEYOND),
    "allOf 15 deep": (nested(15), {}, "ok"),
    "unique integers": (of({"uniqueItems": True}), {"a": list(range(50_000))}, "ok"),
    "unique objects": (of({"uniqueItems": True}), {"a": [{"b": number} for number in range(30_000)]}, "ok"),
    "unique long integers": (
        of({"uniqueItems": True}),
        {"a": [2**64 + number for number in range(5_000)]},
        "arguments_invalid",
    ),
    "few unique long integers": (of({"uniqueItems": True}), {"a": [2**64 + number for number in range(400)]}, "ok"),
    "a million names and a pattern for them": (
        {"propertyNames": {"pattern": "^a*$"}},
        {"a" * length: 0 for length in range(400)},
        "ok",
    ),
    "an enum of a hundred thousand": (of({"enum": list(range(100_000))}), {"a": 5}, BEYOND),
    "an enum of numbers with fractions": (
        of({"items": {"enum": [number * 1e-300 for number in range(500)]}}),
        {"a": [1e300] * 10_000},
        BEYOND,
    ),
    "anyOf a thousand times twenty properties": (
        of(
            {"anyOf": [{"properties": {f"p{name}": {"const": number} for name in range(20)}} for number in range(1000)]}
        ),
        {"a": {"p0": 1}},
        BEYOND,
    ),
    "anyOf 500 on many values": (
        of({"items": {"anyOf": [{"const": str(number)} for number in range(500)]}}),
        {"a": ["499"] * 20_000},
        "arguments_invalid",
    ),
    "multiples, tiny of large": (of({"multipleOf": 1e-300}), {"a": 1e300}, "ok"),
    "multiples, many": (of({"items": {"multipleOf": 1e-300}}), {"a": [1e300] * 3_000}, "arguments_invalid"),
    "multiples of 4,000 digits": (of({"multipleOf": 0.5}), {"a": 10**4000}, "ok"),
    "limits of 4,000 digits": (
        of({"items": {"allOf": [{"minimum": number} for number in range(500)]}}),
        {"a": [10**4000] * 100},
        "arguments_invalid",
    ),
    "a limit beyond a double": (of({"maximum": 10**4000}), {"a": 2**64 + 1}, "ok"),
    "a type that there is not": (of({"type": "strng", "required": True}), {}, INVALID),
    "brackets in the schema": (of({"const": json.loads("[" * 500 + "]" * 500)}), {}, "tools_malformed"),
}
"""Parameters, arguments and the reason of the verdict."""


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_no_schema_takes_long(name, explain):
    parameters, arguments, reason = PATHOLOGICAL[name]
    before = time.perf_counter()
    verdict = judge(parameters, arguments, explain=explain)
    assert time.perf_counter() - before < PATIENCE_S
    assert verdict.reason == reason
    assert (verdict.score is None) == (verdict.reason.stage == "task")


def test_a_schema_beyond_the_bounds_changes_no_other_item_of_the_request():
    """One scorer, as in the service, and the other items before and after every such schema."""
    scorer, tasks = Scorer(), list(conformance_tasks().values())[:20]
    sources = [
        TaskSource(tools=json.dumps(task["tools"]).encode(), ground_truth=json.dumps(task["ground_truth"]).encode())
        for task in tasks
    ]
    completions = [write_completion(task["ground_truth"]) for task in tasks]
    alone = [Scorer().score_group([text], task, HARDENED) for text, task in zip(completions, sources, strict=True)]
    for parameters, arguments, _ in PATHOLOGICAL.values():
        call = [{"name": "f", "arguments": arguments}]
        tools = json.dumps([{"name": "f", "parameters": parameters}]).encode()
        poisoned = TaskSource(tools=tools, ground_truth=json.dumps(call).encode())
        scorer.score_group([write_completion(call)], poisoned, HARDENED)
    after = [scorer.score_group([text], task, HARDENED) for text, task in zip(completions, sources, strict=True)]
    assert after == alone


def watch(path):
    """What tells whether a file has been opened since: a descriptor that can be read from once it was."""
    libc = ctypes.CDLL(None, use_errno=True)
    in_nonblock, in_open = 0o4000, 0x20
    descriptor = libc.inotify_init1(in_nonblock)
    assert libc.inotify_add_watch(descriptor, os.fsencode(path), in_open) > 0
    return descriptor


def was_opened(descriptor):
    try:
        return bool(os.read(descriptor, 4096))
    except BlockingIOError:
        return False


_audited = None


def _audit(event, arguments):
    if _audited is not None and (event == "open" or event.startswith("socket.")):
        _audited.append((event, arguments))


sys.addaudithook(_audit)


@pytest.fixture
def audited():
    """What Python opens meanwhile: files and sockets."""
    global _audited  # noqa: PLW0603 - an audit hook stays for good
    _audited = []
    yield _audited
    _audited = None


@pytest.mark.skipif(sys.platform != "linux", reason="whether a file was opened is told by inotify")
@pytest.mark.parametrize("scheme", ["http://127.0.0.1:{port}/schema.json", "file://{path}", "{path}"])
@pytest.mark.parametrize(
    "parameters",
    [
        lambda uri: {"$ref": uri},
        lambda uri: {"$ref": f"{uri}#/a"},
        lambda uri: {"$schema": uri},
        lambda uri: {"$schema": uri, "$ref": "#/$defs/a", "$defs": {"a": {}}},
        lambda uri: {"$dynamicRef": uri},
        lambda uri: {"$schema": DRAFT_2019, "$recursiveRef": uri},
        lambda uri: {"$id": uri, "$ref": "other.json"},
        lambda uri: {"properties": {"a": {"$id": uri, "$ref": "other.json"}}},
        lambda uri: {"properties": {"a": {"$schema": uri, "$id": "urn:a"}}},
        lambda uri: {"$schema": DRAFT_4, "id": uri, "items": {"$ref": "other.json"}},
        lambda uri: {"$id": uri, "$vocabulary": {uri: True}, "$comment": uri},
    ],
)
@pytest.mark.parametrize("explain", [False, True])
def test_no_keyword_opens_a_file_or_a_socket(parameters, scheme, explain, tmp_path, audited):
    path = tmp_path / "schema.json"
    for name in ("schema.json", "other.json"):
        (tmp_path / name).write_text('{"type": "string"}', encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        watched = watch(tmp_path)
        audited.clear()
        judge(parameters(scheme.format(port=listener.getsockname()[1], path=path)), {"a": 1}, explain=explain)
        assert audited == []
        assert not was_opened(watched)
        with pytest.raises(BlockingIOError):
            listener.accept()
    path.read_text(encoding="utf-8")
    assert was_opened(watched)
    os.close(watched)


def beyond(text, **bounds):
    """What would be admitted in place of these tools."""
    with pytest.raises(UnusableTask) as refused:
        ToolCompiler(bounds=SchemaBounds(**bounds)).toolbox(text)
    finding = refused.value.finding
    assert finding.reason == "tools_beyond_bounds"
    return finding.place().pointer, finding.place().expected


TOOLS = json.dumps([{"name": f"f{number}", "input_schema": of({"type": "array"})} for number in range(3)]).encode()


@pytest.mark.parametrize(
    ("bounds", "pointer", "expected"),
    [
        ({"max_tools": 2}, "", "at most 2 tools"),
        ({"max_tool_bytes": 89}, "/0", "a definition of at most 89 bytes of JSON"),
        ({"max_schema_nodes": 4}, "/0/input_schema", "a schema of at most 4 JSON values"),
        ({"max_schema_depth": 2}, "/0/input_schema", "a schema that nests at most 2 brackets"),
    ],
)
def test_a_bound_is_what_is_still_admitted(bounds, pointer, expected):
    assert beyond(TOOLS, **bounds) == (pointer, expected)
    [(bound, value)] = bounds.items()
    assert ToolCompiler(bounds=SchemaBounds(**{bound: value + 1})).toolbox(TOOLS)


def test_checks_are_bounded():
    tools = json.dumps([{"name": "f", "parameters": doubling(2)}]).encode()
    assert beyond(tools, max_schema_checks=24) == (
        "/0/parameters",
        "a schema that checks one value at most 24 times",
    )
    assert ToolCompiler(bounds=SchemaBounds(max_schema_checks=25)).toolbox(tools)


def checks(schema):
    return count_checks(schema, 10_000, 80)


@pytest.mark.parametrize(
    ("schema", "count"),
    [
        (True, 1),
        ({}, 1),
        ({"type": "object"}, 2),
        ({"not": {}}, 3),
        ({"not": True}, 2),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, 5),
        ({"$ref": "#/$defs/a", "$defs": {"a": True}}, 3),
        ({"anyOf": [{"type": "integer"}, {"$ref": "#/anyOf/0"}, False]}, 8),
        ({"dependentSchemas": {"a": {}, "b": True}}, 4),
        ({"dependentRequired": {"a": [], "b": [], "c": []}}, 4),
        ({"minimum": 0}, 13),
        ({"exclusiveMaximum": 0.5}, 25),
        ({"multipleOf": 1}, 551),
        ({"const": "a"}, 3),
        ({"const": [0.5]}, 401),
        ({"enum": ["a", "b"]}, 2),
        ({"enum": [1, 2]}, 121),
        ({"enum": [2**64]}, 401),
        ({"enum": ["a", None, 1, True]}, 67),
        ({"enum": [0.5, {}]}, 801),
        ({"enum": "a"}, 1),
        ({"pattern": "a"}, 81),
        ({"patternProperties": {"a": {}, "b": {}}}, 161),
        ({"propertyNames": {"pattern": "a"}}, 81),
        ({"items": {"const": 0.5}}, 401),
        ({"items": {"const": 1}, "contains": {"const": 1}}, 122),
        ({"prefixItems": [{"const": "a"}, {"const": 1}], "items": {"const": 1}}, 122),
        ({"properties": {"a": {"const": 1}, "b": {"const": 1}}, "additionalProperties": {"const": 1}}, 122),
        ({"properties": {"a": {"const": 1}}, "allOf": [{"properties": {"a": {"const": 1}}}]}, 122),
        ({"properties": {"a": {"const": 1}}, "allOf": [{"properties": {"b": {"const": 1}}}]}, 61),
        ({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}}, 4),
        ({"items": {"$ref": "#"}, "minItems": 1}, 5),
        ({"anyOf": [{"properties": {"and": {"$ref": "#"}}}, {"properties": {"or": {"$ref": "#"}}}]}, 8),
        ({"unevaluatedItems": {}, "allOf": [{}]}, 15),
        ({"$anchor": "a", "items": {"$ref": "#a"}, "contains": {"const": "a"}}, 9),
        ({"$dynamicAnchor": "a", "items": {"$dynamicRef": "#a"}}, 5),
        ({"$schema": DRAFT_2019, "$recursiveAnchor": True, "items": {"$recursiveRef": "#"}}, 6),
        ({"$ref": "#/a~1b/~01/c%25", "a/b": {"~1": {"c%": {"type": "null"}}}}, 5),
        ({"examples": [{"id": "a"}], "$ref": "#/$defs/a", "$defs": {"a": {}}}, 5),
    ],
)
def test_checks_of_one_value_add_up(schema, count):
    assert checks(schema) == count


@given(st.integers(1, 8), st.integers(1, 3))
def test_doubling_is_counted_path_by_path_in_time_linear_in_its_levels(levels, width):
    steps = {f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * width} for level in range(levels)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**steps, f"d{levels}": {}}}
    leaves = width**levels
    inner = sum(width**level for level in range(levels))
    # The root has two keywords; a step one, and each of its references one; and each schema counts itself.
    assert count_checks(schema, 10**9, 0) == 3 + 2 * inner + 2 * (inner * width) + leaves


def test_recursion_is_followed_as_deep_as_arguments_may_nest():
    """Every level in adds one that stays."""
    schema = {
        "additionalProperties": {"$ref": "#/$defs/leaf"},
        "patternProperties": {"": {"$ref": "#"}},
        "$defs": {"leaf": {"additionalProperties": {"$ref": "#/$defs/leaf"}}},
    }
    assert 64 < count_checks(schema, 10_000, 1) < 64 * 10


def test_ways_through_a_schema_are_bounded():
    properties = {f"p{name}": {} for name in range(200)}
    branches = [{"anyOf": [{"$ref": "#/$defs/a"} for _ in range(10)]} for _ in range(5)]
    schema = {"$defs": {"a": {"properties": properties}}, "allOf": branches}
    with pytest.raises(BeyondBounds, match="at most 10000 ways through it"):
        count_checks(schema, 10**9, 1)


NAMES = ["a", "b"]
schemas = st.recursive(
    st.just({}) | st.booleans() | st.sampled_from(NAMES).map(lambda name: {"$ref": f"#/$defs/{name}"}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "allOf": st.lists(inner, min_size=1, max_size=3),
            "not": inner,
            "properties": st.dictionaries(st.sampled_from(NAMES), inner),
            "patternProperties": st.dictionaries(st.just(""), inner),
            "additionalProperties": inner,
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "contains": inner,
        },
    ),
    max_leaves=8,
)
values = st.recursive(
    st.just(0),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=8,
)


def same_value(schema, root):
    yield from schema.get("allOf", [])
    yield schema.get("not")
    if "$ref" in schema:
        yield root["$defs"][schema["$ref"].rpartition("/")[2]]


def inside(schema, value):
    """Each value inside with its key and a schema that holds for it."""
    if isinstance(value, dict):
        named, by_pattern = schema.get("properties", {}), list(schema.get("patternProperties", {}).values())
        for name, child in value.items():
            others = [named[name]] if name in named else []
            for inner in others + by_pattern or [schema.get("additionalProperties")]:
                yield name, child, inner
    elif isinstance(value, list):
        prefix = schema.get("prefixItems", [])
        for index, child in enumerate(value):
            yield index, child, prefix[index] if index < len(prefix) else schema.get("items")
            yield index, child, schema.get("contains")


def visit(schema, value, path, root, visits):
    """Counts the schemas that are asked about each value, by its path, where each keyword asks all that it could."""
    if not isinstance(schema, dict):
        return
    visits[path] += 1
    for other in same_value(schema, root):
        visit(other, value, path, root, visits)
    for key, child, inner in inside(schema, value):
        visit(inner, child, (*path, key), root, visits)


@given(schemas, st.fixed_dictionaries(dict.fromkeys(NAMES, schemas)), values)
def test_no_value_is_asked_about_more_often_than_was_counted(schema, definitions, value):
    root = {"$ref": "#/$defs/root", "$defs": {"root": schema, **definitions}}
    try:
        count = count_checks(root, 10_000, 1)
    except ValueError:
        return
    visits = Counter()
    visit(root, value, (), root, visits)
    assert max(visits.values()) <= count


def test_a_schema_without_anything_dear_is_not_counted():
    schema = of({"type": "string", "enum": ["a", "b"]})
    assert not measure(schema, DEFAULT_BOUNDS).keywords
    validator, cost = compile_within(schema, DEFAULT_BOUNDS)
    assert cost is PLAIN
    assert not isinstance(validator, BoundedValidator)


@pytest.mark.parametrize(
    ("schema", "is_bounded"),
    [
        ({"minimum": 0, "maximum": 5}, False),
        ({"minimum": 0.5, "maximum": 5}, True),
        ({"pattern": "^a$"}, True),
        ({"uniqueItems": True}, True),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, False),
    ],
)
def test_only_where_checking_is_dear_are_arguments_measured(schema, is_bounded):
    assert isinstance(compile_within(of(schema), DEFAULT_BOUNDS)[0], BoundedValidator) == is_bounded


@pytest.mark.parametrize(
    ("pattern", "largest"), [("^[a-z]+$", 87_000), (r"^\w{1,200}$", 10_000), ("^.{1,1000}$", 1_600)]
)
def test_the_larger_a_pattern_the_less_is_looked_at(pattern, largest):
    parameters = of({"pattern": pattern}) | {"required": ["a"]}
    assert judge(parameters, {"a": "a", "b": "x" * (largest - 1_500)}).reason == "ok"
    verdict = judge(parameters, {"a": "a", "b": "x" * (largest + 500)}, explain=True)
    assert verdict.reason == "arguments_invalid"
    assert verdict.detail.pointer == "/0/arguments"
    assert "bytes of JSON, as its schema is dear to check against" in verdict.detail.expected


def test_what_compiled_patterns_hold_counts_towards_what_is_remembered():
    tools = json.dumps([{"name": "f", "parameters": of({"pattern": "^.{999}$"})}]).encode()
    compiler = ToolCompiler(cache_bytes=2 << 20)
    compiler.toolbox(tools)
    assert compiler._tools.used_bytes > 1 << 20


def test_a_violation_in_arguments_that_are_dear_to_explain_is_pointed_at_from_afar():
    items = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    verdict = judge(of({"items": items}), {"a": ["x"] * 3_000 + [1]}, explain=True)
    assert (verdict.detail.pointer, verdict.detail.expected) == ("/0/arguments", None)
    verdict = judge(of({"items": items}), {"a": ["x", 1]}, explain=True)
    assert verdict.detail.pointer == "/0/arguments/a/1"


@pytest.mark.parametrize("name", ["../../x", "a/b", "a%2fb", ".", "x" * 300, "\x00", "\u0430dd", "..\\..", "$ref"])
def test_any_name_of_a_tool_is_only_a_name(name, audited):
    call = [{"name": name, "arguments": {"a": 1}}]
    tools = json.dumps([{"name": name, "parameters": of({"type": "integer"})}]).encode()
    task = TaskSource(tools=tools, ground_truth=json.dumps(call).encode())
    audited.clear()
    right, wrong = Scorer().score_group(
        [write_completion(call), write_completion([{"name": f"{name} ", "arguments": {"a": 1}}])], task, HARDENED
    )
    assert audited == []
    assert (right.score, right.reason) == (1.0, "ok")
    assert (wrong.score, wrong.reason) == (0.0, "tool_unknown")

"""Tools as their sources define them, into OpenAI form with JSON Schema.

A definition may be wrapped in `{"type": "function", "function": …}` or not. Its parameters are JSON Schema, or like it
with other words for types (`dict`, `float`, `tuple`, `any`), or a flat map from names to descriptions, as xLAM has it.
They stand under `parameters`, `input_schema` or `arguments`. JSON Schema stays as it is.
"""

from typing import Any

from goodcall_trainer.prepare.found import Reason, Unreadable
from goodcall_trainer.prepare.python_types import PythonType, Schema, any_of, read_type
from goodcall_trainer.row import Tool

_MAPS_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LISTS_OF_SCHEMAS = frozenset({"prefixItems", "anyOf", "oneOf", "allOf", "items"})
_SINGLE_SCHEMAS = frozenset(
    {"items", "contains", "not", "if", "then", "else", "additionalProperties", "additionalItems", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_MAY_BE_NULL = frozenset({"default", "const"})
_MARKS_OF_OPTIONAL = (True, "true", "True")
_PARAMETER_KEYS = ("parameters", "input_schema", "arguments")


def read_tools(definitions: Any) -> tuple[Tool, ...]:
    """The tools of a list of definitions, in their order.

    Raises:
        Unreadable: they are no such list, or a type in them has no schema.
    """
    if not isinstance(definitions, list):
        raise Unreadable(Reason.TOOLS_UNREADABLE, "no list")
    return tuple(map(_read_tool, definitions))


def _read_tool(definition: Any) -> Tool:
    function = definition.get("function", definition) if isinstance(definition, dict) else None
    if not isinstance(function, dict):
        raise Unreadable(Reason.TOOLS_UNREADABLE, "a definition is no object")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise Unreadable(Reason.TOOLS_UNREADABLE, "a tool has no name")
    description = function.get("description")
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description if isinstance(description, str) else "",
            "parameters": _read_parameters(function),
        },
    }


def _read_parameters(function: dict[str, Any]) -> Schema:
    found = (function[key] for key in _PARAMETER_KEYS if function.get(key) is not None)
    parameters: Any = next(found, {})
    if not isinstance(parameters, dict):
        raise Unreadable(Reason.TOOLS_UNREADABLE, "parameters are no object")
    if _is_flat(parameters):
        return _from_flat_map(parameters)
    schema: Schema = {"type": "object"} | _translated(parameters)
    required = function.get("required")
    if "required" not in schema and _are_names(required):
        schema["required"] = required
    return schema


def _is_flat(parameters: dict[str, Any]) -> bool:
    """Whether parameters are a map from names to descriptions; of a schema, some value is no object."""
    if not all(isinstance(value, dict) for value in parameters.values()):
        return False
    properties = parameters.get("properties")
    return not properties or not all(isinstance(value, dict) for value in properties.values())


def _from_flat_map(parameters: dict[str, dict[str, Any]]) -> Schema:
    """The schema of a flat map: a parameter is required unless it has a default, or is marked as optional."""
    properties = {
        name: _translated({key: value for key, value in described.items() if not _is_required_mark(key, value)})
        for name, described in parameters.items()
    }
    required = [name for name, described in parameters.items() if _is_required(described)]
    return {"type": "object", "properties": properties, "required": required}


def _is_required_mark(key: str, value: Any) -> bool:
    return key == "required" and isinstance(value, bool)


def _is_required(described: dict[str, Any]) -> bool:
    mark = described.get("required")
    if isinstance(mark, bool):
        return mark
    if "default" in described or described.get("optional") in _MARKS_OF_OPTIONAL:
        return False
    return "type" not in described or not _read_type(described["type"]).is_optional


def _translated(schema: Any) -> Any:
    """A schema with its types in the words of JSON Schema, and so those within it.

    What says nothing in JSON Schema and would make it invalid is left out: keywords that are null, `optional`, and a
    `required` that lists no names.
    """
    if not isinstance(schema, dict):
        return schema
    translated: Schema = {}
    for keyword, value in schema.items():
        if keyword == "type":
            translated |= _read_type(value).schema
        elif keyword == "optional" or (value is None and keyword not in _MAY_BE_NULL):
            continue
        elif keyword != "required" or _are_names(value):
            translated[keyword] = _translated_within(keyword, value)
    return translated


def _translated_within(keyword: str, value: Any) -> Any:
    if keyword in _MAPS_OF_SCHEMAS and isinstance(value, dict):
        return {name: _translated(schema) for name, schema in value.items()}
    if keyword in _LISTS_OF_SCHEMAS and isinstance(value, list):
        return [_translated(schema) for schema in value]
    return _translated(value) if keyword in _SINGLE_SCHEMAS else value


def _read_type(type_: Any) -> PythonType:
    """What a `type` says, be it one expression or a list of them, any of which may hold."""
    if isinstance(type_, str):
        return read_type(type_)
    if not _are_names(type_) or not type_:
        raise Unreadable(Reason.TYPE_UNKNOWN, "no word")
    read = [read_type(word) for word in type_]
    return PythonType(any_of([one.schema for one in read]), any(one.is_optional for one in read))


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)

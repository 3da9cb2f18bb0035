"""Parameters of a tool to JSON Schema, from notations that resemble it: ``{"type": "dict", …}`` and flat maps.

Looks where a schema holds schemas and nowhere else, so that defaults, enums and examples stay what they are. Real JSON
Schema has no business here: ``speaks_json_schema`` tells, and whoever asks leaves it alone.
"""

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from goodcall.dialects.fault import MalformedTools
from goodcall.dialects.losses import Loss, LossKind
from goodcall.dialects.pythonic_types import JSON_TYPES, PythonicType, Schema, any_of, read_type
from goodcall.excerpts import excerpt, pointer_token
from goodcall.types import JSON

_MAPS_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_SCHEMAS_FOR_OBJECTS = frozenset(
    {"additionalProperties", "unevaluatedProperties", "propertyNames", "not", "if", "then", "else"}
)
_SCHEMAS = _SCHEMAS_FOR_OBJECTS | {
    "items",
    "additionalItems",
    "unevaluatedItems",
    "prefixItems",
    "contains",
    "anyOf",
    "oneOf",
    "allOf",
}
_HOLDS_SCHEMAS = _MAPS_OF_SCHEMAS | _SCHEMAS
_NULL_IS_A_VALUE = frozenset({"default", "const"})


def speaks_json_schema(parameters: JSON) -> bool:
    """Whether no type in the parameters is a word of another dialect.

    A type that no dialect knows is no such word: JSON Schema with a slip in it is still that, for its compiler to
    refuse.
    """
    return not any(map(_is_foreign, _types(parameters)))


def is_flat_map(parameters: JSON) -> bool:
    """Whether parameters are a map from names to descriptions, and no schema.

    That is: all are objects, at least one has a type or a description, and they can't be the keywords of a schema
    instead. (``{"items": {"type": "string"}}`` is a map: as a schema it would say nothing of an object.)
    """
    if not isinstance(parameters, dict) or not all(isinstance(value, dict) for value in parameters.values()):
        return False
    described = {name for name, value in parameters.items() if _is_description(value)}
    keywords = (parameters.keys() - described) & _MAPS_OF_SCHEMAS
    return not keywords and not described <= _SCHEMAS_FOR_OBJECTS


def _is_description(value: dict[str, JSON]) -> bool:
    return isinstance(value.get("type"), (str, list)) or isinstance(value.get("description"), str)


def _types(schema: JSON) -> Iterator[JSON]:
    """Every ``type`` in a schema and in the schemas that it holds, in no particular order."""
    pending = [schema]
    while pending:
        schema = pending.pop()
        if isinstance(schema, dict):
            if "type" in schema:
                yield schema["type"]
            for keyword in schema.keys() & _HOLDS_SCHEMAS:
                pending.extend(_schemas_under(keyword, schema[keyword]))


def _schemas_under(keyword: str, value: JSON) -> Iterable[JSON]:
    if keyword in _MAPS_OF_SCHEMAS:
        return value.values() if isinstance(value, dict) else ()
    return value if isinstance(value, list) else [value]


def _is_foreign(type_: JSON) -> bool:
    if isinstance(type_, list):
        return any(map(_is_foreign, type_))
    if not isinstance(type_, str) or type_ in JSON_TYPES:
        return False
    read = read_type(type_)
    return bool(read.schema) or not read.losses


def translate_schema(schema: JSON, pointer: str, losses: list[Loss]) -> JSON:
    """A schema of BFCL or ToolACE as JSON Schema; what can't be kept is added to the losses.

    Types are translated and ``optional`` is dropped, everywhere; so is a keyword that is null, for it says nothing
    (a default may well be null). Where a keyword stands beside a type that implies another value for it, the keyword
    is kept.
    """
    if not isinstance(schema, dict):
        return schema
    translated: Schema = {}
    for keyword, value in schema.items():
        place = pointer + pointer_token(keyword)
        if keyword == "type":
            translated = _read_type(value, place, losses).schema | translated
        elif keyword == "required" and value is not None and not _is_list_of_names(value):
            losses.append(Loss(place, LossKind.REQUIRED_MALFORMED, excerpt(value)))
        elif keyword != "optional" and (value is not None or keyword in _NULL_IS_A_VALUE):
            translated[keyword] = _translate_within(keyword, value, place, losses)
    _note_contradictions(schema, pointer, losses)
    return translated


def _translate_within(keyword: str, value: JSON, pointer: str, losses: list[Loss]) -> JSON:
    """The value of a keyword with the schemas in it translated."""
    if keyword in _MAPS_OF_SCHEMAS and isinstance(value, dict):
        return {name: translate_schema(child, pointer + pointer_token(name), losses) for name, child in value.items()}
    if keyword in _SCHEMAS and isinstance(value, list):
        return [translate_schema(child, f"{pointer}/{index}", losses) for index, child in enumerate(value)]
    return translate_schema(value, pointer, losses) if keyword in _SCHEMAS else value


def _note_contradictions(schema: dict[str, JSON], pointer: str, losses: list[Loss]) -> None:
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not _is_list_of_names(required):
        return
    for name in required:
        if _is_marked_optional(properties.get(name)):
            place = f"{pointer}/properties{pointer_token(name)}/optional"
            losses.append(Loss(place, LossKind.OPTIONAL_CONTRADICTED, excerpt(properties[name]["optional"])))


def translate_flat_map(parameters: JSON, pointer: str, losses: list[Loss]) -> Schema:
    """The schema of a map from parameter names to descriptions, as xLAM has it; losses as in ``translate_schema``.

    A parameter is required unless its type says that it is optional or allows None, it has a default, or it is marked
    as ``optional``; a boolean ``required`` in its description decides before all of these.

    Raises:
        MalformedTools: the parameters are not a map of objects.
    """
    if not isinstance(parameters, dict):
        raise MalformedTools("a map from parameter names to descriptions", pointer)
    properties, required = {}, []
    for name, description in parameters.items():
        place = pointer + pointer_token(name)
        if not isinstance(description, dict):
            raise MalformedTools("the description of a parameter, an object", place)
        properties[name] = translate_schema(_without_boolean_required(description), place, losses)
        if _is_required(description):
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def _without_boolean_required(description: dict[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in description.items() if key != "required" or not isinstance(value, bool)}


def _is_required(description: dict[str, JSON]) -> bool:
    required = description.get("required")
    if isinstance(required, bool):
        return required
    if "default" in description or _is_marked_optional(description):
        return False
    return "type" not in description or not _read_type(description["type"], "", []).optional


def _is_marked_optional(description: JSON) -> bool:
    mark = description.get("optional") if isinstance(description, dict) else None
    return mark is True or (isinstance(mark, str) and mark.lower() in {"true", "yes"})


def _read_type(type_: JSON, pointer: str, losses: list[Loss]) -> PythonicType:
    """What a ``type`` says, be it one expression or a list of them, any of which may hold."""
    expressions = type_ if _is_list_of_names(type_) and type_ else [type_]
    read = [_read_expression(expression) for expression in expressions]
    losses.extend(Loss(pointer, kind, excerpt(lost)) for one in read for kind, lost in one.losses)
    return PythonicType(any_of([one.schema for one in read]), optional=any(one.optional for one in read))


def _read_expression(expression: JSON) -> PythonicType:
    if isinstance(expression, str):
        return read_type(expression)
    return PythonicType({}, optional=False, losses=[(LossKind.UNKNOWN_TYPE, expression)])


def _is_list_of_names(value: JSON) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)

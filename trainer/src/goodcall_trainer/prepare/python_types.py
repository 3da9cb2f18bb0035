"""Types in Python's manner, such as `List[int]` or `str, optional`, as JSON Schema.

The expressions are read by Python's own grammar and never evaluated. Words are those of Python, Java, JavaScript and
JSON Schema, in any case of letters. A word that is in no table has no schema, and the tool cannot be used: a
parameter that nothing checks would let any value pass.
"""

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from goodcall_trainer.prepare.found import Reason, Unreadable

Schema: TypeAlias = dict[str, Any]

_MAX_LENGTH = 400
_SHOWN = 40
_MARKS = re.compile(r"(?:,\s*(?:optional|required|default\b.*))+$", re.IGNORECASE | re.DOTALL)
_WORDS = {
    "string": "str string char callable function",
    "integer": "int integer long short byte bigint",
    "number": "float number double",
    "boolean": "bool boolean",
    "array": "list array tuple sequence iterable arraylist queue stack",
    "object": "dict object map mapping hashmap hashtable",
    "null": "none null nonetype",
}
_SCHEMAS: dict[str, Schema] = {
    **{word: {"type": name} for name, words in _WORDS.items() for word in words.split()},
    **{word: {"type": "array", "uniqueItems": True} for word in ("set", "frozenset", "hashset")},
    "any": {},
}


@dataclass(frozen=True, slots=True)
class PythonType:
    """What a type says of a parameter."""

    schema: Schema
    """Not to be changed: every use of the type shares it."""
    is_optional: bool
    """Whether the parameter may be left out, for it is marked so, or allows None."""


@lru_cache(maxsize=1024)
def read_type(text: str) -> PythonType:
    """What a type says.

    Raises:
        Unreadable: no schema can be made of it.
    """
    if len(text) > _MAX_LENGTH:
        raise Unreadable(Reason.TYPE_UNKNOWN, text[:_SHOWN])
    marks = _MARKS.search(text)
    expression = text[: marks.start()] if marks else text
    try:
        schema = _schema(_parsed(expression.strip()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable(Reason.TYPE_UNKNOWN, text[:_SHOWN] or "an empty word") from None
    marked = marks[0].lower() if marks else ""
    is_optional = ("optional" in marked or "default" in marked) or (allows_null(schema) and "required" not in marked)
    return PythonType(schema, is_optional)


def allows_null(schema: Schema) -> bool:
    """Whether a schema made here names null among its types."""
    return "null" in schema.get("type", ()) or any(map(allows_null, schema.get("anyOf", ())))


def any_of(schemas: list[Schema]) -> Schema:
    """What is valid under at least one of these; plain types side by side in one list."""
    if len(schemas) == 1:
        return schemas[0]
    if all(schema.keys() == {"type"} and isinstance(schema["type"], str) for schema in schemas):
        return {"type": list(dict.fromkeys(schema["type"] for schema in schemas))}
    return {"anyOf": schemas}


def _parsed(expression: str) -> ast.expr:
    with warnings.catch_warnings():
        # Python has opinions on what it reads; only whether it can be read matters.
        warnings.simplefilter("ignore")
        return ast.parse(expression, mode="eval").body


def _schema(node: ast.expr) -> Schema:
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word):
            return _of_word(word)
        case ast.Constant(value=None):
            return {"type": "null"}
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return any_of([_schema(left), _schema(right)])
        case ast.BoolOp(op=ast.Or(), values=members):
            return any_of(list(map(_schema, members)))
        case ast.Subscript(value=ast.Name(id=word) | ast.Attribute(attr=word), slice=inner):
            members = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return _of_generic(word.lower(), members)
        case ast.Call(func=ast.Name(id=word), args=[member], keywords=[]):
            return _of_generic(word.lower(), [member])
        case _:
            raise ValueError("no type")


def _of_word(word: str) -> Schema:
    if word.lower() not in _SCHEMAS:
        raise ValueError("unknown word")
    return _SCHEMAS[word.lower()]


def _of_generic(word: str, members: list[ast.expr]) -> Schema:
    special = _GENERICS.get(word)
    return special(members) if special else _of_container(_of_word(word), members)


def _of_container(container: Schema, members: list[ast.expr]) -> Schema:
    if container.get("type") == "array" and len(members) == 1:
        return container | {"items": _schema(members[0])}
    if container.get("type") == "object" and len(members) == 2:
        return container | {"additionalProperties": _schema(members[1])}
    raise ValueError("takes no such parameters")


def _of_tuple(members: list[ast.expr]) -> Schema:
    if len(members) == 2 and isinstance(members[1], ast.Constant) and members[1].value is ...:
        return {"type": "array", "items": _schema(members[0])}
    schemas = [_schema(member) for member in members]
    return {"type": "array", "prefixItems": schemas, "minItems": len(schemas), "maxItems": len(schemas)}


_GENERICS: dict[str, Callable[[list[ast.expr]], Schema]] = {
    "literal": lambda members: {"enum": [ast.literal_eval(member) for member in members]},
    "union": lambda members: any_of(list(map(_schema, members))),
    "optional": lambda members: any_of([*map(_schema, members), {"type": "null"}]),
    "callable": lambda _: {"type": "string"},
    "tuple": _of_tuple,
}

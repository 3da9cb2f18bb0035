"""Type expressions in Python's manner, such as ``List[int]`` and ``str, optional``, to JSON Schema.

    text        expression (',' modifier)*
    modifier    'optional' | 'required' | 'default' and anything to the end
    expression  single ('|' single)*
    single      word | word '[' expression (',' expression)* ']'

Words are read without regard to case, and cover those of Java and JSON Schema too. ``Callable`` takes any brackets,
``Tuple`` an ellipsis, ``Literal`` literals. Nothing is imported or evaluated: a word that is not in the tables below
is unknown, and puts no constraint where it stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from goodcall.dialects.fault import DialectFault
from goodcall.dialects.losses import LossKind
from goodcall.dialects.python_literals import LiteralReader
from goodcall.types import JSON

Schema = dict[str, JSON]

JSON_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})
"""The types that JSON Schema knows."""

_STOPS = frozenset("[],|()")
_ELLIPSIS = "..."
_TYPES_BY_WORDS = {
    "string": "string str char",
    "integer": "integer int long short byte bigint",
    "number": "number float double",
    "boolean": "boolean bool",
    "array": "array list arraylist tuple sequence iterable queue stack",
    "object": "object dict map mapping hashmap hashtable",
    "null": "null none nonetype",
}
_SET_WORDS = {"set", "frozenset", "hashset"}
_SCHEMAS: dict[str, Schema] = {
    **{word: {"type": type_} for type_, words in _TYPES_BY_WORDS.items() for word in words.split()},
    **{word: {"type": "array", "uniqueItems": True} for word in _SET_WORDS},
    "any": {},
}
_ARRAY_WORDS = set(_TYPES_BY_WORDS["array"].split()) | _SET_WORDS
_OBJECT_WORDS = set(_TYPES_BY_WORDS["object"].split())
_CALLABLE_WORDS = {"callable", "function"}


@dataclass(frozen=True, slots=True)
class PythonicType:
    """What a type expression says."""

    schema: Schema
    """JSON Schema; empty where nothing is constrained."""
    optional: bool
    """Whether it says that the parameter may be left out: by a modifier, or by allowing None."""
    losses: Sequence[tuple[LossKind, JSON]] = ()
    """What the schema does not say, and the part of the expression that said it."""


def read_type(text: str) -> PythonicType:
    """The JSON Schema of a type expression. Never raises: an unknown one comes back as a loss."""
    try:
        return _TypeReader(text).read()
    except DialectFault:
        return PythonicType({}, optional=False, losses=[(LossKind.UNKNOWN_TYPE, text)])


def any_of(schemas: Sequence[Schema]) -> Schema:
    """The schema of what is valid under at least one of these; simple types side by side in one list."""
    if len(schemas) == 1:
        return schemas[0]
    if all(schema.keys() == {"type"} and isinstance(schema["type"], str) for schema in schemas):
        return {"type": list(dict.fromkeys(schema["type"] for schema in schemas))}
    return {"anyOf": list(schemas)}


def admits_null(schema: Schema) -> bool:
    """Whether a schema made here allows null by name; one that constrains nothing does not."""
    if "anyOf" in schema:
        return any(map(admits_null, schema["anyOf"]))
    return "null" in schema.get("type", ()) or None in schema.get("enum", ())


class _TypeReader(LiteralReader):
    __slots__ = ("_losses", "_optional")

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._losses: list[tuple[LossKind, JSON]] = []

    def read(self) -> PythonicType:
        schema = self._expression()
        self._optional = admits_null(schema)
        while self._take(","):
            self._modifier()
        if not self._at_end():
            raise self._fault("text follows the type")
        return PythonicType(schema, self._optional, self._losses)

    def _modifier(self) -> None:
        start = self._skip_whitespace()
        word = self._run(_STOPS).lower()
        if word in {"optional", "required"}:
            self._optional = word == "optional"
        elif word.startswith("default"):
            self._position = len(self._text)
            self._optional = True
            self._losses.append((LossKind.DEFAULT_IN_TYPE, self._text[start:]))
        else:
            raise self._fault("expected optional, required or a default")

    def _expression(self) -> Schema:
        members = [self._single()]
        while self._take("|"):
            members.append(self._single())
        return any_of(members)

    def _single(self) -> Schema:
        start = self._skip_whitespace()
        name = self._run(_STOPS)
        word = name.lower().removeprefix("typing.")
        parametrised = self._take("[")
        if word in _CALLABLE_WORDS:
            return self._callable(start, parametrised=parametrised)
        if parametrised:
            return self._generic(word)
        if word not in _SCHEMAS:
            self._losses.append((LossKind.UNKNOWN_TYPE, name))
        return dict(_SCHEMAS.get(word, {}))

    def _generic(self, word: str) -> Schema:
        """The schema of a word whose opening bracket has been read."""
        if word == "literal":
            return self._literal()
        if word == "tuple":
            return self._tuple()
        if word in _ARRAY_WORDS:
            [items] = self._arguments(1)
            return {**_SCHEMAS[word], "items": items}
        if word in _OBJECT_WORDS:
            return self._object()
        return self._union(word)

    def _literal(self) -> Schema:
        values = self._items("]", self._value)
        if not values:
            raise self._fault("expected the values of a literal")
        return {"enum": values}

    def _union(self, word: str) -> Schema:
        if word == "optional":
            return any_of([*self._arguments(1), {"type": "null"}])
        members = self._items("]", self._expression)
        if word != "union" or not members:
            raise self._fault("expected a type that takes parameters")
        return any_of(members)

    def _arguments(self, count: int) -> list[Schema]:
        arguments = self._items("]", self._expression)
        if len(arguments) != count:
            raise self._fault(f"expected {count} types in the brackets")
        return arguments

    def _object(self) -> Schema:
        keys_start = self._position
        keys, values = self._arguments(2)
        if keys not in ({}, {"type": "string"}):
            self._losses.append((LossKind.KEY_TYPE, self._text[keys_start : self._position - 1]))
        return {"type": "object", "additionalProperties": values}

    def _tuple(self) -> Schema:
        members = self._items("]", self._tuple_member)
        if len(members) == 2 and members[0] is not None and members[1] is None:
            return {"type": "array", "items": members[0]}
        if not members or None in members:
            raise self._fault("expected the types of a tuple")
        return {"type": "array", "prefixItems": members, "minItems": len(members), "maxItems": len(members)}

    def _tuple_member(self) -> Schema | None:
        """A type, or None for an ellipsis."""
        return None if self._take_ellipsis() else self._expression()

    def _callable(self, start: int, *, parametrised: bool) -> Schema:
        if parametrised:
            self._items("]", self._anything)
        self._losses.append((LossKind.CALLABLE, self._text[start : self._position]))
        return {"type": "string"}

    def _anything(self) -> None:
        """What may stand in the brackets of a Callable; it says nothing that JSON could."""
        separated = True
        while separated:
            self._run(_STOPS)
            if self._take("["):
                self._items("]", self._anything)
            separated = self._take("|")

    def _take_ellipsis(self) -> bool:
        self._skip_whitespace()
        if not self._text.startswith(_ELLIPSIS, self._position):
            return False
        self._position += len(_ELLIPSIS)
        return True

"""How large a tool's JSON Schema may be and how dear to check against, found out before it is compiled.

Nothing can stop a validator once it runs, so what it may come to is reckoned beforehand: how often it can look at one
value, times how long the arguments are.
"""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import msgspec

from goodcall.errors import UnusableTask
from goodcall.reasons import Reason
from goodcall.types import JSON, Place


@dataclass(frozen=True, slots=True)
class SchemaBounds:
    """What the tools of a task may be at most; a task with more has no verdict."""

    max_tools: int = 256
    """Tools of one task."""
    max_tool_bytes: int = 64 << 10
    """Of the JSON text of one tool's definition."""
    max_schema_nodes: int = 5_000
    """JSON values in one tool's parameters, at every level."""
    max_schema_depth: int = 32
    """Brackets that may be open at once in one tool's parameters."""
    max_schema_checks: int = 20_000
    """Checks of one value in the arguments, all references followed; see ``count_checks``."""


DEFAULT_BOUNDS = SchemaBounds()

MAX_BYTE_CHECKS = 7_000_000
"""Checks times bytes of JSON; at 14 ns each, the most that was measured, a tenth of a second."""
MAX_EXPLAINED_BYTE_CHECKS = 50_000
"""The same where the first violation is looked for: whatever breaks a branch of an ``anyOf`` becomes an object."""
CHEAP_CHECKS = 32
"""Up to here arguments need not be measured: a whole completion of the largest takes half a second."""
MAX_LONG_INTEGERS_BYTES = 10_000
"""Where items must be unique, integers beyond 64 bits are compared each with each."""


class BeyondBounds(ValueError):
    """There is more than there may be; the message says what would be admitted."""


@dataclass(frozen=True, slots=True)
class SchemaSize:
    """What a schema within the bounds holds."""

    patterns: int
    keywords: AbstractSet[str]
    """Those of ``WATCHED`` that it has, or seems to have: a property may have the name of a keyword."""


@dataclass(frozen=True, slots=True)
class SchemaCost:
    """What checking arguments against a schema can come to."""

    checks: int = 1
    """Of one value in the arguments."""
    compares_items: bool = False
    """Whether items may have to be unique."""
    pattern_bytes: int = 0
    """What its compiled patterns may hold in memory."""

    @property
    def needs_measuring(self) -> bool:
        """Whether the arguments of the largest completion could take too long."""
        return self.checks > CHEAP_CHECKS or self.compares_items

    def excess(self, arguments: JSON) -> str | None:
        """What of arguments would be admitted instead of these; None when checking them doesn't take too long."""
        text = _encode(arguments)
        if len(text) * self.checks > MAX_BYTE_CHECKS:
            return f"at most {MAX_BYTE_CHECKS // self.checks} bytes of JSON, as its schema is dear to check against"
        if self.compares_items and len(text) > MAX_LONG_INTEGERS_BYTES and _LONG_INTEGER.search(text):
            return f"at most {MAX_LONG_INTEGERS_BYTES} bytes of JSON where long integers may have to be unique"
        return None

    def may_be_explained(self, arguments: JSON) -> bool:
        """Whether the first violation can be looked for in little time."""
        return len(_encode(arguments)) * self.checks <= MAX_EXPLAINED_BYTE_CHECKS


PLAIN = SchemaCost()
"""Of a schema that has nothing that is dear."""


def measure(schema: JSON, bounds: SchemaBounds) -> SchemaSize:
    """What a schema holds, in time proportional to its size.

    Raises:
        BeyondBounds: it is larger than it may be.
    """
    nodes, patterns, depth = 1, 0, 0
    keywords: set[str] = set()
    level = _containers([schema])
    while level:
        depth += 1
        if depth > bounds.max_schema_depth:
            raise BeyondBounds(f"a schema that nests at most {bounds.max_schema_depth} brackets")
        children: list[JSON] = []
        for parent in level:
            if isinstance(parent, list):
                children += parent
                continue
            children += parent.values()
            if not WATCHED.isdisjoint(parent):
                keywords |= _watched(parent)
                patterns += _count_patterns(parent)
        nodes += len(children)
        if nodes > bounds.max_schema_nodes:
            raise BeyondBounds(f"a schema of at most {bounds.max_schema_nodes} JSON values")
        level = _containers(children)
    return SchemaSize(patterns, keywords)


def _containers(values: list[JSON]) -> list[dict[str, JSON] | list[JSON]]:
    return [value for value in values if isinstance(value, (dict, list))]


def _watched(schema: dict[str, JSON]) -> AbstractSet[str]:
    found = WATCHED & schema.keys()
    return found - {"enum"} if is_looked_up(schema.get("enum")) else found


def is_looked_up(enum: JSON) -> bool:
    """Whether an ``enum`` holds texts alone, in which one is found at once."""
    return isinstance(enum, list) and {*map(type, enum)} == {str}


def _count_patterns(schema: dict[str, JSON]) -> int:
    by_pattern = schema.get("patternProperties")
    return ("pattern" in schema) + (len(by_pattern) if isinstance(by_pattern, dict) else 0)


def tools_beyond_bounds(pointer: str, expected: str) -> UnusableTask:
    """The exception for tools that are more than they may be."""
    return UnusableTask(Reason.TOOLS_BEYOND_BOUNDS, lambda: Place(pointer=pointer, expected=expected))


WATCHED = frozenset(
    {
        *("$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "not", "if", "contains"),
        *("dependentSchemas", "dependentRequired", "dependencies", "unevaluatedProperties", "unevaluatedItems"),
        *("propertyNames", "patternProperties", "pattern", "uniqueItems", "multipleOf", "const", "enum"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
"""A schema without any of these looks at each value once, and not for long."""

_encode = msgspec.json.Encoder().encode
_LONG_INTEGER = re.compile(rb"[0-9]{19}")

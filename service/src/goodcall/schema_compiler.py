"""JSON Schemas compiled, by jsonschema-rs, so that no schema opens a file or a socket or takes long to check against.

2020-12 unless ``$schema`` says otherwise, formats as annotations, patterns on a linear-time engine.
"""

from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Protocol

import jsonschema_rs

from goodcall.schema_bounds import PLAIN, SchemaBounds, SchemaCost, SchemaSize, measure
from goodcall.schema_checks import count_checks
from goodcall.types import JSON


class _PatternSize(NamedTuple):
    """How large a compiled pattern is, which only compiling it tells, and how dear that makes it at worst."""

    max_bytes: int
    checks: int


_NO_PATTERN = _PatternSize(0, 0)
_PATTERN_SIZES = (_PatternSize(4 << 10, 80), _PatternSize(64 << 10, 700), _PatternSize(1 << 20, 4_500))
_ALL_PATTERNS_BYTES = 8 << 20
"""What the patterns of one schema may have together."""


class Validator(Protocol):
    """A compiled JSON Schema."""

    def is_valid(self, instance: Any) -> bool:
        """Whether an instance is valid under the schema."""

    def validate(self, instance: Any) -> None:
        """Raises jsonschema_rs.ValidationError with the first way in which an instance breaks the schema."""


class BoundedValidator:
    """A validator that holds for invalid, unseen, what would take too long to look at."""

    __slots__ = ("_cost", "_validator")

    def __init__(self, validator: Validator, cost: SchemaCost) -> None:
        self._validator = validator
        self._cost = cost

    def is_valid(self, instance: Any) -> bool:
        """Whether an instance is short enough, and valid under the schema."""
        return self._cost.excess(instance) is None and self._validator.is_valid(instance)

    def validate(self, instance: Any) -> None:
        """The same as that of the validator; whoever calls it has made sure that the instance is short enough."""
        self._validator.validate(instance)


def compile_within(schema: JSON, bounds: SchemaBounds) -> tuple[Validator, SchemaCost]:
    """A validator that never takes long, and what it may cost.

    Raises:
        BeyondBounds: the schema is larger or dearer than it may be.
        ValueError, jsonschema_rs.ValidationError: as ``compile_schema``; or what a reference leads to can't be told.
    """
    size = measure(schema, bounds)
    if not size.keywords:
        return compile_schema(schema), PLAIN
    compiled = partial(_compile_counted, schema, size, bounds)
    if not size.patterns:
        return compiled(_NO_PATTERN)
    *smaller, largest = _PATTERN_SIZES
    for pattern_size in smaller:
        with suppress(jsonschema_rs.ValidationError):
            return compiled(pattern_size)
    return compiled(largest)


def _compile_counted(
    schema: JSON, size: SchemaSize, bounds: SchemaBounds, pattern: _PatternSize
) -> tuple[Validator, SchemaCost]:
    # Counted first: where references double, compiling can take as long as checking.
    checks = count_checks(schema, bounds.max_schema_checks, pattern.checks)
    pattern_bytes = min(pattern.max_bytes, _ALL_PATTERNS_BYTES // max(size.patterns, 1))
    validator = compile_schema(schema, pattern_bytes=pattern_bytes)
    cost = SchemaCost(checks, "uniqueItems" in size.keywords, size.patterns * pattern_bytes)
    return (BoundedValidator(validator, cost) if cost.needs_measuring else validator), cost


def compile_schema(
    schema: JSON, *, registry: jsonschema_rs.Registry | None = None, pattern_bytes: int | None = None
) -> jsonschema_rs.Validator:
    """A validator for a JSON Schema that opens no file and no socket.

    Args:
        schema: the draft is that of its ``$schema``, else 2020-12.
        registry: resources that a ``$ref`` may lead to beside the schema itself and the drafts' own.
        pattern_bytes: what a compiled pattern may have; None: as much as the engine allows.

    Raises:
        ValueError, jsonschema_rs.ValidationError: it is no schema, needs something that is not there, or has a
            pattern that is too large or that no linear-time engine can match.
    """
    return jsonschema_rs.validator_for(
        schema,
        validate_formats=False,
        # The default engine backtracks, and by default a $ref would be fetched.
        pattern_options=jsonschema_rs.RegexOptions(size_limit=pattern_bytes, dfa_size_limit=pattern_bytes),
        offline=True,
        registry=registry,
    )

"""The expected calls of a row against the schemas of its own tools, by the validator that the service uses, too."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jsonschema_rs

from goodcall_trainer.one_line import one_line
from goodcall_trainer.prepare.encoded import EncodedRow
from goodcall_trainer.prepare.python_types import Schema
from goodcall_trainer.row import Row, ToolCall

_SHOWN = 40


class Violation(NamedTuple):
    """One way in which a call breaks the schema of its tool."""

    keyword: str
    """The keyword of JSON Schema that is broken."""
    detail: str
    """Of few kinds: for a type, what is declared and what is there."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A row, and what its tools say of its calls."""

    row: Row
    schemas: Mapping[str, Schema]
    """Of each tool by its name; of the last where a name repeats."""
    unusable: tuple[str, ...]
    """What is wrong with the schemas that are none."""
    violations: tuple[Violation, ...]


def examine(encoded: EncodedRow) -> Examined:
    """Looks at every tool and every call of a row, once."""
    row = encoded.row
    functions = [tool["function"] for tool in row.tools]
    validators = {function["name"]: _validator(text) for function, text in zip(functions, encoded.tools, strict=True)}
    return Examined(
        row=row,
        schemas={function["name"]: function["parameters"] for function in functions},
        unusable=tuple(validator for validator in validators.values() if isinstance(validator, str)),
        violations=tuple(violation for call in row.ground_truth for violation in _violations(call, validators)),
    )


def _violations(call: ToolCall, validators: Mapping[str, Any]) -> Iterator[Violation]:
    validator = validators.get(call["name"])
    if validator is None or isinstance(validator, str) or validator.is_valid(call["arguments"]):
        return
    for error in validator.iter_errors(call["arguments"]):
        yield Violation(str(error.schema_path[-1]) if error.schema_path else "false", _detail(error))


def _detail(error: jsonschema_rs.ValidationError) -> str:
    if error.schema_path and error.schema_path[-1] == "type":
        declared = getattr(error.kind, "types", None) or error.message.rpartition("type")[2]
        return f"{_type_of(error.instance)} where {_names(declared)} is declared"
    return ""


def _names(declared: Any) -> str:
    return declared.strip(' "') if isinstance(declared, str) else " or ".join(sorted(declared))


def _type_of(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


@lru_cache(maxsize=2048)
def _validator(tool: str) -> Any:
    """The compiled parameters of a tool, or what is wrong with them. Nothing is fetched, patterns take linear time."""
    schema = json.loads(tool)["function"]["parameters"]
    try:
        return jsonschema_rs.validator_for(
            schema, validate_formats=False, pattern_options=jsonschema_rs.RegexOptions(), offline=True
        )
    except (ValueError, jsonschema_rs.ValidationError) as error:
        return one_line(error)[:_SHOWN]

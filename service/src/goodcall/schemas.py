"""Tools compiled to validators, and calls checked against them.

JSON Schema by jsonschema-rs: 2020-12 unless ``$schema`` says otherwise, formats as annotations, patterns on a
linear-time engine, and no schema ever opens a file or a socket.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import jsonschema_rs

from goodcall.dialects.fault import MalformedTools
from goodcall.dialects.losses import LossKind
from goodcall.dialects.tools import NormalisedTool, ToolDialect, normalise, unwrap
from goodcall.errors import UnusableTask
from goodcall.excerpts import excerpt, pointer_token
from goodcall.parsing import Calls
from goodcall.reasons import Reason
from goodcall.strict_json import JSONFault, loads
from goodcall.types import JSON, Finding, Place, ToolCall


class Validator(Protocol):
    """A compiled JSON Schema."""

    def is_valid(self, instance: Any) -> bool:
        """Whether an instance is valid under the schema."""

    def iter_errors(self, instance: Any) -> Iterable[jsonschema_rs.ValidationError]:
        """Every way in which an instance breaks the schema."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One offered tool: what its arguments must look like."""

    parameters: JSON
    validator: Validator | None
    """None when the tool declares no parameters, so that any object will do."""


class Toolbox:
    """The tools of one task, ready to check calls against.

    Args:
        text: JSON text of a list of function definitions in any of the dialects that ``goodcall.dialects`` reads.
        dialect: the one that they are in; left out, each definition is looked at.

    Raises:
        UnusableTask: the text is no such list, or a tool's parameters don't compile offline or have a type that no
            dialect knows.
    """

    __slots__ = ("_tools",)

    def __init__(self, text: bytes, dialect: ToolDialect | None = None) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in _normalised(read_definitions(text), dialect):
            self._add(tool)

    def _add(self, tool: NormalisedTool) -> None:
        known = self._tools.get(tool.name)
        if known is None:
            self._tools[tool.name] = Tool(tool.parameters, _compile(tool.parameters, tool.parameters_pointer))
        elif known.parameters != tool.parameters:
            raise malformed_tools(tool.pointer, "one definition a name")

    def check_all(self, calls: Calls) -> Finding | None:
        """What is wrong with the first wrong call, if any is."""
        faults = (self.check(call, calls.pointer(index)) for index, call in enumerate(calls.calls))
        return next((fault for fault in faults if fault), None)

    def check(self, call: ToolCall, pointer: str) -> Finding | None:
        """What is wrong with a call, if anything: its tool was not offered, or its arguments break the schema."""
        tool = self._tools.get(call.name)
        if tool is None:
            return Finding(Reason.TOOL_UNKNOWN, partial(self._unknown_place, call, pointer))
        if tool.validator is None or tool.validator.is_valid(call.arguments):
            return None
        return Finding(
            Reason.ARGUMENTS_INVALID, partial(_violation, tool, tool.validator, call, f"{pointer}/arguments")
        )

    def _unknown_place(self, call: ToolCall, pointer: str) -> Place:
        return Place(
            pointer=f"{pointer}/name",
            expected=f"one of {excerpt(sorted(self._tools))}",
            got=excerpt(call.name),
        )


def read_definitions(text: bytes) -> list[JSON]:
    """The function definitions that a task's tools are, not yet looked into.

    Raises:
        UnusableTask: the text is no strict JSON, or no list.
    """
    try:
        definitions = loads(text.decode())
    except (JSONFault, UnicodeDecodeError):
        raise malformed_tools("", "strict JSON") from None
    if not isinstance(definitions, list):
        raise malformed_tools("", "a list of function definitions")
    return definitions


def _normalised(definitions: list[JSON], dialect: ToolDialect | None) -> tuple[NormalisedTool, ...]:
    try:
        normalised = normalise(definitions, dialect)
    except MalformedTools as fault:
        raise malformed_tools(fault.pointer, fault.expected) from None
    for loss in normalised.losses:
        # A verdict must not rest on a parameter that nothing checks because its type was misspelt.
        if loss.kind is LossKind.UNKNOWN_TYPE:
            place = partial(Place, pointer=loss.pointer, expected="a type that is known", got=loss.lost)
            raise UnusableTask(Reason.TOOL_SCHEMA_INVALID, place)
    return normalised.tools


def unwrap_definition(definition: JSON, pointer: str) -> tuple[dict[str, JSON], str]:
    """The function inside a definition, and its own pointer.

    Raises:
        UnusableTask: there is no object.
    """
    try:
        return unwrap(definition, pointer)
    except MalformedTools as fault:
        raise malformed_tools(fault.pointer, fault.expected) from None


def malformed_tools(pointer: str, expected: str) -> UnusableTask:
    """The exception for tools that are not what was expected at the pointer."""
    return UnusableTask(Reason.TOOLS_MALFORMED, partial(Place, pointer=pointer, expected=expected))


def compile_schema(schema: JSON, *, registry: jsonschema_rs.Registry | None = None) -> Validator:
    """A validator for a JSON Schema that opens no file and no socket.

    Args:
        schema: the draft is that of its ``$schema``, else 2020-12.
        registry: resources that a ``$ref`` may lead to beside the schema itself and the drafts' own.

    Raises:
        ValueError, jsonschema_rs.ValidationError: it is no schema, needs something that is not there, or has a
            pattern that no linear-time engine can match.
    """
    return jsonschema_rs.validator_for(
        schema,
        validate_formats=False,
        # The default engine backtracks, and by default a $ref would be fetched.
        pattern_options=jsonschema_rs.RegexOptions(),
        offline=True,
        registry=registry,
    )


def _compile(parameters: JSON, pointer: str) -> Validator | None:
    if parameters is None:
        return None
    try:
        return compile_schema(parameters)
    except (ValueError, jsonschema_rs.ValidationError) as error:
        place = partial(Place, pointer=pointer, expected="a JSON Schema", got=_first_line(error))
        raise UnusableTask(Reason.TOOL_SCHEMA_INVALID, place) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _violation(tool: Tool, validator: Validator, call: ToolCall, pointer: str) -> Place:
    error = next(iter(validator.iter_errors(call.arguments)))
    return Place(
        pointer=pointer + "".join(map(pointer_token, error.instance_path)),
        expected=_rule(tool.parameters, error),
        got=excerpt(error.instance),
    )


def _rule(schema: JSON, error: jsonschema_rs.ValidationError) -> str | None:
    """The keyword that was broken and its value, as JSON."""
    if error.absolute_keyword_location is not None:
        # Inside a schema with an id of its own the path does not begin at the root.
        return None
    value, keyword = schema, None
    for keyword in error.schema_path:
        value = value[keyword]
    return excerpt(value if keyword is None else {str(keyword): value})

"""Tools compiled to validators, and calls checked against them.

JSON Schema by jsonschema-rs: 2020-12 unless ``$schema`` says otherwise, formats as annotations, patterns on a
linear-time engine, and no schema ever opens a file or a socket.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

import jsonschema_rs

from goodcall.dialects.tools import NormalisedTool
from goodcall.errors import UnusableTask
from goodcall.excerpts import excerpt, pointer_token
from goodcall.parsing import Calls
from goodcall.reasons import Reason
from goodcall.types import JSON, Finding, Place


class Validator(Protocol):
    """A compiled JSON Schema."""

    def is_valid(self, instance: Any) -> bool:
        """Whether an instance is valid under the schema."""

    def iter_errors(self, instance: Any) -> Iterable[jsonschema_rs.ValidationError]:
        """Every way in which an instance breaks the schema."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One offered tool: what its arguments must look like."""

    name: str
    parameters: JSON
    validator: Validator | None
    """None when the tool declares no parameters, so that any object will do."""


class Toolbox:
    """The tools of one task by their names, ready to check calls against."""

    __slots__ = ("_tools",)

    def __init__(self, tools: dict[str, Tool]) -> None:
        self._tools = tools

    def validators(self) -> dict[str, Callable[[JSON], bool] | None]:
        """By the name of each tool what tells whether arguments are valid; None where any object will do."""
        return {name: tool.validator.is_valid if tool.validator else None for name, tool in self._tools.items()}

    def check_all(self, calls: Calls) -> Finding | None:
        """What is wrong with the first wrong call, if any is."""
        for index in range(len(calls.calls)):
            if fault := self.check(calls, index):
                return fault
        return None

    def check(self, calls: Calls, index: int) -> Finding | None:
        """What is wrong with one call, if anything: its tool was not offered, or its arguments break the schema."""
        call = calls.calls[index]
        tool = self._tools.get(call.name)
        if tool is None:
            return Finding(Reason.TOOL_UNKNOWN, lambda: self._unknown_place(calls, index))
        if tool.validator is None or tool.validator.is_valid(call.arguments):
            return None
        return Finding(Reason.ARGUMENTS_INVALID, lambda: _violation(tool, calls, index))

    def _unknown_place(self, calls: Calls, index: int) -> Place:
        return Place(
            pointer=f"{calls.pointer(index)}/name",
            expected=f"one of {excerpt(sorted(self._tools))}",
            got=excerpt(calls.calls[index].name),
        )


def compile_tool(tool: NormalisedTool) -> Tool:
    """A tool with its parameters compiled.

    Raises:
        UnusableTask: they don't compile offline.
    """
    return Tool(tool.name, tool.parameters, _compile(tool.parameters, tool.parameters_pointer))


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


def _violation(tool: Tool, calls: Calls, index: int) -> Place:
    # A validator that found nothing wrong gets nobody here, and neither does a tool without one.
    error = next(iter(cast(Validator, tool.validator).iter_errors(calls.calls[index].arguments)))
    return Place(
        pointer=f"{calls.pointer(index)}/arguments" + "".join(map(pointer_token, error.instance_path)),
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

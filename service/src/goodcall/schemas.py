"""Tools compiled to validators, and calls checked against them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

import jsonschema_rs

from goodcall.dialects.tools import NormalisedTool
from goodcall.errors import UnusableTask
from goodcall.excerpts import excerpt, pointer_token
from goodcall.parsing import Calls
from goodcall.reasons import Reason
from goodcall.schema_bounds import DEFAULT_BOUNDS, PLAIN, BeyondBounds, SchemaBounds, SchemaCost, tools_beyond_bounds
from goodcall.schema_compiler import Validator, compile_within
from goodcall.types import JSON, Finding, Place


@dataclass(frozen=True, slots=True)
class Tool:
    """One offered tool: what its arguments must look like."""

    name: str
    parameters: JSON
    validator: Validator | None
    """None when the tool declares no parameters, so that any object will do."""
    cost: SchemaCost = PLAIN
    """What checking arguments can come to."""


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


def compile_tool(tool: NormalisedTool, bounds: SchemaBounds = DEFAULT_BOUNDS) -> Tool:
    """A tool with its parameters compiled.

    Raises:
        UnusableTask: they don't compile offline, or are beyond the bounds.
    """
    if tool.parameters is None:
        return Tool(tool.name, None, None)
    return Tool(tool.name, tool.parameters, *_compile(tool.parameters, tool.parameters_pointer, bounds))


def _compile(parameters: JSON, pointer: str, bounds: SchemaBounds) -> tuple[Validator, SchemaCost]:
    try:
        return compile_within(parameters, bounds)
    except BeyondBounds as error:
        raise tools_beyond_bounds(pointer, str(error)) from None
    except (ValueError, jsonschema_rs.ValidationError) as error:
        place = partial(Place, pointer=pointer, expected="a JSON Schema", got=_first_line(error))
        raise UnusableTask(Reason.TOOL_SCHEMA_INVALID, place) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _violation(tool: Tool, calls: Calls, index: int) -> Place:
    pointer, arguments = f"{calls.pointer(index)}/arguments", calls.calls[index].arguments
    excess = tool.cost.excess(arguments)
    if excess or not tool.cost.may_be_explained(arguments):
        return Place(pointer, expected=excess, got=excerpt(arguments))
    try:
        # A validator that found nothing wrong gets nobody here, and neither does a tool without one.
        cast(Validator, tool.validator).validate(arguments)
    except jsonschema_rs.ValidationError as error:
        pointer += "".join(map(pointer_token, error.instance_path))
        return Place(pointer, expected=_rule(tool.parameters, error), got=excerpt(error.instance))
    raise AssertionError(pointer)  # pragma: no cover - see above


def _rule(schema: JSON, error: jsonschema_rs.ValidationError) -> str | None:
    """The keyword that was broken and its value, as JSON."""
    if error.absolute_keyword_location is not None:
        # Inside a schema with an id of its own the path does not begin at the root.
        return None
    value, keyword = schema, None
    for keyword in error.schema_path:
        value = value[keyword]
    return excerpt(value if keyword is None else {str(keyword): value})

"""Which rows can't be trained on, judged by each row alone: one small function for each reason.

A filter answers None for a row that may stay, and a detail, which may be empty, for one that may not. The first of
these that an expected call breaks gives the reason, in the order of `FILTERS`.

Of all these the code that Tool-N1 released checks `tool_unknown` alone; its paper claims `argument_missing` and
`argument_type_wrong` as well.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from goodcall_trainer.prepare.found import Reason
from goodcall_trainer.prepare.schema_checks import Examined

Filter: TypeAlias = Callable[[Examined], str | None]

_TYPE_KEYWORDS = frozenset({"type", "anyOf"})
_DECLARES_OTHERS = frozenset({"patternProperties", "$ref", "anyOf", "oneOf", "allOf", "if"})


def tools_ambiguous(examined: Examined) -> str | None:
    """Two tools have one name, so that a call means either."""
    return "" if len(examined.schemas) < len(examined.row.tools) else None


def schema_invalid(examined: Examined) -> str | None:
    """A tool's schema can't be compiled, whether the tool is called or not."""
    return next(iter(examined.unusable), None)


def tool_unknown(examined: Examined) -> str | None:
    """A call names none of the tools."""
    names = {call["name"] for call in examined.row.ground_truth}
    return None if names <= examined.schemas.keys() else ""


def argument_missing(examined: Examined) -> str | None:
    """A call lacks what its tool requires, at any depth."""
    return next((violation.detail for violation in examined.violations if violation.keyword == "required"), None)


def argument_type_wrong(examined: Examined) -> str | None:
    """A value in a call is of another type than declared, at any depth."""
    return next((violation.detail for violation in examined.violations if violation.keyword in _TYPE_KEYWORDS), None)


def argument_invalid(examined: Examined) -> str | None:
    """A call breaks any other rule of its tool's schema; the detail is the keyword."""
    return next((violation.keyword for violation in examined.violations), None)


def argument_unknown(examined: Examined) -> str | None:
    """A call has an argument that its tool does not list, though its schema may not forbid it."""
    for call in examined.row.ground_truth:
        schema = examined.schemas.get(call["name"], {})
        lists_all = "properties" in schema and not schema.keys() & _DECLARES_OTHERS
        if lists_all and not call["arguments"].keys() <= schema["properties"].keys():
            return ""
    return None


FILTERS: Mapping[Reason, Filter] = MappingProxyType(
    {
        Reason.TOOLS_AMBIGUOUS: tools_ambiguous,
        Reason.SCHEMA_INVALID: schema_invalid,
        Reason.TOOL_UNKNOWN: tool_unknown,
        Reason.ARGUMENT_MISSING: argument_missing,
        Reason.ARGUMENT_TYPE_WRONG: argument_type_wrong,
        Reason.ARGUMENT_INVALID: argument_invalid,
        Reason.ARGUMENT_UNKNOWN: argument_unknown,
    }
)

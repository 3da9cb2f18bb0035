"""Names that mean nothing in place of those of tools and parameters, so that a policy must read the descriptions.

As Hammer (arXiv 2410.04587) masks, but for default values, which stay: names of tools become 5 to 15 random
characters, those of parameters 4 to 10. The calls of earlier turns are masked along with the expected ones. A masking
knows its way back.
"""

import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from goodcall_trainer.row import Message, Row, Tool, ToolCall

SUFFIX = "~masked"

_LETTERS = string.ascii_letters
_CHARACTERS = string.ascii_letters + string.digits + "_"
_TOOL_LENGTHS = (5, 15)
_PARAMETER_LENGTHS = (4, 10)
_RENAMED_KEYWORDS = frozenset({"properties", "required"})
_INDIFFERENT_KEYWORDS = frozenset({"type", "title", "description", "additionalProperties", "$schema"})


@dataclass(frozen=True, slots=True)
class Renaming:
    """New names for old: of tools, and of the parameters of each tool by the tool's old name."""

    tools: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, str]]

    def inverse(self) -> "Renaming":
        """Old names for new."""
        parameters = {self.tools[tool]: _swapped(names) for tool, names in self.parameters.items()}
        return Renaming(_swapped(self.tools), parameters)


def can_be_masked(row: Row) -> bool:
    """Whether masking leaves the row a sound task that can be turned back.

    Not if nobody could tell what is meant: a name of a tool stands in the conversation, or two tools have one name. Nor
    if a schema names parameters elsewhere than under `properties` and `required`, or an earlier call has a
    name that is not listed.
    """
    names = [tool["function"]["name"] for tool in row.tools]
    if not names or len(set(names)) < len(names) or not all(map(_names_plainly, row.tools)):
        return False
    said = "\n".join(message["content"] for message in row.messages)
    return not any(name in said for name in names) and all(call["name"] in names for call in row.calls_before)


def random_renaming(row: Row, rng: random.Random) -> Renaming:
    """A new name for each tool and parameter of a row, no two alike."""
    taken = _names_in(row)
    tools = {tool["function"]["name"]: _new_name(rng, _TOOL_LENGTHS, taken) for tool in row.tools}
    parameters = {
        tool["function"]["name"]: {
            name: _new_name(rng, _PARAMETER_LENGTHS, taken)
            for name in tool["function"]["parameters"].get("properties", {})
        }
        for tool in row.tools
    }
    return Renaming(MappingProxyType(tools), MappingProxyType(parameters))


def masked(row: Row, renaming: Renaming) -> Row:
    """The row under other names; its id says that it is masked."""
    return replace(renamed(row, renaming), id=row.id + SUFFIX)


def renamed(row: Row, renaming: Renaming) -> Row:
    """The row with the names of tools and parameters replaced, wherever it calls or defines them."""
    return replace(
        row,
        messages=tuple(_renamed_message(message, renaming) for message in row.messages),
        tools=tuple(_renamed_tool(tool, renaming) for tool in row.tools),
        ground_truth=tuple(_renamed_call(call, renaming) for call in row.ground_truth),
    )


def _names_plainly(tool: Tool) -> bool:
    return set(tool["function"]["parameters"]) <= _RENAMED_KEYWORDS | _INDIFFERENT_KEYWORDS


def _names_in(row: Row) -> set[str]:
    """Every name that a new one could be taken for."""
    functions = [tool["function"] for tool in row.tools]
    calls = [*row.ground_truth, *row.calls_before]
    return {
        *(named["name"] for named in (*functions, *calls)),
        *(name for function in functions for name in function["parameters"].get("properties", {})),
        *(name for function in functions for name in function["parameters"].get("required", ())),
        *(name for call in calls for name in call["arguments"]),
    }


def _new_name(rng: random.Random, lengths: tuple[int, int], taken: set[str]) -> str:
    while True:
        length = rng.randint(*lengths)
        name = rng.choice(_LETTERS) + "".join(rng.choices(_CHARACTERS, k=length - 1))
        if name not in taken:
            taken.add(name)
            return name


def _renamed_message(message: Message, renaming: Renaming) -> Message:
    if "tool_calls" not in message:
        return message
    calls = [call | {"function": _renamed_call(call["function"], renaming)} for call in message["tool_calls"]]
    return message | {"tool_calls": calls}


def _renamed_tool(tool: Tool, renaming: Renaming) -> Tool:
    function = tool["function"]
    names = renaming.parameters[function["name"]]
    parameters = dict(function["parameters"])
    if "properties" in parameters:
        parameters["properties"] = _renamed_keys(parameters["properties"], names)
    if "required" in parameters:
        parameters["required"] = [names.get(name, name) for name in parameters["required"]]
    return tool | {"function": function | {"name": renaming.tools[function["name"]], "parameters": parameters}}


def _renamed_call(call: ToolCall, renaming: Renaming) -> ToolCall:
    names = renaming.parameters.get(call["name"], {})
    return {
        "name": renaming.tools.get(call["name"], call["name"]),
        "arguments": _renamed_keys(call["arguments"], names),
    }


def _renamed_keys(members: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in members.items()}


def _swapped(names: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({new: old for old, new in names.items()})

"""Files like those of xLAM and ToolACE, as large as wanted, made from a seed: one JSON list each, as published.

Tools and values are those of `tool_catalogue`. A known share of the answers has what real ones have: strings with
parentheses, values of the wrong type, calls that can't be read, turns in words, and rows that occur twice.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.tool_catalogue import Tool, Vocabulary, make_arguments, make_tool

Record: TypeAlias = dict[str, Any]

_TOOLS = 3000
_LISTED = (1, 2, 3, 4, 5, 6, 8)
_CALLED = {1: 62, 2: 26, 3: 9, 4: 3}
_WRONG_TYPE_SHARE = 0.03
_REPEATED_SHARE = 0.02
_PARENTHESIS_SHARE = 0.05
_UNREADABLE_SHARE = 0.01
_SEVERAL_TURNS_SHARE = 0.1
_WORDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "dict"}
_SYSTEM = (
    "You are an expert in composing functions. Here is a list of functions in JSON format that you can invoke:\n"
    "{tools}. \nShould you decide to return the function call(s), put them in the format of [func1(name=value)].\n"
)


def write_xlam(path: Path, rows: int, seed: int) -> None:
    """Writes a file like xLAM's."""
    _write_list(path, _with_repetitions(_xlam_records(random.Random(seed), rows), random.Random(seed + 1)))


def write_toolace(path: Path, rows: int, seed: int) -> None:
    """Writes a file like ToolACE's."""
    _write_list(path, _toolace_records(random.Random(seed), rows))


def _write_list(path: Path, records: Iterator[Record]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, record in enumerate(records):
            file.write(",\n" if number else "\n")
            json.dump(record, file, ensure_ascii=False)
        file.write("\n]\n")


def _with_repetitions(records: Iterator[Record], rng: random.Random) -> Iterator[Record]:
    """The records, some of them in the place of the one that follows."""
    earlier: Record | None = None
    for record in records:
        if earlier is not None and rng.random() < _REPEATED_SHARE:
            yield earlier | {"id": record["id"]}
        else:
            yield record
        earlier = record


def _xlam_records(rng: random.Random, rows: int) -> Iterator[Record]:
    catalogue = [make_tool(rng, index) for index in range(_TOOLS)]
    for number in range(rows):
        tools, calls = _task(rng, catalogue)
        yield {
            "id": number,
            "query": _query(number, calls),
            "answers": json.dumps(calls),
            "tools": json.dumps([_flat(tool) for tool in tools]),
        }


def _toolace_records(rng: random.Random, rows: int) -> Iterator[Record]:
    catalogue = [make_tool(rng, index) for index in range(_TOOLS)]
    for number in range(rows):
        tools, calls = _task(rng, catalogue)
        text = _python_calls(rng, calls)
        turns = [("user", _query(number, calls)), ("assistant", text)]
        if rng.random() < _SEVERAL_TURNS_SHARE:
            turns += [("tool", '[{"name": "any", "results": {}}]'), ("assistant", "Done. Anything else?")]
            turns += [("user", f"The same again, please, for number {number}."), ("assistant", text)]
        yield {
            "system": _SYSTEM.format(tools=json.dumps([_dict_typed(tool["function"]) for tool in tools])),
            "conversations": [{"from": role, "value": value} for role, value in turns],
        }


def _task(rng: random.Random, catalogue: list[Tool]) -> tuple[list[Tool], list[dict[str, Any]]]:
    tools = rng.sample(catalogue, rng.choice(_LISTED))
    calls = []
    for _ in range(rng.choices(list(_CALLED), list(_CALLED.values()))[0]):
        function = rng.choice(tools)["function"]
        arguments = make_arguments(rng, function["parameters"], Vocabulary())
        strings = [key for key, value in arguments.items() if isinstance(value, str)]
        if strings and rng.random() < _WRONG_TYPE_SHARE:
            arguments[strings[0]] = 7
        elif strings and "enum" not in function["parameters"]["properties"][strings[0]]:
            arguments[strings[0]] += " (main)" if rng.random() < _PARENTHESIS_SHARE else ""
        calls.append({"name": function["name"], "arguments": arguments})
    return tools, calls


def _query(number: int, calls: list[dict[str, Any]]) -> str:
    wanted = "; ".join(f"{call['name']} with {', '.join(map(str, call['arguments'].values()))}" for call in calls)
    return f"Request {number}: please take care of this, {wanted}. Let me know what you find."


def _flat(tool: Tool) -> dict[str, Any]:
    """A tool as xLAM writes it: parameters in a flat map, their types in Python's words."""
    function = tool["function"]
    required = function["parameters"]["required"]
    parameters = {
        name: {
            "description": schema.get("description", ""),
            "type": _WORDS[schema["type"]] + ("" if name in required else ", optional"),
        }
        for name, schema in function["parameters"]["properties"].items()
    }
    return {"name": function["name"], "description": function["description"], "parameters": parameters}


def _dict_typed(schema: Any) -> Any:
    """A schema, or a function with one, in ToolACE's words for types."""
    if isinstance(schema, list):
        return [_dict_typed(element) for element in schema]
    if not isinstance(schema, dict):
        return schema
    words = {"object": "dict", "number": "float", "integer": "int"}
    return {
        key: words.get(value, value) if key == "type" and isinstance(value, str) else _dict_typed(value)
        for key, value in schema.items()
    }


def _python_calls(rng: random.Random, calls: list[dict[str, Any]]) -> str:
    written = ", ".join(
        f"{call['name']}({', '.join(f'{name}={value!r}' for name, value in call['arguments'].items())})"
        for call in calls
    )
    return f"[{written}" if rng.random() < _UNREADABLE_SHARE else f"[{written}]"

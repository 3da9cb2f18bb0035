"""What schemathesis has to be told about the contract, because JSON Schema can't say it and its descriptions do."""

import json
from typing import Any

import schemathesis

NDJSON = "application/x-ndjson"
SCORE = {"method": "POST", "path": "/score"}
TEXT_ALONE = ("tool_n1/hardened", "bfcl/ast", "schema/valid", "necessity/decision")
"""Those that judge messages too."""
NEEDED: dict[str, Any] = {"ground_truth": [], "tools": [], "context": {}}
CONTEXT_NEEDED = {"step": 0, "category": "simple"}


@schemathesis.serializer(NDJSON)
def write_lines(_context: Any, value: Any) -> bytes:
    """One item is one line."""
    return value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"


@schemathesis.deserializer(NDJSON)
def read_lines(_context: Any, response: Any) -> Any:
    """The answer to one item is one line; nothing sent is nothing answered, which any line would do for."""
    lines = [json.loads(line) for line in response.content.splitlines()]
    return lines[0] if lines else {"id": None, "verdicts": []}


@schemathesis.hook.apply_to(**SCORE)
def filter_case(_context: Any, case: Any) -> bool:
    """Options stand in the query of lines, and in the body of JSON."""
    return case.media_type == NDJSON or not case.query


@schemathesis.hook.apply_to(**SCORE)
def map_body(_context: Any, body: Any) -> Any:
    """Items carry what rewards need, integers are spelt as such, and rewards that judge text get text."""
    if not isinstance(body, dict):
        return body
    reward = body.get("reward", "tool_n1/hardened")
    items = body.get("items", [body])
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            complete(item, messages=str(reward).partition("@")[0] in TEXT_ALONE)
    return body


def complete(item: dict[str, Any], *, messages: bool) -> None:
    """Gives an item what it lacks."""
    for field, value in NEEDED.items():
        if item.get(field) is None:
            item[field] = value
    context = item["context"]
    if isinstance(context, dict):
        given = {field: without_fraction(value) for field, value in context.items() if value is not None}
        item["context"] = CONTEXT_NEEDED | given
    completions = item.get("completions")
    if not messages and isinstance(completions, list):
        item["completions"] = ["" if isinstance(completion, dict) else completion for completion in completions]


def without_fraction(value: Any) -> Any:
    """To JSON Schema 3.0 is an integer too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def filter_failure(_context: Any, failure: Any, case: Any, response: Any) -> bool:
    """A line that can't be scored is refused in its own place, under a 200: the line's problem must be a 4xx."""
    if case.media_type != NDJSON or response.status_code != 200 or type(failure).__name__ != "AcceptedNegativeData":
        return True
    lines = [json.loads(line) for line in response.content.splitlines()]
    return not lines or not all(400 <= line.get("problem", {}).get("status", 0) < 500 for line in lines)

"""What schemathesis has to be told about the contract, because JSON Schema can't say it and its descriptions do."""

import json
from pathlib import Path
from typing import Any

import schemathesis
import yaml

NDJSON = "application/x-ndjson"
SCORE = {"method": "POST", "path": "/score"}
CONTRACT = Path(__file__).parent.parent.parent / "openapi.yaml"
REWARDS = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["components"]["schemas"]["RewardName"]["enum"]
JUDGE_MESSAGES = ("tool_n1/hardened", "bfcl/ast", "apibank/soft", "apibank/hard", "schema/valid", "necessity/decision")
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
    """Items carry what rewards need, integers are spelt as such, and messages go to a reward that judges them."""
    if not isinstance(body, dict):
        return body
    items = body.get("items", [body])
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            complete(item)
    # What is wrong with a request must stay wrong.
    if isinstance(items, list) and body.get("reward") in REWARDS and not body["reward"].startswith(JUDGE_MESSAGES):
        body["reward"] = JUDGE_MESSAGES[0] if any(map(has_messages, items)) else body["reward"]
    return body


def complete(item: dict[str, Any]) -> None:
    """Gives an item what it lacks."""
    for field, value in NEEDED.items():
        if item.get(field) is None:
            item[field] = value
    context = item["context"]
    if isinstance(context, dict):
        given = {field: without_fraction(value) for field, value in context.items() if value is not None}
        item["context"] = CONTEXT_NEEDED | given


def has_messages(item: Any) -> bool:
    """Whether a completion of an item is a message, or should have been one."""
    completions = item.get("completions") if isinstance(item, dict) else None
    return isinstance(completions, list) and any(isinstance(completion, dict) for completion in completions)


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

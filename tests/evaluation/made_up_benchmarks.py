"""BFCL and API-Bank in small, in the forms in which they are published; about nothing that the real ones ask."""

import gzip
import json
from pathlib import Path
from typing import Any

CALLED = ("simple_python", "multiple", "parallel", "parallel_multiple")
EACH = 3
"""Questions of each category."""

SYSTEM = """\
You help.

**Available Tools**
In your response, you can use the following tools:
{tools}

**Steps for Each Turn**
1. **Think:** About it.
"""
DESCRIBED = (
    "{number}. Name: {name}\nDescription: Does {name}.\nParameters: {parameters}",
    "{number}. {name}: Does {name}.\nParameters: {parameters}",
)


def write_bfcl(folder: Path) -> Path:
    """All eleven categories that are judged, one that is not, a multi-turn one, and what lies beside them."""
    (folder / "possible_answer").mkdir(parents=True)
    for live in ("", "live_"):
        for category in CALLED:
            name = category.removesuffix("_python") if live else category
            _write_lines(folder, f"{live}{name}", [_asking(f"{live}{name}", n) for n in range(EACH)])
        _write_lines(folder, f"{live}irrelevance", [(_question(f"{live}irrelevance", n), None) for n in range(EACH)])
    _write_lines(folder, "live_relevance", [(_question("live_relevance", n), None) for n in range(EACH)])
    _write_lines(folder, "simple_java", [_asking("simple_java", 0)])
    _write_lines(folder, "multi_turn_base", [({"id": "multi_turn_base_0", "question": [[], []]}, None)])
    (folder / "BFCL_v4_format_sensitivity.json").write_text(json.dumps({"multiple": ["multiple_0"]}, indent=4))
    (folder / "README.md").write_text("# About it")
    return folder


def _question(category: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{category}_{number}-{number}-0" if category.startswith("live") else f"{category}_{number}",
        "question": [[{"role": "user", "content": f"In {category}, please draw figure {number}."}]],
        "function": [_function("shapes.draw"), _function("shapes.erase")],
    }


def _function(name: str) -> dict[str, Any]:
    properties = {
        "figure": {"type": "integer", "description": "Its number."},
        "colour": {"type": "string", "description": "Its colour."},
        "options": {"type": "dict", "description": "How.", "properties": {"filled": {"type": "boolean"}}},
    }
    parameters = {"type": "dict", "properties": properties, "required": ["figure"]}
    return {"name": name, "description": f"{name}s a figure.", "parameters": parameters}


def _asking(category: str, number: int) -> tuple[dict[str, Any], list[Any]]:
    first = {
        "shapes.draw": {"figure": [number], "colour": ["Dark red", "red"], "options": [{"filled": [True, ""]}, ""]}
    }
    second = {"shapes.erase": {"figure": [number + 1], "colour": ["", "blue"]}}
    return _question(category, number), [first, second] if "parallel" in category else [first]


def _write_lines(folder: Path, category: str, records: list[tuple[dict[str, Any], Any]]) -> None:
    (folder / f"BFCL_v4_{category}.json").write_text("".join(json.dumps(record) + "\n" for record, _ in records))
    answers = [{"id": record["id"], "ground_truth": answer} for record, answer in records if answer]
    if answers:
        path = folder / "possible_answer" / f"BFCL_v4_{category}.json"
        path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))


def write_apibank(folder: Path) -> Path:
    """The three levels, each in its own way of writing."""
    folder.mkdir(parents=True)
    for level in (1, 2, 3):
        records = [_dialogue(level, number) for number in range(EACH)]
        (folder / f"level-{level}.json.gz").write_bytes(gzip.compress(json.dumps(records).encode()))
    return folder


def _dialogue(level: int, number: int) -> dict[str, Any]:
    parameters = {"user": {"type": "str", "description": "Who."}, "days": {"type": "list(str)", "description": "When."}}
    tools = "\n".join(
        DESCRIBED[level == 3].format(number=index, name=name, parameters=parameters)
        for index, name in enumerate(("Book", "Cancel"), 1)
    )
    answer = {"name": "Book", "parameters": {"user": f"u{number}", "days": "['Monday']"}}
    told = (
        f"**Dialogue Records History**\n<user>For u{number}, level {level}.</user>\n<tool_call>\n"
        '{"name": "Cancel", "parameters": {"user": "all"}}\n</tool_call>\n<obs> done </obs>\n'
        "<response>Cancelled.</response>\n\n<user> Only one call now.</user>\n"
    )
    return {
        "system": SYSTEM.format(tools=tools),
        "user": told,
        "answer": answer if level == 2 else [answer],
        "other": {"id": number},
    }

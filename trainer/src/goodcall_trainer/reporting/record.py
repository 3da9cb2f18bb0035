"""A run's record as flat settings: for the table of one run, and for what differs between several."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Settings: TypeAlias = Mapping[str, Any]
"""Names such as `grpo.learning_rate`, and JSON values that are no objects."""

_NO_SETTINGS = ("recipe", "data", "starts", "stops")


def settings_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides a run: the recipe's keys under their own names, and the record's other keys."""
    recipe = record.get("recipe")
    others = {name: value for name, value in record.items() if name not in _NO_SETTINGS}
    asked = dict(_flat(recipe if isinstance(recipe, dict) else {}))
    if record.get("reward"):
        asked.pop("reward.id", None)  # `reward` is what it came to
    return asked | dict(_flat(others)) | _data(record)


def shown(value: object) -> str:
    """A setting as people read it: texts as they are, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def data_files(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the run was trained on: path, sha256 and rows of each file, as far as the record tells."""
    files = record.get("data")
    return [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []


def _data(record: Mapping[str, Any]) -> dict[str, Any]:
    """The files by what is in them: where they lie decides nothing."""
    return {f"data.{number}": file.get("sha256") for number, file in enumerate(data_files(record))}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value

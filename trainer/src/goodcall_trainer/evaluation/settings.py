"""What makes the answers of an evaluation what they are, and the refusal to mix answers given under two of them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

AnswerSettings: TypeAlias = Mapping[str, str | int | float | None]
"""Flat, so that two can be told apart in one sentence."""


class SettingsDiffer(Exception):
    """The folder holds an evaluation under other settings; says which."""


def settings_digest(settings: AnswerSettings) -> str:
    """The hash of settings, whatever their order."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def claim_folder(path: Path, settings: AnswerSettings, *, answered: bool) -> None:
    """Sees that the settings in the file are these; writes them where there are none, or no answer was given yet.

    Raises:
        SettingsDiffer: they are others.
    """
    if not (path.exists() and answered):
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        part.replace(path)
        return
    before = _read(path)
    changes = [
        f"{key} was {json.dumps(before.get(key))} and is {json.dumps(settings.get(key))}"
        for key in dict.fromkeys([*before, *settings])
        if before.get(key) != settings.get(key)
    ]
    if changes:
        raise SettingsDiffer(
            f"{path.parent} holds answers that were given otherwise: {'; '.join(changes)}. "
            "Give this evaluation another --out, or the settings of before."
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise SettingsDiffer(f"{path} can't be read as the settings of an evaluation; give another --out")
    return settings

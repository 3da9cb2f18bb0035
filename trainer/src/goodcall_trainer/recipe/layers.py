"""A recipe as it was written: its file over those that it extends, settings of the command line over all of them.

A key takes the place of the same key further down, whole. A recipe that changes the algorithm leaves the other
algorithm's table behind. Values are not looked at here; `settings` does that.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from goodcall_trainer.recipe.files import read_file
from goodcall_trainer.recipe.unusable import RecipeUnusable

ALGORITHMS = ("grpo", "rloo", "sft")
TOP = ""
"""The table of what stands above all tables."""

_EXTENDS = "extends"
_HEADER = re.compile(r"\s*\[+\s*([\w.\-\s]+?)\s*\]+")

Table: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written."""

    place: str
    """A recipe's file, or the option of the command line."""
    line: int | None = None

    def __str__(self) -> str:
        return self.place if self.line is None else f"{self.place}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """Everything that a recipe says, and where it says it."""

    name: str
    """The file's name without its ending."""
    extends: tuple[str, ...]
    """The recipes below it, the nearest first."""
    tables: Mapping[str, Table]
    """By name; `TOP` for what stands above all tables."""
    origins: Mapping[tuple[str, str], Origin]
    """Of each table's keys."""

    def origin(self, table: str, key: str) -> Origin:
        return self.origins[table, key]


def read_layers(name: str, settings: tuple[str, ...] = ()) -> Layers:
    """What the recipe `name` and all that it extends say, with `table.key=value` settings on top.

    Raises:
        RecipeUnusable: a file can't be read or is no TOML, extends itself, or a setting is none.
    """
    chain = _chain(name)
    tables: dict[str, Table] = {TOP: {}}
    origins: dict[tuple[str, str], Origin] = {}
    for layer in reversed(chain):
        _put_over(tables, origins, layer.tables, layer.origins)
    for setting in settings:
        table, key, value = _setting(setting)
        _put_over(tables, origins, {table: {key: value}}, {(table, key): Origin(f"--set {table}.{key}")})
    tables[TOP].pop(_EXTENDS, None)
    return Layers(name=Path(name).stem, extends=tuple(chain[0].extends), tables=tables, origins=origins)


def _chain(name: str) -> list[Layers]:
    """The recipe, then what it extends, to the last."""
    chain: list[Layers] = []
    seen: list[str] = []
    following: str | None = name
    folder: Path | None = None
    while following is not None:
        place, text, folder = read_file(following, folder)
        if place in seen:
            raise RecipeUnusable(f"{seen[-1]} extends {place}, which extends it: {' > '.join([*seen, place])}")
        seen.append(place)
        chain.append(_layer(place, text))
        following = chain[-1].tables[TOP].get(_EXTENDS)
        if following is not None and not isinstance(following, str):
            raise RecipeUnusable(f"{chain[-1].origin(TOP, _EXTENDS)}: extends must name one recipe")
    names = tuple(Path(place).stem for place in seen[1:])
    return [
        Layers(name=chain[0].name, extends=names, tables=chain[0].tables, origins=chain[0].origins),
        *chain[1:],
    ]


def _layer(place: str, text: str) -> Layers:
    """One file."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeUnusable(f"{place} is no TOML: {error}") from None
    tables: dict[str, Table] = {TOP: {}}
    for key, value in document.items():
        if isinstance(value, dict):
            tables[key] = value
        else:
            tables[TOP][key] = value
    origins = {(table, key): Origin(place, _line(text, table, key)) for table, keys in tables.items() for key in keys}
    return Layers(name=Path(place).stem, extends=(), tables=tables, origins=origins)


def _line(text: str, table: str, key: str) -> int | None:
    """The line of a key, from 1, for the way in which recipes are usually written; None for any other."""
    header = TOP
    wanted = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]")
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEADER.match(line):
            header = match[1]
            if header == f"{table}.{key}":
                return number
        elif header == table and wanted.match(line):
            return number
    return None


def _put_over(
    tables: dict[str, Table],
    origins: dict[tuple[str, str], Origin],
    above: Mapping[str, Table],
    their_origins: Mapping[tuple[str, str], Origin],
) -> None:
    changed = above.get(TOP, {}).get("algorithm")
    if changed is not None and changed != tables[TOP].get("algorithm"):
        for algorithm in ALGORITHMS:
            tables.pop(algorithm, None)
    for name, table in above.items():
        tables[name] = {**tables.get(name, {}), **table}
    origins.update(their_origins)


def _setting(text: str) -> tuple[str, str, Any]:
    """Table, key and value of `table.key=value`; the value as TOML has it, or else as text."""
    path, equals, value = text.partition("=")
    table, _, key = path.strip().partition(".")
    if not equals or not key:
        raise RecipeUnusable(f"--set {text}: expected table.key=value, for example grpo.learning_rate=2e-6")
    if "." in key:
        key, _, inner = key.partition(".")
        raise RecipeUnusable(
            f"--set {text}: a table within a table is set whole: --set '{table}.{key}={{{inner} = …}}'"
        )
    try:
        return table, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return table, key, value.strip()

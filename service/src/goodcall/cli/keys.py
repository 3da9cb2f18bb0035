"""``goodcall keys``: API keys made and listed.

The service keeps digests alone, so a key is shown once, when it is made. To take one away, delete its line.
"""

import json
import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console

from goodcall.cli.failures import CommandFailed, EnvironmentFailed
from goodcall.cli.tables import add_text_column, plain_table
from goodcall.cli.visible import plain
from goodcall.web.keys import NAME, NAME_RULE, InvalidKeys, KeyRing, key_of, new_token, parse_keys
from goodcall.web.settings import InvalidSettings, load_settings

_FOR_THE_OWNER_ALONE = 0o600

keys = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Make API keys, and list those of a file.",
)

_File: TypeAlias = Annotated[
    Path | None, typer.Option("--file", metavar="F", help="The file of keys.", show_default="the keys_file setting")
]
_AsJSON: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@keys.callback()
def _root() -> None:
    """Make API keys, and list those of a file."""


@keys.command()
def create(
    *,
    team: Annotated[str | None, typer.Argument(help="Whose key it is.", show_default=False)] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Make one that reads /metrics, and scores nothing, instead.")
    ] = False,
    name: Annotated[str, typer.Option(help="What to know the key by.")] = "",
    file: _File = None,
    print_line: Annotated[
        bool, typer.Option("--print-line", help="Print the line too and write no file: for a store of secrets.")
    ] = False,
    as_json: _AsJSON = False,
) -> None:
    """Make a key: print it, this once, and add its digest to a file."""
    if (team is None) is not operator:
        raise CommandFailed("name the TEAM that the key is for, or say --operator.")
    if not all(NAME.fullmatch(given) for given in (team, name) if given):
        raise CommandFailed(f"{NAME_RULE}.")
    token = new_token()
    line = key_of(token, team, name).line
    if not print_line:
        _append(_path(file), line)
    if as_json:
        typer.echo(json.dumps({"key": token, "line": line}))
    else:
        typer.echo(f"{token}\n{line}" if print_line else token)


@keys.command("list")
def list_keys(*, file: _File = None, as_json: _AsJSON = False) -> None:
    """List the keys of a file by what is kept of them."""
    ring = _read(_path(file))
    rows = [
        {
            "team": key.team,
            "role": "operator" if key.team is None else "team",
            "name": key.name,
            "sha256": key.digest.hex(),
        }
        for key in ring.keys
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = plain_table("Keys")
    for column in ("team", "role", "name", "sha256"):
        add_text_column(table, column)
    for row in rows:
        table.add_row(*(plain(str(value or "")[:16]) for value in row.values()))
    Console(highlight=False).print(table)


def _path(file: Path | None) -> Path:
    try:
        path = file or load_settings().keys_file
    except InvalidSettings as error:
        raise CommandFailed(str(error)) from None
    if path is None:
        raise CommandFailed("say with --file where the keys are, or set GOODCALL_KEYS_FILE.")
    return path


def _read(path: Path) -> KeyRing:
    try:
        return parse_keys(path.read_text(encoding="utf-8"))
    except (InvalidKeys, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} is no file of keys: {error}.") from None
    except OSError as error:
        raise EnvironmentFailed(f"can't read {path}: {error.strerror}.") from None


def _append(path: Path, line: str) -> None:
    """Adds a line in one write, so that a service that reads meanwhile finds all of it or nothing."""
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _FOR_THE_OWNER_ALONE), "r+b") as file:
            before = file.read()
            end_of_last = b"\n" if before and not before.endswith(b"\n") else b""
            file.write(end_of_last + f"{line}\n".encode())
    except OSError as error:
        raise EnvironmentFailed(f"can't write {path}: {error.strerror}.") from None

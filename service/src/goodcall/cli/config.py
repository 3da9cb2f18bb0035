"""``goodcall config``: the settings that ``goodcall serve`` would run with."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from goodcall.cli.failures import CommandFailed
from goodcall.cli.tables import add_text_column, plain_table
from goodcall.cli.visible import plain
from goodcall.web.settings import InvalidSettings, Origin, Settings, load_settings, origins

config = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Show the settings and where each comes from.",
)


@config.callback()
def _root() -> None:
    """Show the settings and where each comes from."""


@config.command()
def show(
    *,
    host: Annotated[str | None, typer.Option(help="As for `goodcall serve`.")] = None,
    port: Annotated[int | None, typer.Option(help="As for `goodcall serve`.")] = None,
    file: Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show every setting with its value and where that comes from: default, file, environment or flag."""
    try:
        settings = load_settings(file, host=host, port=port)
    except InvalidSettings as error:
        raise CommandFailed(str(error)) from None
    found = origins(file, host=host, port=port)
    if as_json:
        values = settings.model_dump(mode="json")
        typer.echo(json.dumps({key: {"value": value, "origin": found[key]} for key, value in values.items()}))
    else:
        Console(highlight=False).print(_table(settings, found))


def _table(settings: Settings, found: dict[str, Origin]) -> Table:
    table = plain_table("Settings")
    table.add_column("setting", no_wrap=True)
    add_text_column(table, "value")
    table.add_column("from", no_wrap=True)
    add_text_column(table, "what it is")
    for key, value in settings.model_dump(mode="json").items():
        origin = Text(found[key], style="" if found[key] == "default" else "bold")
        table.add_row(key, plain(str(value)), origin, Text(Settings.model_fields[key].description or ""))
    return table

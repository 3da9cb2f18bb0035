"""`goodcall-train recipes`: what is shipped, and what a recipe says once everything that it extends is put together.

Exit codes: 0 done, 2 usage.
"""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from goodcall_trainer.recipe.files import shipped_names
from goodcall_trainer.recipe.layers import ALGORITHMS, TOP, Layers, read_layers
from goodcall_trainer.recipe.settings import OURS, recipe_of
from goodcall_trainer.recipe.unusable import RecipeUnusable

USAGE = 2
_WIDE = 240
_ORIGINS_AT = 56
"""The column, from 0, in which `show` begins to say where values come from."""

recipes = typer.Typer(name="recipes", help="List the recipes, or show one with where each value comes from.")


@recipes.callback(invoke_without_command=True)
def list_recipes(
    context: typer.Context,
    json_output: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the shipped recipes."""
    if context.invoked_subcommand is not None:
        return
    shipped = [_listed(name) for name in shipped_names()]
    if json_output:
        typer.echo(json.dumps(shipped, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in shipped[0]:
        table.add_column(heading, no_wrap=heading != "about")
    for recipe in shipped:
        table.add_row(*recipe.values())
    # What reads a pipe wants a line a recipe.
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(table, highlight=False, markup=False)


def _listed(name: str) -> dict[str, str]:
    """A row of the list, by its headings."""
    layers = read_layers(name)
    recipe = recipe_of(layers)
    extends = layers.extends[0] if layers.extends else ""
    return {"recipe": name, "algorithm": recipe.algorithm, "extends": extends, "about": recipe.about}


@recipes.command()
def show(
    name: Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe, or a TOML file.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Overrides the recipe.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the resolved recipe as JSON.")] = False,
) -> None:
    """Print a recipe as TOML, resolved, each value with where it was written; it can be saved and used as it is."""
    try:
        layers = read_layers(name, tuple(settings or ()))
        recipe = recipe_of(layers)
        from goodcall_trainer.recipe.keys import check_trl_keys  # noqa: PLC0415 - takes seconds

        check_trl_keys(layers, recipe)
    except RecipeUnusable as error:
        Console(stderr=True).print(
            f"goodcall-train: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        raise typer.Exit(USAGE) from None
    typer.echo(json.dumps(recipe.as_json(), indent=2) if json_output else shown(layers))


def shown(layers: Layers) -> str:
    """The resolved recipe as TOML, with comments that say where each value was written."""
    order = [TOP, *OURS, *ALGORITHMS]
    parts = []
    for table in sorted(layers.tables, key=order.index):
        lines = [f"[{table}]"] if table else []
        lines += [_line(layers, table, key, value) for key, value in layers.tables[table].items()]
        parts.append("\n".join(lines))
    return "\n\n".join(part for part in parts if part)


def _line(layers: Layers, table: str, key: str, value: Any) -> str:
    return f"{f'{key} = {toml_value(value)}':<{_ORIGINS_AT}} # {layers.origin(table, key)}"


def toml_value(value: Any) -> str:
    """A value in TOML's own notation, on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)} = {toml_value(inner)}" for key, inner in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)

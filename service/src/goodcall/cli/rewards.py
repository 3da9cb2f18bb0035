"""``goodcall rewards``: the catalogue, whole or one entry of it."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from goodcall.cli.named_reward import named_reward
from goodcall.cli.tables import add_text_column, plain_table
from goodcall.web.catalogue import Catalogue, RewardEntry


def rewards(
    reward: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="One of them; without @version the newest.", show_default=False),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as GET /rewards does.")] = False,
) -> None:
    """List the rewards that can be named, or show one."""
    console = Console(highlight=False)
    if reward is None:
        catalogue = Catalogue.current()
        if as_json:
            typer.echo(catalogue.model_dump_json())
        else:
            console.print(_catalogue(catalogue))
        return
    entry = RewardEntry.of(named_reward(reward))
    if as_json:
        typer.echo(entry.model_dump_json())
    else:
        console.print(_entry(entry))


def _catalogue(catalogue: Catalogue) -> Table:
    table = plain_table(f"Rewards; the default is {catalogue.default}")
    table.add_column("id", no_wrap=True)
    table.add_column("range", no_wrap=True)
    add_text_column(table, "what it gives")
    for entry in catalogue.rewards:
        table.add_row(entry.id, _range(entry), Text(entry.summary))
    return table


def _entry(entry: RewardEntry) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    facts = {
        "id": entry.id,
        "digest": entry.digest,
        "what it gives": entry.summary,
        "range": _range(entry),
        "needs": ", ".join(entry.needs) or "nothing but completions",
        "dialect": entry.dialect,
        "source": entry.source,
    }
    for name, fact in facts.items():
        table.add_row(name, Text(fact))
    return table


def _range(entry: RewardEntry) -> str:
    low, high = entry.range
    return f"{low:g} to {high:g}"

"""``goodcall``: the commands, and what their exit codes mean.

0 done · 1 a threshold was missed · 2 wrong usage · 3 the server or the environment.
"""

from typing import Annotated

import typer

import goodcall
from goodcall.cli.serve import serve

EXIT_USAGE = 2

_app = typer.Typer(
    name="goodcall",
    help="Was this a good tool call? Rewards for tool-calling RL.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
_app.command()(serve)


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"goodcall {goodcall.__version__}")
        raise typer.Exit


@_app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """Was this a good tool call? Rewards for tool-calling RL."""


def main() -> None:
    """Runs the command line."""
    _app()

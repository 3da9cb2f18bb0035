"""``goodcall``: the commands, each imported when it is called, and what becomes of their failures.

Exit codes: 0 done · 1 a threshold was missed · 2 wrong usage · 3 the server or the environment · 130 interrupted.
"""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import goodcall
from goodcall.cli.failures import INTERRUPTED, CommandFailed
from goodcall.cli.visible import visible

COMMANDS = {
    "serve": "Serve POST /score and the rest of the wire until SIGINT or SIGTERM.",
    "score": "Score a file of completions, with no server.",
    "explain": "Show why completions got their scores: the reason, the place, the difference.",
    "diff": "Show where two rewards disagree on the same completions.",
    "audit": "Find what is wrong with a dataset before anything trains on it.",
    "rewards": "List the rewards that can be named, or show one.",
    "capacity": "Reckon replicas for a training run, and simulate the autoscaler under its bursts.",
    "keys": "Make API keys, and list those of a file.",
    "config": "Show the settings and where each comes from.",
}
"""Every command's name and sentence; a command is the object of its own name in the module of its own name."""


class _CommandsOnDemand(TyperGroup):
    """A group that lists its commands from a table and imports the module of the one that is called, alone."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, sentence in COMMANDS.items():
            self.add_command(TyperCommand(name, help=sentence))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments name, in place of its entry in the table."""
        name, entry, rest = super().resolve_command(ctx, args)
        return name, entry and _imported(str(name)), rest

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; what fails on purpose ends as one sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except CommandFailed as failure:
            typer.echo(f"goodcall {ctx.invoked_subcommand}: {visible(str(failure))}", err=True)
            raise typer.Exit(failure.exit_code) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def _imported(name: str) -> Any:
    command = getattr(import_module(f"goodcall.cli.{name}"), name)
    if not isinstance(command, typer.Typer):
        function, command = command, typer.Typer(add_completion=False, rich_markup_mode="markdown")
        command.command(name)(function)
    return get_command(command)


_app = typer.Typer(
    cls=_CommandsOnDemand,
    name="goodcall",
    help="Was this a good tool call? Rewards for tool-calling RL.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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

"""`goodcall-train`: the commands. Each stands in the `command` module of its package.

Exit codes: 0 done, 1 a threshold was missed, 2 usage, 3 the service or the environment, 130 interrupted. Nothing
heavy is imported before a command needs it.
"""

from typing import Annotated

import typer

from goodcall_trainer import __version__
from goodcall_trainer.demo.command import demo
from goodcall_trainer.evaluation.command import evaluate
from goodcall_trainer.launch.command import accelerate_config
from goodcall_trainer.prepare.command import prepare
from goodcall_trainer.recipe.command import recipes
from goodcall_trainer.reporting.command import compare, report
from goodcall_trainer.training.command import grpo, sft

app = typer.Typer(
    name="goodcall-train",
    help="Trains tool-calling policies on rewards from a Goodcall service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (prepare, sft, grpo, evaluate, report, compare, accelerate_config, demo):
    app.command()(command)
app.add_typer(recipes)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    """Trains tool-calling policies on rewards from a Goodcall service."""
    if version:
        typer.echo(f"goodcall-train {__version__}")
        raise typer.Exit


def main() -> None:
    """The console script."""
    app()

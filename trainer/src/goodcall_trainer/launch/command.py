"""`goodcall-train accelerate-config`: where a shipped configuration lies, for `accelerate launch --config_file`."""

from difflib import get_close_matches
from typing import Annotated

import typer

from goodcall_trainer.launch.configs import CONFIGS, config_path

_NAMES = "; ".join(f"{name}: {what}" for name, what in CONFIGS.items())


def accelerate_config(name: Annotated[str, typer.Argument(help=f"{_NAMES}.")]) -> None:
    """Print the path of a configuration for `accelerate launch --config_file`."""
    if name not in CONFIGS:
        (nearest,) = get_close_matches(name, CONFIGS, n=1, cutoff=0.0)
        raise typer.BadParameter(f"there is none of this name; is {nearest} meant? They are {', '.join(CONFIGS)}.")
    typer.echo(config_path(name))

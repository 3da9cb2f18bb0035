"""`goodcall-train grpo` and `goodcall-train sft`: their options, and what their ends mean.

Exit codes: 0 done, 1 a guard stopped the run, 2 usage, 3 the service or the environment, 130 interrupted. Nothing
heavy is imported before a command runs.
"""

import json
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from goodcall_client import GoodcallError, UnknownReward
from goodcall_trainer.environment import read_environment
from goodcall_trainer.launch import ending_together
from goodcall_trainer.recipe.layers import read_layers
from goodcall_trainer.recipe.settings import recipe_of
from goodcall_trainer.recipe.unusable import RecipeUnusable
from goodcall_trainer.run.folder import RunFolder
from goodcall_trainer.run.record import stopped
from goodcall_trainer.run.stop import ENVIRONMENT, INTERRUPTED, USAGE, RunStopped
from goodcall_trainer.service_process import ServiceNotStarted
from goodcall_trainer.training.job import Job
from goodcall_trainer.training.service import service_for
from goodcall_trainer.vllm_logs import quieten_vllm

_NO_SCORES = (
    "Training stopped; no reward was made up. When the service is back, the same command goes on from the newest "
    "checkpoint."
)

RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A shipped recipe (`goodcall-train recipes`), or a TOML file.")
]
Out = Annotated[Path | None, typer.Option(help="The run's folder. [default: runs/RECIPE]", show_default=False)]
Url = Annotated[str | None, typer.Option(help="A running service; without it, one is started.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Overrides the recipe, any number of times."),
]
Data = Annotated[list[str] | None, typer.Option(metavar="FILE", help="Rows to train on, instead of the recipe's.")]
Model = Annotated[str | None, typer.Option(metavar="DIR", help="The policy's weights, instead of the recipe's.")]
Resume = Annotated[bool, typer.Option(help="Go on from the newest complete checkpoint in --out.")]
WorldSize = Annotated[int | None, typer.Option(min=1, help="Stop unless there are so many processes.")]


def grpo(  # noqa: PLR0913 - one parameter an option
    recipe: RecipeArgument,
    *,
    out: Out = None,
    url: Url = None,
    settings: Set = None,
    data: Data = None,
    model: Model = None,
    resume: Resume = True,
    expect_world_size: WorldSize = None,
    allow_reward_change: Annotated[
        bool, typer.Option("--allow-reward-change", help="Go on although the reward is another one now.")
    ] = False,
    mask_unavailable: Annotated[
        bool, typer.Option("--mask-unavailable", help="Train on without what the service did not judge in time.")
    ] = False,
) -> None:
    """Train a policy by GRPO or RLOO, as the recipe says, on rewards from a service. Restarted, it goes on."""
    console = Console(stderr=True)
    with _failures_explained(console, _folder(recipe, out)):
        job = _job(recipe, out, _settings(settings, data, model), algorithms=("grpo", "rloo"))
        job = replace(
            job,
            url=url,
            resume=resume,
            world_size=expect_world_size,
            allow_reward_change=allow_reward_change,
            mask_unavailable=mask_unavailable,
        )
        job.out.mkdir(parents=True, exist_ok=True)
        _let_threads_sleep()
        # The service starts first: it is ready by the time that torch is imported.
        with ending_together(job.environment), service_for(job) as service_url:
            _quieten()
            from goodcall_trainer.recipe.keys import check_trl_keys  # noqa: PLC0415 - takes seconds
            from goodcall_trainer.training.grpo import train_grpo  # noqa: PLC0415 - takes seconds

            check_trl_keys(job.layers, job.recipe)
            train_grpo(job, service_url, console)


def sft(
    recipe: RecipeArgument,
    *,
    out: Out = None,
    settings: Set = None,
    data: Data = None,
    model: Model = None,
    resume: Resume = True,
    expect_world_size: WorldSize = None,
) -> None:
    """Train a policy on demonstrations, as the recipe says. Restarted, it goes on."""
    console = Console(stderr=True)
    with _failures_explained(console, _folder(recipe, out)):
        job = _job(recipe, out, _settings(settings, data, model), algorithms=("sft",))
        job = replace(job, resume=resume, world_size=expect_world_size)
        job.out.mkdir(parents=True, exist_ok=True)
        _let_threads_sleep()
        with ending_together(job.environment):
            _quieten()
            from goodcall_trainer.recipe.keys import check_trl_keys  # noqa: PLC0415 - takes seconds
            from goodcall_trainer.training.sft import train_sft  # noqa: PLC0415 - takes seconds

            check_trl_keys(job.layers, job.recipe)
            train_sft(job, console)


def _job(name: str, out: Path | None, settings: tuple[str, ...], *, algorithms: tuple[str, ...]) -> Job:
    layers = read_layers(name, settings)
    recipe = recipe_of(layers)
    if recipe.algorithm not in algorithms:
        command = "sft" if recipe.algorithm == "sft" else "grpo"
        raise RecipeUnusable(f"{recipe.name} is a recipe for {recipe.algorithm}: `goodcall-train {command} {name}`")
    return Job(recipe=recipe, layers=layers, out=_folder(name, out), environment=read_environment())


def _folder(recipe: str, out: Path | None) -> Path:
    return out or Path("runs") / Path(recipe).stem


def _settings(settings: list[str] | None, data: list[str] | None, model: str | None) -> tuple[str, ...]:
    """All that overrides the recipe, as settings; what --data and --model name takes the place of what is made up."""
    named = [f"data.files={json.dumps(data, ensure_ascii=False)}", "data.made_up_rows=0"] if data else []
    if model is not None:
        named += [f"model.path={json.dumps(model, ensure_ascii=False)}", "model.made_up=false"]
    return (*named, *(settings or ()))


@contextmanager
def _failures_explained(console: Console, out: Path) -> Iterator[None]:
    """Turns what may go wrong into one message and an exit code; signals end the block like Ctrl-C does."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        _fail(console, out, f"interrupted; the same command goes on from the newest checkpoint in {out}", INTERRUPTED)
    except (RecipeUnusable, UnknownReward) as error:
        _fail(console, out, str(error), USAGE)
    except RunStopped as error:
        _fail(console, out, str(error), error.exit_code)
    except ServiceNotStarted as error:
        _fail(console, out, str(error), ENVIRONMENT)
    except GoodcallError as error:
        _fail(console, out, f"{error}\n{_NO_SCORES}", ENVIRONMENT)
    except OSError as error:
        hint = f"; is {out} writable?" if error.filename else ""
        _fail(console, out, f"{error}{hint}", ENVIRONMENT)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    del signum, frame
    raise KeyboardInterrupt


def _fail(console: Console, out: Path, message: str, code: int) -> NoReturn:
    environment = read_environment()
    process = "" if environment.world_size == 1 else f"[rank {environment.rank}] "
    console.print(f"goodcall-train: {process}{message}", style="red", markup=False, highlight=False, soft_wrap=True)
    if environment.first:
        _write_down(RunFolder(out), message)
    raise typer.Exit(code)


def _write_down(folder: RunFolder, reason: str) -> None:
    try:
        stopped(folder, reason)
    except (OSError, RunStopped):
        logging.getLogger(__name__).warning("the reason could not be written to %s", folder.record)


def _let_threads_sleep() -> None:
    """OpenMP threads that wait spin otherwise, which makes a small training several times slower where others use the
    cores as well. It is read when torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _quieten() -> None:
    """Leaves the terminal to the run; errors still show."""
    import datasets  # noqa: PLC0415 - takes seconds
    import transformers  # noqa: PLC0415 - takes seconds

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.getLogger("trl").setLevel(logging.ERROR)
    quieten_vllm()

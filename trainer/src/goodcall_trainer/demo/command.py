"""`goodcall-train demo`: its options, and what its ends mean.

Exit codes: 0 done, 1 a threshold was missed, 2 usage, 3 the service or the environment, 130 interrupted. Nothing
heavy is imported before the command runs.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from goodcall_client import Client, GoodcallError, UnknownReward
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.service_process import ServiceNotStarted, service_command, service_process

MISSED, USAGE, ENVIRONMENT, INTERRUPTED = 1, 2, 3, 130
DEFAULTS = DemoConfig()


def demo(  # noqa: PLR0913 - one parameter an option
    *,
    seed: Annotated[int, typer.Option(min=0, help="Seeds the tasks, the flaws, the weights and all sampling.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for report, metrics and checkpoints.")] = DEFAULTS.out,
    url: Annotated[str | None, typer.Option(help="A running service; without it, one is started.")] = None,
    reward: Annotated[str, typer.Option(help="The reward to train on, as family/variant@version.")] = DEFAULTS.reward,
    deadline_s: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for an answer of the service, with retries.")
    ] = DEFAULTS.deadline_s,
    sft_steps: Annotated[int, typer.Option(min=1, help="Steps of the warm-up.")] = DEFAULTS.sft_steps,
    grpo_steps: Annotated[int, typer.Option(min=1, help="Steps of GRPO.")] = DEFAULTS.grpo_steps,
    heldout_rows: Annotated[int, typer.Option(min=20, help="Held-out queries.")] = DEFAULTS.heldout_rows,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads for torch. [default: the cores, 4 at most]")
    ] = None,
    require_greedy_rise: Annotated[
        float | None, typer.Option(help="Exit with 1 if greedy held-out accuracy rises by less.")
    ] = None,
    require_sampled_rise: Annotated[
        float | None, typer.Option(help="Exit with 1 if sampled held-out accuracy rises by less.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on standard output.")] = False,
) -> None:
    """Train a small policy against the service, measure it before and after, and write a report.

    Takes about four minutes on two cores, and downloads nothing.
    """
    config = DemoConfig(
        seed=seed,
        out=out,
        url=_checked(url),
        reward=reward,
        deadline_s=deadline_s,
        sft_steps=sft_steps,
        grpo_steps=grpo_steps,
        heldout_rows=heldout_rows,
        threads=threads,
    )
    console = Console(stderr=json_output)
    started = time.perf_counter()
    with _failures_explained(config, console):
        out.mkdir(parents=True, exist_ok=True)
        # The service starts first: it is ready by the time that torch is imported.
        with _service(config) as service_url:
            # Read when torch is loaded. OpenMP threads that wait spin otherwise, which makes a training this small
            # several times slower where others use the cores as well.
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
            from goodcall_trainer.demo.outcome import summarise  # noqa: PLC0415
            from goodcall_trainer.demo.run import run_demo  # noqa: PLC0415 - takes seconds

            outcome = run_demo(config, service_url, console, started=started)
    if json_output:
        typer.echo(json.dumps(summarise(outcome)))
    for rise, required in ((outcome.greedy_rise, require_greedy_rise), (outcome.sampled_rise, require_sampled_rise)):
        if required is not None and rise < required:
            console.print(f"[red]missed[/red]: a rise of {rise:+.3f}, where {required:+.3f} is required")
            raise typer.Exit(MISSED)


@contextmanager
def _service(config: DemoConfig) -> Iterator[str]:
    """The URL of a service that answers: the one that was named, or one that lives as long as the block."""
    if config.url is not None:
        with Client(config.url) as client:
            client.wait_until_ready(deadline_s=config.deadline_s)
        yield config.url
    else:
        with service_process(service_command(), config.out / "service.log") as url:
            yield url


@contextmanager
def _failures_explained(config: DemoConfig, console: Console) -> Iterator[None]:
    """Turns what may go wrong into one message and an exit code; signals end the block like Ctrl-C does."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        _fail(console, f"interrupted; what there is lies in {config.out}", INTERRUPTED)
    except UnknownReward as error:
        _fail(console, str(error), USAGE)
    except ServiceNotStarted as error:
        _fail(console, str(error), ENVIRONMENT)
    except GoodcallError as error:
        kept = _newest_checkpoint(config.out)
        _fail(console, f"{error}\nTraining stopped; no reward was made up. {kept}", ENVIRONMENT)
    except OSError as error:
        _fail(console, f"{error}; is {config.out} writable?", ENVIRONMENT)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    del signum, frame
    raise KeyboardInterrupt


def _fail(console: Console, message: str, code: int) -> NoReturn:
    console.print(f"goodcall-train: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def _newest_checkpoint(out: Path) -> str:
    saved = [path for path in (out / "warm-up", *(out / "checkpoints").glob("checkpoint-*")) if path.exists()]
    if not saved:
        return "Nothing was saved yet."
    return f"The newest checkpoint is {max(saved, key=lambda path: path.stat().st_mtime)}."


def _checked(url: str | None) -> str | None:
    """Refuses now what the client would refuse later."""
    if url is not None:
        try:
            Client(url).close()
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--url") from None
    return url

"""`goodcall-train evaluate`: its options, and what its ends mean.

Exit codes: 0 done, 1 a score was lower than required, 2 usage, 3 the policy, the endpoint, the service or the
environment, 130 interrupted. Nothing heavy is imported before the command runs.
"""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from goodcall_client import Client, GoodcallError
from goodcall_trainer.environment import read_environment
from goodcall_trainer.evaluation.answers import AnswersUnusable
from goodcall_trainer.evaluation.engine import Engine, Prompt
from goodcall_trainer.evaluation.failures import CheckpointUnusable, EndpointFailed
from goodcall_trainer.evaluation.options import (
    Requirement,
    check_endpoint_url,
    check_folder,
    is_url,
    read_asked,
    read_requirements,
)
from goodcall_trainer.evaluation.questions import BenchmarkUnusable
from goodcall_trainer.evaluation.result import Result
from goodcall_trainer.evaluation.run import Evaluation, run
from goodcall_trainer.evaluation.settings import SettingsDiffer
from goodcall_trainer.evaluation.table import notes, tables
from goodcall_trainer.service_process import ServiceNotStarted, service_command, service_process

MISSED, USAGE, ENVIRONMENT, INTERRUPTED = 1, 2, 3, 130
_PLAIN_WIDTH = 120
"""Columns where there is no terminal."""


class EngineName(StrEnum):
    """What runs a checkpoint."""

    TRANSFORMERS = "transformers"
    VLLM = "vllm"


class Dtype(StrEnum):
    """What weights are loaded as."""

    AUTO = "auto"
    """As they were saved."""
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Everything that decides how answers are made."""

    target: str
    model: str | None
    tokenizer: Path | None
    engine: EngineName
    prompt: Prompt
    max_tokens: int
    batch_size: int
    dtype: Dtype
    concurrency: int
    answer_deadline_s: float


def evaluate(  # noqa: PLR0913 - one parameter an option
    *,
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_URL",
            help="A folder with weights as safetensors, or the URL of an OpenAI-compatible endpoint, up to its /v1.",
            show_default=False,
        ),
    ],
    benchmark: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=PLACE",
            help="What to ask, any number of times: bfcl=FOLDER or apibank=FOLDER, as they are published.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for answers and result; one that was begun goes on.", show_default=False)
    ],
    model: Annotated[str | None, typer.Option(help="The model's name at the endpoint.")] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            help="Renders prompts here, by this folder's chat template, for the endpoint's plain completions."
        ),
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="What runs a checkpoint.")] = EngineName.TRANSFORMERS,
    prompt: Annotated[
        Prompt,
        typer.Option(
            help="paper: Tool-N1's system message; chat-template: the tools as the template, or the server, lists "
            "them; signatures: as policies made on the spot were trained."
        ),
    ] = Prompt.PAPER,
    categories: Annotated[
        str | None, typer.Option(help="Only these, with commas between them. [default: all that are judged]")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many questions of each category.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="The longest answer, in tokens.")] = 4096,
    batch_size: Annotated[int, typer.Option(min=1, help="Questions at a time, of a checkpoint by transformers.")] = 16,
    dtype: Annotated[
        Dtype, typer.Option(help="What a checkpoint's weights are loaded as; auto as they were saved.")
    ] = Dtype.AUTO,
    concurrency: Annotated[int, typer.Option(min=1, help="Questions under way at an endpoint.")] = 16,
    answer_deadline_s: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for one answer of an endpoint, with retries.")
    ] = 600.0,
    url: Annotated[str | None, typer.Option(help="A running service; without it, one is started.")] = None,
    deadline_s: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for the verdicts of the service, with retries.")
    ] = 120.0,
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="SCORE=LEAST", help="Exit with 1 if a score is lower: bfcl.overall=0.5, for example."),
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Ask a policy the questions of BFCL and API-Bank, have the service judge the answers, and compare.

    Every answer is kept as it comes; the same command goes on where it was stopped, and ends with the same result.
    """
    asked = read_asked(benchmark, categories)
    requirements = read_requirements(require or [], asked)
    asking = Asking(
        target=target,
        model=model,
        tokenizer=tokenizer,
        engine=engine,
        prompt=prompt,
        max_tokens=max_tokens,
        batch_size=batch_size,
        dtype=dtype,
        concurrency=concurrency,
        answer_deadline_s=answer_deadline_s,
    )
    _check(asking)
    service_url = _checked(url)
    console, errors = Console(stderr=json_output), Console(stderr=True)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    with _failures_explained(errors, out):
        evaluation = Evaluation(
            benchmarks=[one.read() for one in asked], engine=_engine(asking, _teller(errors)), out=out, limit=limit
        )
        out.mkdir(parents=True, exist_ok=True)
        with _service(service_url, out, deadline_s) as client, _progress(errors, len(evaluation.questions())) as show:
            result = run(evaluation, client, show)
    if json_output:
        typer.echo(json.dumps(result.as_json()))
    _show(console, result, out)
    _require(errors, requirements, result)


def _check(asking: Asking) -> None:
    """Refuses options that have no meaning together."""
    if not is_url(asking.target):
        check_folder(asking.target)
        for name, value in (("--model", asking.model), ("--tokenizer", asking.tokenizer)):
            if value is not None:
                raise typer.BadParameter("is for endpoints; a folder was named", param_hint=name)
        return
    check_endpoint_url(asking.target)
    if asking.model is None:
        raise typer.BadParameter("an endpoint needs the name of a model there", param_hint="--model")
    if asking.prompt is Prompt.SIGNATURES and asking.tokenizer is None:
        raise typer.BadParameter("signatures are rendered here, which needs --tokenizer", param_hint="--prompt")


def _teller(console: Console) -> Callable[[str], None]:
    """Tells people what goes on while they wait."""
    return lambda text: console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _engine(asking: Asking, notice: Callable[[str], None]) -> Engine:
    """What answers, not loaded yet."""
    if is_url(asking.target):
        return _endpoint(asking, notice)
    folder, prompt = Path(asking.target), asking.prompt
    if asking.engine is EngineName.VLLM:
        from goodcall_trainer.evaluation.vllm_engine import VllmEngine  # noqa: PLC0415 - takes seconds

        return VllmEngine(folder, prompt=prompt, max_tokens=asking.max_tokens, dtype=asking.dtype.value)
    import transformers  # noqa: PLC0415 - takes seconds

    from goodcall_trainer.evaluation.checkpoint import TransformersEngine  # noqa: PLC0415

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return TransformersEngine(
        folder,
        prompt=prompt,
        max_tokens=asking.max_tokens,
        batch_size=asking.batch_size,
        dtype=asking.dtype.value,
        notice=notice,
    )


def _endpoint(asking: Asking, notice: Callable[[str], None]) -> Engine:
    from goodcall_trainer.evaluation.endpoint import (  # noqa: PLC0415
        Endpoint,
        EndpointEngine,
        chat_form,
        completions_form,
    )

    prompt = asking.prompt
    endpoint = Endpoint(
        url=asking.target,
        model=asking.model or "",
        concurrency=asking.concurrency,
        deadline_s=asking.answer_deadline_s,
        api_key=read_environment().endpoint_api_key,
    )
    if asking.tokenizer is None:
        return EndpointEngine(endpoint, chat_form(prompt), prompt=prompt, max_tokens=asking.max_tokens, notice=notice)
    from goodcall_trainer.evaluation.prompts import load_tokenizer, rendering_for  # noqa: PLC0415 - takes seconds

    rendering = rendering_for(prompt, load_tokenizer(asking.tokenizer))
    return EndpointEngine(
        endpoint,
        completions_form(rendering.render),
        prompt=prompt,
        max_tokens=asking.max_tokens,
        assistant_prefix=rendering.assistant_prefix,
        notice=notice,
    )


@contextmanager
def _service(url: str | None, out: Path, deadline_s: float) -> Iterator[Client]:
    """A client of the service that was named, or of one that lives as long as the block."""
    api_key = read_environment().api_key
    if url is not None:
        with Client(url, api_key=api_key, deadline_s=deadline_s) as client:
            client.wait_until_ready(deadline_s=deadline_s)
            yield client
    else:
        with (
            service_process(service_command(), out / "service.log") as started,
            Client(started, deadline_s=deadline_s) as client,
        ):
            yield client


@contextmanager
def _progress(console: Console, questions: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("answers"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("answers", total=questions)
        yield lambda answered: progress.update(task, completed=answered)


def _show(console: Console, result: Result, out: Path) -> None:
    for table in tables(result):
        console.print(table)
    for note in notes(result):
        console.print(note, highlight=False, soft_wrap=True)
    console.print(f"{out / 'result.json'} has all of it, verdicts.jsonl every verdict", highlight=False, soft_wrap=True)


def _require(console: Console, requirements: list[Requirement], result: Result) -> None:
    missed = [message for requirement in requirements if (message := requirement.missed_by(result))]
    for message in missed:
        console.print(f"[red]missed[/red]: {message}", highlight=False, soft_wrap=True)
    if missed:
        raise typer.Exit(MISSED)


@contextmanager
def _failures_explained(console: Console, out: Path) -> Iterator[None]:
    """Turns what may go wrong into one message and an exit code; signals end the block like Ctrl-C does."""
    before = {ending: signal.signal(ending, _interrupt) for ending in (signal.SIGINT, signal.SIGTERM)}
    kept = f"What was answered is in {out}; the same command goes on."
    try:
        yield
    except KeyboardInterrupt:
        _fail(console, f"interrupted. {kept}", INTERRUPTED)
    except (SettingsDiffer, AnswersUnusable) as error:
        _fail(console, str(error), USAGE)
    except (BenchmarkUnusable, CheckpointUnusable, ServiceNotStarted) as error:
        _fail(console, str(error), ENVIRONMENT)
    except EndpointFailed as error:
        _fail(console, f"{error}\nStopped; no question was counted as wrong. {kept}", ENVIRONMENT)
    except GoodcallError as error:
        _fail(console, f"{error}\nNo verdict was made up. {kept}", ENVIRONMENT)
    except OSError as error:
        _fail(console, f"{error}; is {out} writable?", ENVIRONMENT)
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    del signum, frame
    raise KeyboardInterrupt


def _fail(console: Console, message: str, code: int) -> NoReturn:
    console.print(f"goodcall-train: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def _checked(url: str | None) -> str | None:
    """Refuses now what the client would refuse later."""
    if url is not None:
        try:
            Client(url).close()
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--url") from None
    return url

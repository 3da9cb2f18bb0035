# ruff: noqa: INP001
"""The whole way on one GPU, without a network: a policy from scratch, demonstrations, GRPO on verdicts of a service.

    python trainer/gpu_check [--out DIR] [--url URL] [--set TABLE.KEY=VALUE …]

Needs `goodcall` (or --url), `goodcall-client` and `goodcall-trainer` installed, and a torch that sees a GPU. Takes some
three minutes on an H100. It makes a Qwen3 of 114 million parameters with a tokenizer of its own, trains it on
demonstrations that are flawed on purpose, then by GRPO, both by the commands' own code and the recipes beside this
file, and prints a table in Markdown: tokens a second of generation and of learning, what of the steps was waiting for
rewards, GPU memory, and accuracy on held-out tasks. `--small` does the same with a policy of a hundred thousand
parameters in a quarter of a minute on a CPU, to test the script itself; its figures mean nothing.
"""

import argparse
import gc
import platform
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers
import trl
from rich.console import Console
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from goodcall_trainer.demo.policy import train_tokenizer
from goodcall_trainer.environment import read_environment
from goodcall_trainer.prompt import render_prompt
from goodcall_trainer.recipe.layers import read_layers
from goodcall_trainer.recipe.settings import recipe_of
from goodcall_trainer.run.folder import RunFolder
from goodcall_trainer.training.examples import examples_of
from goodcall_trainer.training.grpo import train_grpo
from goodcall_trainer.training.job import Job
from goodcall_trainer.training.service import service_for
from goodcall_trainer.training.sft import train_sft

HERE = Path(__file__).parent
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the check is."""

    layers: int
    width: int
    settings: Mapping[str, tuple[str, ...]]
    """For each recipe, what stands over it."""


FULL = Size(layers=12, width=768, settings={"sft": (), "grpo": ()})
_ON_A_CPU = ("use_cpu=true", "bf16=false")
_SMALL_SFT = ("max_steps=4", "per_device_train_batch_size=8", "warmup_steps=1", *_ON_A_CPU)
_SMALL_GRPO = (
    *("max_steps=4", "per_device_train_batch_size=8", "steps_per_generation=2", "num_generations=4"),
    *("max_completion_length=8", "eval_steps=4", "save_steps=4", *_ON_A_CPU),
)
_FEW_ROWS = ("data.made_up_rows=64", "data.heldout_rows=8")
SMALL = Size(
    layers=1,
    width=64,
    settings={
        "sft": (*_FEW_ROWS, *(f"sft.{setting}" for setting in _SMALL_SFT)),
        "grpo": (*_FEW_ROWS, *(f"grpo.{setting}" for setting in _SMALL_GRPO)),
    },
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the check and prints its table; exits with 2 where there is no GPU and none was done without."""
    options = _options(arguments)
    if not (options.small or torch.cuda.is_available()):
        sys.exit("gpu_check: torch sees no GPU here; --small runs a tiny version of the check on the CPU")
    size = SMALL if options.small else FULL
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    console = Console(stderr=True)
    sft = _job("sft", options, size, model=options.out / "untrained")
    grpo = _job("grpo", options, size, model=sft.folder.policy, settings=options.settings)
    parameters = make_policy(sft, size)
    console.print(f"[bold]policy[/bold]    Qwen3 of {parameters:,} parameters, from scratch", highlight=False)
    peaks_gib: dict[str, float] = {}
    with service_for(grpo) as url:
        with _peak_memory(peaks_gib, "sft"):
            train_sft(sft, console)
        with _peak_memory(peaks_gib, "grpo"):
            train_grpo(grpo, url, console)
    table = table_of(sft.folder, grpo.folder, parameters, peaks_gib)
    (options.out / "table.md").write_text(table, encoding="utf-8")
    sys.stdout.write(table)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu_check", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/gpu-check"), help="a new folder [%(default)s]")
    parser.add_argument("--url", help="a running service; without it, one is started")
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], help="over grpo.toml, any number of times"
    )
    parser.add_argument("--small", action="store_true", help="a tiny policy on the CPU, to see that the check works")
    options = parser.parse_args(arguments)
    if options.out.exists():
        parser.error(f"{options.out} is there already; a check begins at the beginning, so take another --out")
    return options


def _job(name: str, options: argparse.Namespace, size: Size, *, model: Path, settings: Sequence[str] = ()) -> Job:
    layers = read_layers(str(HERE / f"{name}.toml"), (f'model.path="{model}"', *size.settings[name], *settings))
    out = options.out / name
    out.mkdir(parents=True)
    return Job(recipe=recipe_of(layers), layers=layers, out=out, environment=read_environment(), url=options.url)


def make_policy(job: Job, size: Size) -> int:
    """Writes an untrained policy and its tokenizer to where the recipe looks for them; returns its parameters."""
    shown = [render_prompt(example.row) + (example.completion or "") for example in examples_of(job.recipe.data).train]
    tokenizer = train_tokenizer(shown)
    torch.manual_seed(job.recipe.data.seed)
    policy = Qwen3ForCausalLM(_config(tokenizer, size))
    policy.save_pretrained(str(job.recipe.model.path))
    tokenizer.save_pretrained(str(job.recipe.model.path))
    parameters: int = policy.num_parameters()
    return parameters


def _config(tokenizer: PreTrainedTokenizerFast, size: Size) -> Qwen3Config:
    heads = max(1, size.width // 64)
    return Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=size.width,
        intermediate_size=4 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=64,
        max_position_embeddings=512,
        # Without tied embeddings a policy takes far longer to learn to copy; see `demo.policy`.
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )


@contextmanager
def _peak_memory(peaks_gib: dict[str, float], phase: str) -> Iterator[None]:
    """Notes the most GPU memory that torch had allocated at once in the block."""
    if not torch.cuda.is_available():
        yield
        return
    gc.collect()
    torch.cuda.reset_peak_memory_stats()
    yield
    peaks_gib[phase] = torch.cuda.max_memory_allocated() / GIB


def table_of(sft: RunFolder, grpo: RunFolder, parameters: int, peaks_gib: Mapping[str, float]) -> str:
    """What the two runs' own metrics say, in Markdown. Medians leave out the first fifth of the steps."""
    shown, steps = sft.metrics(), grpo.metrics()
    rounds = [line for line in steps if "generation_s" in line]
    figures = {
        "policy": f"{parameters / 1e6:.0f} M parameters",
        "SFT, tokens a second": _number(_tokens_per_s(shown)),
        "SFT, seconds for its steps": f"{shown[-1]['time_s']:.0f} s, {len(shown)} steps",
        "SFT, GPU memory at its peak": _gib(peaks_gib.get("sft")),
        "generation, completion tokens a second": _number(
            _median(line["generation_tokens"] / line["generation_s"] for line in _later(rounds))
        ),
        "learning by GRPO, tokens a second": _number(_learning_tokens_per_s(_later(steps), rounds)),
        "GRPO, seconds for its steps": f"{sum(line['step_time'] for line in steps):.0f} s, {len(steps)} steps",
        "of that, generation": f"{sum(line['generation_s'] for line in rounds):.0f} s",
        "of that, waiting for rewards": f"{_wait_share(steps):.2%}",
        "longest wait for a round's rewards": f"{max(line['reward_wait_s'] for line in rounds) * 1e3:.2f} ms",
        "GRPO, GPU memory at its peak": _gib(peaks_gib.get("grpo")),
    }
    curve = {line["step"]: line["sampled"] for line in grpo.heldout()}
    lines = [
        _machine(),
        "",
        "| | |",
        "|---|---:|",
        *(f"| {name} | {value} |" for name, value in figures.items()),
        "",
        "| GRPO steps | held out, sampled |",
        "|---:|---:|",
        *(f"| {step} | {share:.3f} |" for step, share in curve.items()),
    ]
    return "\n".join(lines) + "\n"


def _later(lines: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    return lines[len(lines) // 5 :]


def _tokens_per_s(lines: Sequence[dict[str, Any]]) -> float:
    first, *_, last = _later(lines)
    tokens: float = last["num_tokens"] - first["num_tokens"]
    return tokens / float(last["time_s"] - first["time_s"])


def _learning_tokens_per_s(lines: Sequence[dict[str, Any]], rounds: Sequence[dict[str, Any]]) -> float:
    """By the steps without a generation. TRL counts the tokens of a round, prompts too, when it is made."""
    learning_s = statistics.median(line["step_time"] for line in lines if "generation_s" not in line)
    first, *_, last = rounds
    tokens: float = last["num_tokens"] - first["num_tokens"]
    return tokens / float(last["step"] - first["step"]) / float(learning_s)


def _wait_share(lines: Sequence[dict[str, Any]]) -> float:
    waited: float = sum(line["reward_wait_s"] for line in lines)
    return waited / float(sum(line["step_time"] for line in lines))


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _gib(value: float | None) -> str:
    return "no GPU" if value is None else f"{value:.1f} GiB"


def _machine() -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    versions = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "TRL": trl.__version__,
        "Python": platform.python_version(),
    }
    return ", ".join([device, *(f"{name} {version}" for name, version in versions.items())])


if __name__ == "__main__":
    main()

"""The demo, top to bottom: tasks, tokenizer, policy, warm-up, GRPO on the service's rewards, report.

The main job in small. Everything is made on the spot, so nothing is downloaded and the run needs no GPU. What it
shows is that the loop closes: rollouts go to a live service, its verdicts come back as rewards, and the policy gets
better at what they measure. What it does not show is in the report.
"""

import json
import logging
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import torch
import transformers
from rich.console import Console
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from goodcall_client import Client
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.demonstrations import Demonstration, demonstrate
from goodcall_trainer.demo.evaluate import Evaluation, evaluate
from goodcall_trainer.demo.generate import Splits, generate_splits
from goodcall_trainer.demo.grpo import Metrics, train_grpo
from goodcall_trainer.demo.outcome import Outcome, summarise
from goodcall_trainer.demo.policy import build_policy, train_tokenizer
from goodcall_trainer.demo.report import render_report
from goodcall_trainer.demo.sft import warm_up
from goodcall_trainer.demo.terminal import closing_lines, progress_bar, results_table
from goodcall_trainer.metrics import LogMetrics, metrics_file

WARM_UP, CHECKPOINTS, POLICY = "warm-up", "checkpoints", "policy"
"""Folders of weights under `DemoConfig.out`: before GRPO, during it, and after it."""


def run_demo(config: DemoConfig, url: str, console: Console, *, started: float) -> Outcome:
    """Trains and measures a policy against the service at `url`, and writes everything to `config.out`.

    `started` is the reading of `time.perf_counter` at the start of the program: the service's start and the imports
    are a phase, too.

    Raises:
        GoodcallError: The service gave no verdicts until its deadline. Checkpoints and metrics up to there remain.
    """
    _quieten_libraries()
    _remove_earlier(config)
    torch.set_num_threads(config.threads or min(4, torch.get_num_threads()))
    with Client(url, deadline_s=config.deadline_s) as client, metrics_file(config.out / "metrics.jsonl") as log:
        run = _Run(config=config, url=url, console=console, client=client, log=log)
        run.seconds["start-up"] = time.perf_counter() - started
        with run.phase("tasks"):
            splits, demonstrations = _make_tasks(run)
        with run.phase("warm-up"):
            policy, tokenizer = _warm_up(run, demonstrations)
        with run.phase("grpo"):
            _grpo(run, policy, tokenizer, splits)
        policy.save_pretrained(config.out / POLICY)
        tokenizer.save_pretrained(config.out / POLICY)
        return _report(run, policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What every phase needs, and what the phases find."""

    config: DemoConfig
    url: str
    console: Console
    client: Client
    log: LogMetrics
    evaluations: list[Evaluation] = field(default_factory=list)
    rewards: list[tuple[int, float]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def say(self, label: str, text: str) -> None:
        self.console.print(f"[bold]{label:<9}[/bold] {text}", highlight=False)


def _make_tasks(run: _Run) -> tuple[Splits, list[Demonstration]]:
    config = run.config
    # Asked for nothing, the service still says which reward it is: an unknown one shows before any training.
    digest = run.client.score([], reward=config.reward).digest
    run.say("service", f"{run.url}, reward {config.reward} {digest[:19]}…")
    splits = generate_splits(seed=config.seed, sft=config.sft_rows, grpo=config.grpo_rows, heldout=config.heldout_rows)
    rng = random.Random(config.seed)
    demonstrations = [
        demonstrate(row, habit_share=config.habit_share, slip_share=config.slip_share, rng=rng) for row in splits.sft
    ]
    flawed = sum(demonstration.flaw is not None for demonstration in demonstrations) / len(demonstrations)
    run.say(
        "tasks",
        f"{len(splits.sft)} demonstrations ({flawed:.0%} of them flawed on purpose), {len(splits.grpo)} for GRPO, "
        f"{len(splits.heldout)} held out",
    )
    return splits, demonstrations


def _warm_up(run: _Run, demonstrations: list[Demonstration]) -> tuple[Qwen3ForCausalLM, PreTrainedTokenizerFast]:
    tokenizer = train_tokenizer(d.prompt + d.completion for d in demonstrations)
    policy = build_policy(tokenizer, seed=run.config.seed)
    run.say("policy", f"Qwen3 of {policy.num_parameters():,} parameters, {len(tokenizer)} tokens, untrained")
    with progress_bar(run.console, "warm-up", run.config.sft_steps) as show:

        def on_step(step: int, loss: float) -> None:
            run.log("sft", step, loss=loss)
            show(step, f"loss {loss:.3f}")

        warm_up(policy, tokenizer, demonstrations, run.config, on_step)
    policy.save_pretrained(run.config.out / WARM_UP)
    tokenizer.save_pretrained(run.config.out / WARM_UP)
    return policy, tokenizer


def _grpo(run: _Run, policy: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, splits: Splits) -> None:
    config = run.config

    def measure(step: int) -> None:
        evaluation = evaluate(policy, tokenizer, splits.heldout, run.client, config, step=step)
        run.evaluations.append(evaluation)
        greedy, sampled = evaluation.greedy_accuracy, evaluation.sampled_accuracy
        run.log("heldout", step, greedy=greedy, sampled=sampled, sampled_reasons=evaluation.sampled_reasons)
        run.say(
            "held out",
            f"{'after' if step else 'before'} {step:>3} GRPO steps: greedy {greedy:.3f}, sampled {sampled:.3f}",
        )

    measure(0)
    with progress_bar(run.console, "GRPO", config.grpo_steps) as show:

        def on_step(step: int, metrics: Metrics) -> None:
            run.log("grpo", step, **metrics)
            reward = metrics.get("reward")
            if reward is not None:
                run.rewards.append((step, reward))
            show(step, f"reward {run.rewards[-1][1]:.2f}" if run.rewards else "")

        train_grpo(
            policy,
            tokenizer,
            splits.grpo,
            config,
            url=run.url,
            checkpoints=config.out / CHECKPOINTS,
            on_step=on_step,
            on_round=measure,
        )
    if run.evaluations[-1].step != config.grpo_steps:
        measure(config.grpo_steps)


def _report(run: _Run, policy: Qwen3ForCausalLM) -> Outcome:
    outcome = Outcome(
        config=run.config,
        parameters=policy.num_parameters(),
        evaluations=tuple(run.evaluations),
        training_rewards=tuple(run.rewards),
        seconds=dict(run.seconds),
    )
    out = run.config.out
    _write(out / "summary.json", json.dumps(summarise(outcome), indent=2) + "\n")
    _write(out / "report.html", render_report(outcome))
    run.console.print(results_table(outcome), *closing_lines(outcome), sep="\n", highlight=False, soft_wrap=True)
    run.say("report", f"{out / 'report.html'}; the policy is in {out / POLICY}")
    return outcome


def _remove_earlier(config: DemoConfig) -> None:
    """The weights of an earlier run, which must not pass for this one's; TRL would even prefer them to its own."""
    for folder in (WARM_UP, CHECKPOINTS, POLICY):
        shutil.rmtree(config.out / folder, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _quieten_libraries() -> None:
    """Leaves the terminal to the demo; errors still show."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.getLogger("trl").setLevel(logging.ERROR)

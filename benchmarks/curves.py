"""``python -m benchmarks.curves``: what two questions of the paper look like in the demo's small world.

Binary or partial rewards, and GRPO or supervised training for as long: five ways to go on from one and the same noisy
warm-up, each with several seeds. Accuracy is always exact match, by the default reward. Time is that of the
processor on one thread, without measuring, so that it means the same on a machine that does other work as well.
"""

import argparse
import copy
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import torch

from benchmarks.curves_document import Curve, Point, write
from goodcall_client import Client
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.demonstrations import Demonstration, demonstrate
from goodcall_trainer.demo.evaluate import evaluate
from goodcall_trainer.demo.generate import Splits, generate_splits
from goodcall_trainer.demo.grpo import train_grpo
from goodcall_trainer.demo.policy import build_policy, train_tokenizer
from goodcall_trainer.demo.sft import warm_up
from goodcall_trainer.row import Row
from goodcall_trainer.service_process import service_command, service_process

REWARDS = {
    "GRPO, binary": "tool_n1/hardened@1",
    "GRPO, partial": "tool_n1/partial_reason@1",
    "GRPO, partial with names": "tool_n1/partial_reason_name@1",
}
DATA = ("SFT, right answers", "SFT, the warm-up's mix")
MEASURED_TIMES = 6
"""Measurements of each way, after the one that all start with."""
SFT_LEARNING_RATE = 1.5e-3
"""A quarter of the warm-up's highest, which would undo a policy that is nearly right."""
_TIMED_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where all ways of a seed begin."""

    config: DemoConfig
    policy: Any
    tokenizer: Any
    splits: Splits
    noisy: Sequence[Demonstration]
    client: Client

    def measure(self, policy: Any, seconds: float) -> Point:
        """By exact match, whatever the policy is trained on."""
        found = evaluate(policy, self.tokenizer, self.splits.heldout, self.client, self.config, step=0)
        return Point(seconds=seconds, greedy=found.greedy_accuracy, sampled=found.sampled_accuracy)


class Stopwatch:
    """Seconds of the processor while it runs."""

    def __init__(self) -> None:
        self._began_at = time.process_time()
        self._paused_s = 0.0

    def seconds(self) -> float:
        """Since it was made, without pauses."""
        return time.process_time() - self._began_at - self._paused_s

    @contextmanager
    def paused(self) -> Iterator[float]:
        """Measuring is no training; yields the seconds so far."""
        began_at, seconds = time.process_time(), self.seconds()
        yield seconds
        self._paused_s += time.process_time() - began_at


def start(config: DemoConfig, client: Client) -> Start:
    """The demo's tasks and its policy after the warm-up."""
    splits = generate_splits(seed=config.seed, sft=config.sft_rows, grpo=config.grpo_rows, heldout=config.heldout_rows)
    noisy = _demonstrations(splits.sft, config)
    tokenizer = train_tokenizer(d.prompt + d.completion for d in noisy)
    policy = build_policy(tokenizer, seed=config.seed)
    warm_up(policy, tokenizer, noisy, config, _nothing)
    return Start(config=config, policy=policy, tokenizer=tokenizer, splits=splits, noisy=noisy, client=client)


def by_grpo(begin: Start, way: str, url: str) -> Curve:
    """GRPO on one of the rewards."""
    policy, config = copy.deepcopy(begin.policy), replace(begin.config, reward=REWARDS[way])
    points = [begin.measure(policy, 0.0)]
    watch = Stopwatch()

    def on_round(step: int) -> None:
        del step
        with watch.paused() as seconds:
            points.append(begin.measure(policy, seconds))

    with tempfile.TemporaryDirectory() as folder:
        train_grpo(
            policy,
            begin.tokenizer,
            begin.splits.grpo,
            config,
            url=url,
            checkpoints=Path(folder),
            on_step=_nothing,
            on_round=on_round,
        )
    return Curve(way=way, seed=config.seed, steps=config.grpo_steps, points=points)


def by_sft(begin: Start, way: str, demonstrations: Sequence[Demonstration], seconds: float) -> Curve:
    """Supervised training for so many seconds of the processor."""
    policy = copy.deepcopy(begin.policy)
    config = replace(begin.config, sft_learning_rate=SFT_LEARNING_RATE)
    steps = int(seconds / _step_seconds(begin, demonstrations))
    points = [begin.measure(policy, 0.0)]
    rounds = {steps * number // MEASURED_TIMES for number in range(1, MEASURED_TIMES + 1)}
    watch = Stopwatch()

    def on_step(step: int, loss: float) -> None:
        del loss
        if step in rounds:
            with watch.paused() as spent:
                points.append(begin.measure(policy, spent))

    warm_up(policy, begin.tokenizer, demonstrations, replace(config, sft_steps=steps), on_step)
    return Curve(way=way, seed=config.seed, steps=steps, points=points)


def _step_seconds(begin: Start, demonstrations: Sequence[Demonstration]) -> float:
    watch = Stopwatch()
    timed = replace(begin.config, sft_steps=_TIMED_STEPS)
    warm_up(copy.deepcopy(begin.policy), begin.tokenizer, demonstrations, timed, _nothing)
    return watch.seconds() / _TIMED_STEPS


def _demonstrations(rows: Iterable[Row], config: DemoConfig) -> list[Demonstration]:
    rng = random.Random(config.seed)
    return [demonstrate(row, habit_share=config.habit_share, slip_share=config.slip_share, rng=rng) for row in rows]


def _nothing(*_: object) -> None:
    """Where nobody wants to know."""


def curves(config: DemoConfig, url: str, say: Callable[[Curve], None]) -> Iterator[Curve]:
    """Every way of one seed, the supervised ones for as long as GRPO on binary rewards took."""
    with Client(url, deadline_s=config.deadline_s) as client:
        begin = start(config, client)
        found = []
        for way in REWARDS:
            found.append(by_grpo(begin, way, url))
            say(found[-1])
        seconds = found[0].points[-1].seconds
        right = _demonstrations(begin.splits.grpo, replace(config, habit_share=0.0, slip_share=0.0))
        for way, demonstrations in zip(DATA, (right, begin.noisy), strict=True):
            found.append(by_sft(begin, way, demonstrations, seconds))
            say(found[-1])
    yield from found


def main() -> None:
    """Trains everything, one after the other, and writes the page, its plot and the figures themselves."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curves", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--steps", type=int, default=DemoConfig().grpo_steps, help="of GRPO; as many sixths are measured"
    )
    parser.add_argument(
        "--into", type=Path, default=Path("docs"), help="folder of curves.md, curves.svg and curves.json"
    )
    parser.add_argument("--redraw", action="store_true", help="write the page from curves.json again")
    arguments = parser.parse_args()
    figures = arguments.into / "curves.json"
    if not arguments.redraw:
        found = _train(arguments.seeds, arguments.steps)
        figures.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    write(msgspec.json.decode(figures.read_bytes(), type=list[Curve]), arguments.into)


def _train(seeds: Sequence[int], steps: int) -> list[Curve]:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "service.log"
        with service_process(service_command(), log) as url:
            configs = [
                DemoConfig(seed=seed, grpo_steps=steps, evaluate_every=steps // MEASURED_TIMES) for seed in seeds
            ]
            return [curve for config in configs for curve in curves(config, url, _say)]


def _say(curve: Curve) -> None:
    last = curve.points[-1]
    sys.stdout.write(
        f"seed {curve.seed}  {curve.way:<26} {curve.steps:>5} steps  {last.seconds:6.1f} s  "
        f"greedy {last.greedy:.3f}  sampled {last.sampled:.3f}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()

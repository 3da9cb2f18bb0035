"""What share of a training step on this CPU is spent waiting for rewards: `python -m benchmarks.reward_wait`.

Each run is `goodcall-train grpo smoke-cpu` with a service of its own, on the same cores. Where several steps share a
round of rollouts, only the first of them asks for rewards: it alone is counted as a step, since the others would make
the median 0.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType

_COMMAND = (sys.executable, "-m", "goodcall_trainer", "grpo", "smoke-cpu")
_RUNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "`smoke-cpu` for 64 steps": ("grpo.max_steps=64",),
        "a round of rollouts for each step": ("grpo.max_steps=32", "grpo.steps_per_generation=1"),
        "the same with 256 completions": (
            "grpo.max_steps=16",
            "grpo.steps_per_generation=1",
            "grpo.per_device_train_batch_size=256",
        ),
    }
)
"""The demo's policy of 0.6 million parameters, in groups of 8, as the demo and `smoke-cpu` train it."""
_HEAD = (
    "| run | completions a round | steps with rewards | such a step, median | of it waiting, median "
    "| slowest tenth from | median share | share of the whole run |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Wait:
    """The steps of one run that asked for rewards, and the whole of it."""

    completions: int
    """In each round of rollouts."""
    steps_s: Sequence[float]
    waits_s: Sequence[float]
    run_s: float
    """All steps together, those without rewards included."""

    def as_row(self, name: str) -> str:
        """A line of the table."""
        shares = [wait / step for wait, step in zip(self.waits_s, self.steps_s, strict=True)]
        slow = sorted(self.waits_s)[-max(1, len(self.waits_s) // 10)]
        return (
            f"| {name} | {self.completions} | {len(self.steps_s)} | {median(self.steps_s):.2f} s "
            f"| {median(self.waits_s) * 1000:.1f} ms | {slow * 1000:.1f} ms | {median(shares):.2%} "
            f"| {sum(self.waits_s) / self.run_s:.2%} |"
        )


def measured(settings: Sequence[str]) -> Wait:
    """Trains once, in a folder that is deleted afterwards, and reads what the run wrote of itself."""
    with tempfile.TemporaryDirectory() as folder:
        options = [word for setting in (*settings, 'grpo.eval_strategy="no"') for word in ("--set", setting)]
        subprocess.run(  # noqa: S603 - our own command
            [*_COMMAND, "--out", folder, *options], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return read(Path(folder) / "metrics.jsonl")


def read(metrics: Path) -> Wait:
    """The waits in the `metrics.jsonl` of a run that asked for rewards at least once."""
    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    asked = [line for line in lines if "reasons" in line]
    return Wait(
        completions=sum(asked[0]["reasons"].values()),
        steps_s=[line["step_time"] for line in asked],
        waits_s=[line["reward_wait_s"] for line in asked],
        run_s=sum(line["step_time"] for line in lines),
    )


def main() -> None:
    sys.stdout.write("\n".join([_HEAD, *(measured(settings).as_row(name) for name, settings in _RUNS.items())]) + "\n")


if __name__ == "__main__":
    main()

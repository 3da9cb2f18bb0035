"""What a run shows and measures while it trains, beside what its guards write down."""

from collections.abc import Callable, Mapping
from typing import Any

from accelerate.utils import gather_object
from rich.console import Console
from rich.text import Text
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from goodcall_trainer.reward.tally import RewardTally, of_all_processes
from goodcall_trainer.run.folder import RunFolder

_SHOWN = ("reward", "loss", "completions/mean_length", "reward_wait_s", "step_time")
_SAMPLED = "eval_reward"
"""TRL's name for the mean reward of rollouts on held-out rows."""


class StepLines(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """A line a step on the terminal of the first process."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **_: Any
    ) -> None:
        del args, control
        if state.is_world_process_zero and "loss" in logs:
            values = " · ".join(f"{name} {logs[name]:.4g}" for name in _SHOWN if _is_number(logs.get(name)))
            self._console.print(
                f"step {state.global_step}/{state.max_steps}  {values}", highlight=False, markup=False, soft_wrap=True
            )


class HeldoutLog(TrainerCallback):  # type: ignore[misc]
    """Writes TRL's measurements on held-out rows to `heldout.jsonl`: rewards of rollouts sampled as in training."""

    def __init__(self, folder: RunFolder, *, rows: int, tally: RewardTally, console: Console) -> None:
        self._folder = folder
        self._rows = rows
        self._tally = tally
        self._console = console

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float],
        **_: Any,
    ) -> None:
        del args, control
        # Taken here, so that the next step's line counts its own rewards alone.
        counts = of_all_processes(gather_object([self._tally.take()]))
        sampled = metrics.get(_SAMPLED)
        if state.is_world_process_zero and _is_number(sampled):
            self._folder.append_heldout(
                state.global_step, sampled=sampled, greedy=None, rows=self._rows, reasons=dict(counts.reasons)
            )
            self._console.print(
                f"held out after step {state.global_step}: reward {sampled:.4g} on {self._rows} rows", highlight=False
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


Say = Callable[[str, str], None]
"""Tells the first process's terminal something, under a label."""


def speaker(console: Console, *, first: bool) -> Say:
    """`say(label, text)` for one process of a run: only the first speaks."""

    def say(label: str, text: str) -> None:
        if first:
            console.print(Text.assemble((f"{label:<9}", "bold"), " ", text), soft_wrap=True)

    return say

"""What a run of the demo found, as values: for the table, the report and `summary.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.evaluate import Evaluation

PACKAGES = ("goodcall-trainer", "goodcall-client", "torch", "transformers", "trl", "tokenizers", "datasets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished run."""

    config: DemoConfig
    parameters: int
    """Size of the policy."""
    evaluations: tuple[Evaluation, ...]
    """The first from before GRPO, the last from after it, and those between."""
    training_rewards: Sequence[tuple[int, float]]
    """Step, and the mean reward of the rollouts that it began with."""
    seconds: Mapping[str, float]
    """Wall time of each phase, in order."""

    @property
    def before(self) -> Evaluation:
        return self.evaluations[0]

    @property
    def after(self) -> Evaluation:
        return self.evaluations[-1]

    @property
    def greedy_rise(self) -> float:
        """In [-1, 1]."""
        return self.after.greedy_accuracy - self.before.greedy_accuracy

    @property
    def sampled_rise(self) -> float:
        """In [-1, 1]."""
        return self.after.sampled_accuracy - self.before.sampled_accuracy


def summarise(outcome: Outcome) -> dict[str, Any]:
    """The numbers of the final table and the whole configuration, as JSON values."""
    config = outcome.config
    settings = {name: getattr(config, name) for name in config.__dataclass_fields__}
    return {
        "seed": config.seed,
        "reward": config.reward,
        "digest": outcome.after.digest,
        "heldout": {
            "rows": config.heldout_rows,
            "greedy": _before_after(outcome.before.greedy_accuracy, outcome.after.greedy_accuracy),
            "sampled": _before_after(outcome.before.sampled_accuracy, outcome.after.sampled_accuracy),
        },
        "parameters": outcome.parameters,
        "seconds": {phase: round(seconds, 1) for phase, seconds in outcome.seconds.items()},
        "versions": package_versions(),
        "config": settings | {"out": str(config.out)},
    }


def package_versions() -> dict[str, str]:
    """Of the packages that decide the numbers."""
    return {package: version(package) for package in PACKAGES}


def _before_after(before: float, after: float) -> dict[str, float]:
    return {"before": round(before, 4), "after": round(after, 4), "rise": round(after - before, 4)}

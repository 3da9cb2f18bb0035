"""Every setting of the demo in one place. Values are read here and nowhere else; the environment is not read at all."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """One run of the demo.

    The defaults fit two CPU cores and a policy of 0.6 million parameters; a real policy wants other learning rates
    by orders of magnitude.
    """

    seed: int = 1
    """Seeds the tasks, the flaws, the initial weights and all sampling."""
    out: Path = Path("runs/demo")
    """Folder for the report, the metrics and the checkpoints; made if absent, its files are overwritten."""

    url: str | None = None
    """A running Goodcall service; None starts one and stops it at the end."""
    reward: str = "tool_n1/hardened@1"
    """The reward, as `family/variant@version`. Held-out accuracy is the share of completions that it scores 1."""
    deadline_s: float = 120.0
    """Seconds that one call to the service may take, with retries, before the run stops."""

    sft_rows: int = 6000
    """Tasks with a demonstration."""
    sft_steps: int = 450
    """Optimiser steps of the warm-up."""
    sft_batch_size: int = 32
    """Demonstrations per warm-up step."""
    sft_learning_rate: float = 6e-3
    """Highest learning rate of the warm-up; it rises over 30 steps, then falls along a cosine to a tenth."""
    habit_share: float = 0.7
    """Share of the demonstrations of a tool with a habit that show the habit, in [0, 1]."""
    slip_share: float = 0.5
    """Share of the other demonstrations that show a slip, in [0, 1]."""

    grpo_rows: int = 960
    """Tasks that GRPO draws its prompts from."""
    grpo_steps: int = 120
    """Optimiser steps of GRPO."""
    grpo_learning_rate: float = 5e-4
    """Learning rate at the start of GRPO; it falls linearly to 0. Held constant, it breaks a nearly right policy."""
    prompts_per_step: int = 8
    """Tasks per optimiser step."""
    group_size: int = 8
    """Completions per task: G in the GRPO paper, `num_generations` in TRL."""
    steps_per_rollout: int = 4
    """Optimiser steps that share one batch of rollouts; Tool-N1's release does four, too."""
    max_completion_tokens: int = 56
    """Longer completions are cut, and score 0 as they are not well formed."""

    heldout_rows: int = 256
    """Held-out tasks measured each time; the standard error of a share is at most 0.03 with 256."""
    evaluate_every: int = 20
    """GRPO steps between two measurements and checkpoints."""

    threads: int | None = None
    """CPU threads for torch; None takes the cores at hand, four at most, as more slow a policy this small down."""

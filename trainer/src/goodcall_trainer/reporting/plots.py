"""The figures that show metrics as they were logged: names, labels, and what is said where there are none."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure of metrics as they were logged."""

    name: str
    title: str
    y_label: str
    metrics: Mapping[str, str]
    """Names of curves, and the metric of each."""
    absent: str = "TRL logs it with every step of GRPO"
    """Ends the sentence "not logged; …"."""
    y_range: tuple[float | None, float | None] = (0, None)


ENTROPY = Plot(
    name="entropy",
    title="Entropy",
    y_label="nats per token",
    metrics={"entropy": "entropy"},
)
LENGTHS = Plot(
    name="lengths",
    title="Completion length",
    y_label="tokens",
    metrics={
        "mean": "completions/mean_length",
        "mean of those that ended": "completions/mean_terminated_length",
        "longest": "completions/max_length",
    },
)
CLIPPED = Plot(
    name="clipped",
    title="Completions cut off at the limit",
    y_label="share of completions",
    metrics={"clipped": "completions/clipped_ratio"},
)
EQUAL_GROUPS = Plot(
    name="equalgroups",
    title="Groups that teach nothing",
    y_label="share of groups",
    metrics={"all completions have one score": "frac_reward_zero_std"},
    y_range=(0, 1.02),
)
KL = Plot(
    name="kl",
    title="KL from the reference policy",
    y_label="nats per token",
    metrics={"KL": "kl"},
    absent="there is no reference policy while beta is 0",
)
GAP = Plot(
    name="gap",
    title="Gap between sampler and learner",
    y_label="difference of log-probabilities",
    metrics={"mean": "sampling/sampling_logp_difference/mean", "largest": "sampling/sampling_logp_difference/max"},
    absent="only vLLM samples apart from the learner",
)
RATIO = Plot(
    name="ratio",
    title="Importance ratio of learner to sampler",
    y_label="ratio",
    metrics={
        "mean": "sampling/importance_sampling_ratio/mean",
        "least": "sampling/importance_sampling_ratio/min",
        "largest": "sampling/importance_sampling_ratio/max",
    },
    absent="only vLLM samples apart from the learner",
)
CLIPS = Plot(
    name="clips",
    title="Tokens whose ratio was clipped",
    y_label="share of tokens",
    metrics={"below": "clip_ratio/low_mean", "above": "clip_ratio/high_mean"},
)
GRADIENT = Plot(
    name="gradient",
    title="Gradient norm",
    y_label="norm",
    metrics={"gradient norm": "grad_norm"},
    absent="TRL logs it with every step",
)
LOSS = Plot(
    name="loss",
    title="Loss",
    y_label="loss",
    metrics={"loss": "loss"},
    absent="TRL logs it with every step",
    y_range=(None, None),
)
RATE = Plot(
    name="rate",
    title="Learning rate",
    y_label="learning rate",
    metrics={"learning rate": "learning_rate"},
    absent="TRL logs it with every step",
)
ACCURACY = Plot(
    name="accuracy",
    title="Tokens of the demonstrations that are the likeliest",
    y_label="share of tokens",
    metrics={"accuracy": "mean_token_accuracy"},
    absent="TRL logs it with every step of supervised training",
    y_range=(None, 1.02),
)
STEP_TIME = Plot(
    name="steptime",
    title="Time of a step",
    y_label="seconds",
    metrics={
        "step": "step_time",
        "of it generation": "generation_s",
        "of it waiting for rewards": "reward_wait_s",
    },
    absent="TRL logs it with every step",
)
WAIT_SHARE = Plot(
    name="waitshare",
    title="Share of the step spent waiting for rewards",
    y_label="share of the step",
    metrics={"waiting": "reward_wait_share"},
    absent="the reward function logs it",
)
THROUGHPUT = Plot(
    name="throughput",
    title="Throughput",
    y_label="tokens per second",
    metrics={},
    absent="it needs num_tokens and time_s of two steps",
)
"""Of no metric of its own: see `goodcall_trainer.reporting.series.tokens_per_s`."""
GENERATION = Plot(
    name="generation",
    title="Speed of generation",
    y_label="tokens of completions per second",
    metrics={},
    absent="it needs generation_tokens and generation_s",
)
"""As well: see `goodcall_trainer.reporting.series.generated_per_s`."""
HACKING = Plot(
    name="hacking",
    title="Hacking alarm: released - hardened",
    y_label="difference of mean scores",
    metrics={},
    absent="no share of the completions was scored by the released reward too",
    y_range=(None, None),
)
"""As well: see `goodcall_trainer.reporting.series.hacking_gap`."""

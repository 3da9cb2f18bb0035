"""What somebody should look at first: each alert is one sentence with the numbers that it rests on."""

import math
from collections.abc import Iterator, Sequence

from goodcall_trainer.reporting.figures import reason_counts
from goodcall_trainer.reporting.run_log import Line, RunLog
from goodcall_trainer.reporting.series import Series, hacking_gap, logged, not_finite, series
from goodcall_trainer.reporting.words import listed

HACKING_RISE = 0.02
"""Rise of released - hardened from the first to the last tenth of the run that is an alarm, beyond its noise."""
GAP = 0.05
"""Mean difference of log-probabilities between sampler and learner that looks like stale weights."""
WAIT_SHARE = 0.05
"""Share of the step spent waiting for rewards that is worth a look."""
EQUAL_GROUPS = 0.9
CLIPPED = 0.2
_SHOWN_STEPS = 5


def alerts(log: RunLog) -> list[str]:
    """All that hold for the run, the gravest first."""
    return [
        *_not_finite(log),
        *_hacking(log),
        *_stale_weights(log),
        *_no_verdict(log),
        *_little_to_learn(log),
        *_slow(log),
    ]


def _not_finite(log: RunLog) -> Iterator[str]:
    for name, steps in not_finite(log.steps).items():
        at = f"step {steps[0]}" if len(steps) == 1 else f"{len(steps):,} steps: {listed(steps, _SHOWN_STEPS)}"
        yield f"{name} was NaN or infinite at {at}."


def _hacking(log: RunLog) -> Iterator[str]:
    gap = hacking_gap(log.steps)
    if not gap:
        return
    rise = gap.tail - gap.head
    if rise > max(HACKING_RISE, _noise(log.steps, gap)):
        yield (
            f"Reward hacking: released - hardened went from {gap.head:+.3f} to {gap.tail:+.3f}. The policy learns what "
            "only the released scorer pays."
        )


def _noise(lines: Sequence[Line], gap: Series) -> float:
    """Three standard errors of a difference between two tenths of the run, were the gap all chance."""
    judged = [count for line in lines if isinstance(count := logged(line, "hacking.judged"), int) and count > 0]
    in_a_tenth = max(1, sum(judged) // 10, min(judged, default=1))
    disagreeing = min(1.0, max(abs(gap.head), abs(gap.tail)))
    return 3.0 * math.sqrt(2 * disagreeing / in_a_tenth)


def _stale_weights(log: RunLog) -> Iterator[str]:
    gap = series(log.steps, "sampling/sampling_logp_difference/mean")
    if gap and gap.tail > GAP:
        yield (
            f"Sampler and learner differ by {gap.tail:.3f} nats per token on average, more than {GAP}: "
            "the sampler may hold stale weights."
        )


def _no_verdict(log: RunLog) -> Iterator[str]:
    nulls = sum(series(log.steps, "reward_nulls").ys)
    if nulls:
        judged = sum(sum(reason_counts(line).values()) for line in log.steps)
        share = f" of {judged:,}" if judged else ""
        yield f"{nulls:,.0f}{share} completions had no verdict: their rows are unusable. `goodcall audit` says which."


def _little_to_learn(log: RunLog) -> Iterator[str]:
    equal, clipped = series(log.steps, "frac_reward_zero_std"), series(log.steps, "completions/clipped_ratio")
    if equal and equal.tail > EQUAL_GROUPS:
        yield f"In {equal.tail:.0%} of the groups all completions have one score: there is next to nothing to learn."
    if clipped and clipped.tail > CLIPPED:
        yield f"{clipped.tail:.0%} of the completions are cut off at the limit of tokens."


def _slow(log: RunLog) -> Iterator[str]:
    wait = series(log.steps, "reward_wait_share")
    if wait and wait.tail > WAIT_SHARE:
        yield f"{wait.tail:.0%} of a step is spent waiting for rewards."

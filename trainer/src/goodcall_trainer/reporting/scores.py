"""A run in a few numbers: for the terminal, for JSON, and for what is compared between runs."""

from goodcall_trainer.reporting.run_log import RunLog
from goodcall_trainer.reporting.series import Series, seconds_at, series, tokens_per_s
from goodcall_trainer.reporting.state import steps_done
from goodcall_trainer.reporting.words import duration, plus_minus

TITLES = {
    "heldout_greedy": "held out, greedy",
    "heldout_sampled": "held out, sampled",
    "reward": "reward",
    "hardened": "hardened score",
    "loss": "loss",
    "steps": "steps",
    "seconds": "wall time",
    "tokens_per_s": "tokens/s",
}
"""Of all scores, in the order in which they are shown."""


def scores_of(log: RunLog) -> dict[str, float]:
    """What the run came to; what it did not log is not in it.

    `heldout_greedy` and `heldout_sampled` are the newest measurement, by the run's own reward; `hardened` is what
    `tool_n1/hardened` gives those training completions that the alarm looks at, whatever the run's reward is. It,
    `reward` (or without one `loss`) and `tokens_per_s` are means of the last tenth of what was logged; `steps` and
    `seconds` are how far it got.
    """
    found = {
        f"heldout_{name}": points.ys[-1] for name in ("greedy", "sampled") if (points := series(log.heldout, name))
    }
    reward, loss = series(log.steps, "reward"), series(log.steps, "loss")
    # The loss of reinforcement learning measures nothing: its gradient is all that counts.
    means = {"reward": reward} if reward else {"loss": loss}
    means["hardened"] = series(log.steps, "hacking.hardened")
    means["tokens_per_s"] = tokens_per_s(log.steps, log.resumes)
    found |= {name: points.tail for name, points in means.items() if points}
    return found | {"steps": float(steps_done(log))} | ({} if log.seconds is None else {"seconds": log.seconds})


def heldout_over_time(log: RunLog, name: str) -> Series:
    """A held-out score over seconds since the run's first start; empty when the run logged no times."""
    timed = series(log.heldout, name, x="time_s")
    if timed:
        return timed
    points = series(log.heldout, name)
    times = [seconds_at(log.steps, step, before=_warm_up_s(log)) for step in points.xs]
    known = [(at, y) for at, y in zip(times, points.ys, strict=True) if at is not None]
    return Series(tuple(at for at, _ in known), tuple(y for _, y in known))


def _warm_up_s(log: RunLog) -> float:
    """Seconds at which the steps that count began."""
    return max(series(log.warm_up, "time_s").ys, default=0.0)


def score_text(name: str, score: float, deviation: float | None = None) -> str:
    """A score as people read it, with its standard deviation over seeds if there is one."""
    if name == "seconds":
        return duration(score) + (f" ± {duration(deviation)}" if deviation else "")
    return f"{score:,.0f}" if name == "steps" and not deviation else plus_minus(score, deviation)

"""The charts of the demo's report."""

from collections.abc import Sequence

from goodcall_trainer.demo.evaluate import Evaluation
from goodcall_trainer.reporting.charts import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Chart, Curve, coloured, line_chart

SHOWN_REASONS = 5
_STEP = "GRPO step"
_SHARE = (0, 1.02)


def heldout_chart(evaluations: Sequence[Evaluation]) -> Chart:
    """Greedy and sampled held-out accuracy over GRPO steps."""
    steps = [evaluation.step for evaluation in evaluations]
    greedy, sampled = [e.greedy_accuracy for e in evaluations], [e.sampled_accuracy for e in evaluations]
    return line_chart(
        "heldout",
        "Greedy and sampled held-out exact match over GRPO steps",
        [
            Curve(label="greedy", xs=steps, ys=greedy, colour=BLUE),
            Curve(label="sampled", xs=steps, ys=sampled, colour=ORANGE),
        ],
        x_label=_STEP,
        y_label="held-out exact match",
        y_range=_SHARE,
    )


def reward_chart(rewards: Sequence[tuple[int, float]]) -> Chart:
    """Mean reward of each batch of rollouts over GRPO steps."""
    steps, means = [step for step, _ in rewards], [reward for _, reward in rewards]
    return line_chart(
        "reward",
        "Mean training reward over GRPO steps",
        [Curve(label="reward", xs=steps, ys=means, colour=GREEN)],
        x_label=_STEP,
        y_label="mean reward of rollouts",
        y_range=_SHARE,
    )


def reasons_chart(evaluations: Sequence[Evaluation]) -> Chart:
    """Share of the commonest reasons among the sampled held-out completions, over GRPO steps."""
    steps = [evaluation.step for evaluation in evaluations]
    curves = [
        Curve(
            label=reason,
            xs=steps,
            ys=[e.sampled_reasons.get(reason, 0) / len(e.sampled) for e in evaluations],
            colour=colour,
        )
        for reason, colour in coloured(_commonest(evaluations), (RED, ORANGE, PURPLE, BLUE, GREY)).items()
    ]
    return line_chart(
        "reasons",
        "Reasons of wrong sampled completions over GRPO steps",
        curves,
        x_label=_STEP,
        y_label="share of sampled completions",
        y_range=(0, None),
    )


def _commonest(evaluations: Sequence[Evaluation]) -> list[str]:
    """The reasons for a score other than 1, the most frequent over all measurements first."""
    totals: dict[str, int] = {}
    for evaluation in evaluations:
        for judged in evaluation.sampled:
            if judged.verdict.score != 1.0:
                totals[judged.verdict.reason] = totals.get(judged.verdict.reason, 0) + 1
    return sorted(totals, key=lambda reason: -totals[reason])[:SHOWN_REASONS]

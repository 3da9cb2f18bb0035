"""The report: one HTML file that needs nothing else, with the numbers, what they mean, and what they don't.

What it says stands in `report.html` beside this module.
"""

from goodcall_trainer.demo.charts import heldout_chart, reasons_chart, reward_chart
from goodcall_trainer.demo.demonstrations import HABITS, SLIPS
from goodcall_trainer.demo.outcome import Outcome, package_versions
from goodcall_trainer.prompt import render_prompt
from goodcall_trainer.reporting.page import render_page

SHOWN_QUERIES = 10
"""Queries of which the completions before and after are shown: twenty in all."""


def render_report(outcome: Outcome) -> str:
    """The whole page."""
    return render_page(
        "demo/report.html",
        outcome=outcome,
        config=outcome.config,
        heldout_chart=heldout_chart(outcome.evaluations),
        reward_chart=reward_chart(outcome.training_rewards),
        reasons_chart=reasons_chart(outcome.evaluations),
        habits=", ".join(f"{tool} ({habit.__name__.replace('_', ' ')})" for tool, habit in HABITS.items()),
        slips=", ".join(slip.__name__.replace("_", " ") for slip in SLIPS),
        pairs=list(zip(outcome.before.sampled, outcome.after.sampled, strict=True))[:SHOWN_QUERIES],
        prompt_of=render_prompt,
        versions=package_versions(),
    )

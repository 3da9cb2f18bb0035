"""The page of `goodcall-train compare`: one HTML file that needs nothing but a browser."""

from datetime import UTC, datetime
from pathlib import Path

from goodcall_trainer.reporting.charts import coloured
from goodcall_trainer.reporting.comparison import Comparison
from goodcall_trainer.reporting.comparison_figures import overlays
from goodcall_trainer.reporting.page import render_page
from goodcall_trainer.reporting.scores import TITLES, score_text
from goodcall_trainer.reporting.terminal import score_names
from goodcall_trainer.run.folder import replace_text


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Writes the page.

    Raises:
        OSError: It can't be written.
    """
    replace_text(out, render_comparison(comparison, now=datetime.now(UTC)))


def render_comparison(comparison: Comparison, *, now: datetime) -> str:
    """The whole page, as of `now`."""
    drawn, absent = overlays(comparison)
    return render_page(
        "reporting/comparison.html",
        comparison=comparison,
        now=now,
        colours=coloured(arm.label for arm in comparison.arms),
        overlays=drawn,
        absent=absent,
        score_names=score_names(comparison),
        titles=TITLES,
        score_text=score_text,
    )

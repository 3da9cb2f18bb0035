"""What the commands show on a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from goodcall_trainer.reporting.comparison import Comparison, Spread
from goodcall_trainer.reporting.scores import TITLES, score_text
from goodcall_trainer.reporting.words import duration


def summary_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """A run in a few lines."""
    yield f"{summary['run']}: {summary['state']}, step {summary['scores']['steps']:,.0f}"
    scores = {name: score for name, score in summary["scores"].items() if name != "steps"}
    for name, score in scores.items():
        yield f"  {TITLES[name]:<18} {score_text(name, score)}"
    for alert in summary["alerts"]:
        yield f"look at this: {alert}"
    yield f"page: {summary['report']}"


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Scores, scores at equal time, and what differs, as far as there is any."""
    tables = [_scores_table(comparison)]
    if comparison.equal_time_s is not None and comparison.at_equal_time:
        tables.append(_equal_time_table(comparison, comparison.equal_time_s))
    if comparison.differences:
        tables.append(_differences_table(comparison))
    return tables


def score_names(comparison: Comparison) -> list[str]:
    """The scores that any of the runs has, in the order of columns."""
    return [name for name in TITLES if any(name in run.scores for run in comparison.runs)]


def _scores_table(comparison: Comparison) -> Table:
    """A row for each score: there may be few runs, and a terminal is narrow."""
    table = _table("Final scores", comparison)
    table.add_row("seeds", *(str(len(arm.runs)) for arm in comparison.arms))
    for name in score_names(comparison):
        table.add_row(TITLES[name], *(_shown(name, arm.scores.get(name)) for arm in comparison.arms))
    return table


def _equal_time_table(comparison: Comparison, seconds: float) -> Table:
    table = _table(f"When the quickest run ended, after {duration(seconds)}", comparison)
    for name, spreads in comparison.at_equal_time.items():
        table.add_row(TITLES[name], *(_shown(name, spread) for spread in spreads))
    return table


def _differences_table(comparison: Comparison) -> Table:
    table = _table("What differs", comparison)
    for name, values in comparison.differences.items():
        table.add_row(Text(name), *map(Text, values))
    return table


def _table(title: str, comparison: Comparison) -> Table:
    """With a column for each arm."""
    table = Table("", title=title, title_justify="left")
    for arm in comparison.arms:
        table.add_column(Text(arm.label), overflow="fold", justify="right")
    return table


def _shown(name: str, spread: Spread | None) -> str:
    return "-" if spread is None else score_text(name, spread.mean, spread.deviation)

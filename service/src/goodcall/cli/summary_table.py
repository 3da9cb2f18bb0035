"""Verdicts counted by reason, for people: what ``goodcall score`` shows at its end."""

from typing import Any

from rich.table import Table

from goodcall.bulk.summary import Summary, Tally
from goodcall.cli.tables import add_number_column, add_text_column, plain_table
from goodcall.rewards import Reward


def summary_table(summary: Summary, reward: Reward[Any]) -> Table:
    """The summary for people, the most frequent reason first."""
    everything = summary.all
    table = plain_table(f"{reward.id}, {_many(summary.items, 'item')}", footer=True)
    add_text_column(table, "reason", "all")
    add_number_column(table, "count", f"{everything.count:,}")
    add_number_column(table, "share")
    add_number_column(table, "mean score", _score(everything.mean_score))
    add_number_column(table, "nulls", f"{everything.nulls:,}")
    for reason in summary.most_frequent_first():
        tally = summary.reasons[reason]
        share, mean = f"{tally.count / everything.count:.1%}", _score(tally.mean_score)
        table.add_row(reason.value, f"{tally.count:,}", share, mean, f"{tally.nulls:,}", style=_style(tally))
    return table


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _score(score: float | None) -> str:
    return "none" if score is None else f"{score:.4f}"


def _style(tally: Tally) -> str:
    if tally.nulls:
        return "yellow"
    return "green" if (tally.mean_score or 0) > 0 else ""

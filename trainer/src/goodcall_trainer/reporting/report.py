"""The report of a run: one HTML file that needs nothing but a browser, at any time of the run's life."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goodcall_trainer.reporting import plots
from goodcall_trainer.reporting.alerts import alerts
from goodcall_trainer.reporting.charts import GREY
from goodcall_trainer.reporting.completions import Completions, read_completions
from goodcall_trainer.reporting.evaluations import read_evaluations
from goodcall_trainer.reporting.figures import (
    Figure,
    Missing,
    generation_figure,
    hacking_figure,
    heldout_figure,
    plotted,
    reason_colours,
    reason_counts,
    reasons_figure,
    reward_figure,
    throughput_figure,
)
from goodcall_trainer.reporting.page import render_page
from goodcall_trainer.reporting.record import data_files, settings_of, shown
from goodcall_trainer.reporting.run_log import RunLog, read_run
from goodcall_trainer.reporting.scores import scores_of
from goodcall_trainer.reporting.series import Series, series, tokens_per_s
from goodcall_trainer.reporting.state import newest_checkpoint, state_of, steps_done, steps_wanted
from goodcall_trainer.reporting.words import duration, number, percent
from goodcall_trainer.run.folder import replace_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures under one heading, and what could not be drawn there."""

    title: str
    figures: Sequence[Figure]
    missing: Sequence[Missing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number that sums up the run."""

    label: str
    value: str
    before: str = ""
    """What it was when the run began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRow:
    """A reason with how often it was given, and completions that it was given for."""

    reason: str
    colour: str
    count: int
    head: float
    """Its share in the first tenth of the steps."""
    tail: float
    """And in the last."""


def write_report(run: Path, out: Path | None = None) -> Path:
    """Writes the report of the run in a folder, there or to `out`, and gives its path.

    Raises:
        NoRun: The folder has no `run.json`.
        OSError: A file can't be read, or the report can't be written.
    """
    log = read_run(run)
    out = out or log.folder.report
    replace_text(out, render_report(log, now=datetime.now(UTC)))
    return out


def summary_of(run: Path) -> dict[str, Any]:
    """The state, scores and alerts of the run in a folder, as JSON values."""
    log = read_run(run)
    return {
        "run": str(run),
        "state": str(state_of(log, datetime.now(UTC))),
        "scores": scores_of(log),
        "alerts": alerts(log),
    }


def render_report(log: RunLog, *, now: datetime) -> str:
    """The whole page, as of `now`."""
    totals: Counter[str] = Counter()
    for line in log.steps:
        totals.update(reason_counts(line))
    colours = reason_colours(totals)
    completions = read_completions(log.folder)
    return render_page(
        "reporting/run.html",
        log=log,
        now=now,
        state=state_of(log, now),
        done=steps_done(log),
        wanted=steps_wanted(log),
        checkpoint=newest_checkpoint(log),
        alerts=alerts(log),
        tiles=list(_tiles(log)),
        sections=list(_sections(log, colours)),
        reasons=_reason_rows(log, totals, colours, completions),
        completions=completions,
        evaluations=read_evaluations(log.folder),
        settings={name: shown(value) for name, value in sorted(settings_of(log.record).items())},
        data=data_files(log.record),
        setting=shown,
    )


def _tiles(log: RunLog) -> Iterator[Tile]:
    for name in ("greedy", "sampled"):
        if score := series(log.heldout, name):
            yield Tile(label=f"held out, {name}", value=f"{score.ys[-1]:.3f}", before=f"{score.ys[0]:.3f}")
    if reward := series(log.steps, "reward"):
        yield Tile(label="reward", value=number(reward.tail), before=number(reward.head))
    if not reward and (loss := series(log.steps, "loss")):
        yield Tile(label="loss", value=number(loss.tail), before=number(loss.head))
    if log.seconds is not None:
        yield Tile(label="wall time", value=duration(log.seconds))
    if speed := tokens_per_s(log.steps, log.resumes):
        yield Tile(label="tokens per second", value=number(speed.tail))
    if wait := series(log.steps, "reward_wait_share"):
        yield Tile(label="of a step waiting for rewards", value=percent(wait.tail))


def _sections(log: RunLog, colours: dict[str, str]) -> Iterator[Section]:
    if log.algorithm == "sft":
        yield _section("Outcome", [heldout_figure(log), *_plots(log, plots.LOSS, plots.ACCURACY)])
        yield _section("Optimisation", _plots(log, plots.ENTROPY, plots.GRADIENT, plots.RATE))
        yield _section("Speed", [throughput_figure(log)])
        return
    yield _section(
        "Outcome", [reward_figure(log), heldout_figure(log), reasons_figure(log, colours), hacking_figure(log)]
    )
    yield _section("Policy", _plots(log, plots.ENTROPY, plots.LENGTHS, plots.CLIPPED, plots.KL, plots.GAP, plots.RATIO))
    optimisation = (plots.GRADIENT, plots.EQUAL_GROUPS, plots.LOSS, plots.CLIPS, plots.RATE)
    yield _section("Optimisation", _plots(log, *optimisation))
    yield _section(
        "Speed", [throughput_figure(log), generation_figure(log), *_plots(log, plots.STEP_TIME, plots.WAIT_SHARE)]
    )
    if log.warm_up:
        warm_up = [plotted(plot, log.warm_up, prefix="warmup") for plot in (plots.LOSS, plots.ACCURACY)]
        yield _section("Supervised warm-up", warm_up)


def _plots(log: RunLog, *chosen: plots.Plot) -> list[Figure | Missing]:
    return [plotted(plot, log.steps, log.resumes) for plot in chosen]


def _section(title: str, figures: Sequence[Figure | Missing]) -> Section:
    return Section(
        title=title,
        figures=[figure for figure in figures if isinstance(figure, Figure)],
        missing=[figure for figure in figures if isinstance(figure, Missing)],
    )


def _reason_rows(log: RunLog, totals: Counter[str], colours: dict[str, str], found: Completions) -> list[ReasonRow]:
    """The reasons, the commonest first; those that only the completions tell of come last."""
    names = [reason for reason, _ in totals.most_common()] + [name for name in found.by_reason if name not in totals]
    return [_reason_row(log, name, totals[name], colours.get(name, GREY)) for name in names]


def _reason_row(log: RunLog, reason: str, count: int, colour: str) -> ReasonRow:
    counted = [(line["step"], counts) for line in log.steps if (counts := reason_counts(line))]
    shares = Series(
        tuple(step for step, _ in counted),
        tuple(counts.get(reason, 0) / sum(counts.values()) for _, counts in counted),
    )
    return ReasonRow(
        reason=reason,
        colour=colour,
        count=count,
        head=shares.head if shares else 0.0,
        tail=shares.tail if shares else 0.0,
    )

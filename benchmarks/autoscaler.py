"""What the settings of an autoscaler do to the wait of a training run: ``python -m benchmarks.autoscaler``.

A simulation, so the same everywhere. It writes docs/autoscaler.md and its plot.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.document import table
from goodcall.capacity.autoscaler import UP, Metric, Policy, Rules, Settings, Target
from goodcall.capacity.costs import DOCUMENTED
from goodcall.capacity.plan import TrainingLoad
from goodcall.capacity.simulation import Bursts, Outcome, Pods, simulate

SECONDS = 3600
CORES = 1
"""Of a replica."""
USUAL = TrainingLoad(prompts=1024, group=8, step_s=60)
HEAVY = TrainingLoad(prompts=16_384, group=32, step_s=127, completion_bytes=100_000, clients=64)
"""Many runs in step, of long completions: a minute of one core's work at once, which is what it takes for an autoscaler
to see anything. Not every 120 s, so that bursts and looks drift past each other, as they do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One line of the table: the defaults with what is said to be different."""

    name: str
    metric: Metric = Metric.CPU
    target: float = 0.7
    window_s: float = 30
    up: Rules = UP
    down_s: float = 300
    start_s: float = 20
    least: int = 2
    most: int = 20
    load: TrainingLoad = field(default=HEAVY)

    def outcome(self) -> Outcome:
        """What an hour comes to."""
        settings = Settings(
            targets=(Target(metric=self.metric, value=self.target),),
            min_replicas=self.least,
            max_replicas=self.most,
            up=self.up,
            down=Rules(stabilisation_s=self.down_s, policies=(Policy(percent=100),)),
        )
        pods = Pods(cores=CORES, start_s=self.start_s, window_s=self.window_s)
        return simulate([Bursts.of(self.load, DOCUMENTED)], pods, settings, SECONDS, self.least)


_SLOW_UP = Rules(stabilisation_s=0, policies=(Policy(pods=1, period_s=60),))
_STEADY_UP = Rules(stabilisation_s=60, policies=(Policy(percent=100), Policy(pods=4)))

BASE = Setting(name="the base: CPU at 70 %, down after 300 s")
SETTINGS = (
    BASE,
    Setting(name="CPU at 50 %", target=0.5),
    Setting(name="CPU at 30 %", target=0.3),
    Setting(name="CPU as the mean of 15 s", window_s=15),
    Setting(name="CPU as the mean of 60 s", window_s=60),
    Setting(name="down after 0 s", down_s=0),
    Setting(name="down after 60 s", down_s=60),
    Setting(name="down after 600 s", down_s=600),
    Setting(name="up only when wanted for 60 s", up=_STEADY_UP),
    Setting(name="up by one pod a minute", up=_SLOW_UP),
    Setting(name="pods ready after 5 s", start_s=5),
    Setting(name="pods ready after 90 s", start_s=90),
    Setting(name="8,192 in flight, mean of 30 s", metric=Metric.IN_FLIGHT, target=8192),
    Setting(name="2,048 in flight, mean of 30 s", metric=Metric.IN_FLIGHT, target=2048),
    Setting(name="2,048 in flight, mean of 60 s", metric=Metric.IN_FLIGHT, target=2048, window_s=60),
    Setting(name="8,192 in flight, at the moment of the look", metric=Metric.IN_FLIGHT, target=8192, window_s=0),
    Setting(name="at least 8", least=8),
    Setting(name="at least 16", least=16),
)
LOADS = (
    Setting(name="8,192 completions of 1.4 KB, every 60 s", load=USUAL),
    Setting(name="the same from 64 clients", load=replace(USUAL, clients=64)),
    Setting(name="65,536 of 1.4 KB, every 60 s, 64 clients", load=replace(USUAL, prompts=8192, clients=64)),
    Setting(
        name="65,536 of 20 KB, every 60 s, 64 clients",
        load=replace(USUAL, prompts=8192, clients=64, completion_bytes=20_000),
    ),
    Setting(name="524,288 of 100 KB, every 127 s, 64 clients"),
)

_TEMPLATE = Path(__file__).with_name("autoscaler_template.md")


def write() -> str:
    """The page in Markdown."""
    outcomes = {setting.name: setting.outcome() for setting in (*SETTINGS, *LOADS)}
    base, down = outcomes[BASE.name], outcomes["down after 0 s"]
    work = Bursts.of(HEAVY, DOCUMENTED)
    heavy_core_s = work.request_s * work.completions / work.per_request
    return _TEMPLATE.read_text(encoding="utf-8").format(
        loads=_table("load", LOADS, outcomes),
        settings=_table("setting", SETTINGS, outcomes),
        heavy_core_s=heavy_core_s,
        two_s=heavy_core_s / (BASE.least * CORES),
        first_s=base.waits_s[0],
        base_last_s=base.waits_s[-1],
        down0_last_s=down.waits_s[-1],
        down0_scalings=len(down.replicas) - 1,
    )


def _table(heading: str, settings: Sequence[Setting], outcomes: dict[str, Outcome]) -> str:
    rows = ((setting.name, *_figures(outcomes[setting.name])) for setting in settings)
    return table((heading, "first", "last", "mean", "replicas", "most", "scalings"), rows)


def _figures(outcome: Outcome) -> tuple[str, ...]:
    waits_s = outcome.waits_s
    return (
        *(f"{wait_s:.2f}" for wait_s in (waits_s[0], waits_s[-1], sum(waits_s) / len(waits_s))),
        f"{outcome.mean_replicas:.1f}",
        f"{max(replicas for _, replicas in outcome.replicas)}",
        f"{len(outcome.replicas) - 1}",
    )


def draw(path: Path) -> None:
    """The plot as SVG, the same bytes each time."""
    import matplotlib as mpl  # noqa: PLC0415 - only the plot needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    mpl.rcParams.update(
        {"svg.hashsalt": "goodcall", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    shown = {
        BASE.name: "#1f6f8b",
        "CPU at 30 %": "#7fb3c8",
        "down after 60 s": "#c0392b",
        "2,048 in flight, mean of 30 s": "#e08e45",
        "at least 16": "#555555",
    }
    figure = Figure(figsize=(10, 6), layout="constrained")
    waits, replicas = figure.subplots(2, 1, sharex=True)
    for setting in SETTINGS:
        if setting.name in shown:
            outcome, colour = setting.outcome(), shown[setting.name]
            run = Bursts.of(setting.load, DOCUMENTED)
            minutes = [(run.first_s + number * run.every_s) / 60 for number in range(len(outcome.waits_s))]
            waits.plot(minutes, outcome.waits_s, marker="o", markersize=3, color=colour, label=setting.name)
            times = [*(at_s / 60 for at_s, _ in outcome.replicas), SECONDS / 60]
            counts = [count for _, count in outcome.replicas]
            replicas.step(times, [*counts, counts[-1]], where="post", color=colour)
    waits.set_title("Wait of each step, s", loc="left")
    waits.set_ylim(bottom=0)
    waits.legend(frameon=False, ncols=3)
    replicas.set_title("Replicas", loc="left")
    replicas.set_ylim(bottom=0)
    replicas.set_xlabel("minutes")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Writes the page and its plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, metavar="FOLDER", default=Path("docs"))
    into = parser.parse_args().into
    draw(into / "autoscaler.svg")
    (into / "autoscaler.md").write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()

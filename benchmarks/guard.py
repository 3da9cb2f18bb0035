"""The guard against getting slower: ``python -m benchmarks.guard``, a few seconds, fit for CI.

It compares ratios of CPU time within one process with the committed ones in ``baseline.json``, so it does not matter
how fast the machine is. ``--write`` renews the baseline, for a change that is meant to cost what it costs.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import asgi, bodies
from benchmarks.corpus import Task, make_corpus
from benchmarks.in_process import IN_PYTHON, plain, score_groups, verifier
from benchmarks.rounds import Contender, Cost, cpu_s, interleave, settle
from benchmarks.supply import Supply, count_completions, warming
from goodcall import native
from goodcall.scoring import Scorer
from goodcall.web.app import create_app
from goodcall.web.settings import Settings

TOLERANCE = 0.25
"""A figure may be so much higher than its baseline."""

_BASELINE = Path(__file__).with_name("baseline.json")
_TRIES, _ROUNDS, _TASKS = 3, 20, 64
_PLAIN = "plain scorer"
_JUDGE = "in Python" if native.judge_group is None else "by the compiled judge"
_RENEW = "python -m benchmarks.guard --write"


@dataclass(frozen=True, slots=True)
class Regression:
    """A figure that got worse than it may."""

    figure: str
    baseline: float
    measured: float

    def __str__(self) -> str:
        change = self.measured / self.baseline - 1
        return (
            f"{self.figure} takes {self.measured:.3f} times the CPU of the plain scorer; the baseline is "
            f"{self.baseline:.3f}, so it got {change:.0%} slower and {TOLERANCE:.0%} are tolerated. Find what made it "
            f"slower; or, if it is worth it, renew the baseline with `{_RENEW}` and commit benchmarks/baseline.json."
        )


def measure(is_good_enough: Callable[[Mapping[str, float]], bool]) -> dict[str, float]:
    """The guarded figures: CPU time in units of what the plain scorer takes for the same completions.

    What is slower only because of other work on the machine is faster in another try; a regression is not.

    Args:
        is_good_enough: is given the lowest figures so far, and ends the tries when it says so.
    """
    tasks = make_corpus(tasks=_TASKS)
    lowest: dict[str, float] = {}
    with asyncio.Runner() as runner:
        contenders: dict[str, Contender] = {
            _PLAIN: plain(tasks),
            "scoring in Python": verifier(tasks, IN_PYTHON),
            f"scoring {_JUDGE}": verifier(tasks),
            f"preparing tasks, judged {_JUDGE}": _preparation(tasks),
            f"the app without its network, {_JUDGE}": _app(runner.get_loop(), tasks),
        }
        for _ in range(_TRIES):
            rounds = interleave(contenders, _ROUNDS)
            figures = {name: rounds.ratio(name, _PLAIN) for name in contenders if name != _PLAIN}
            lowest = {name: min(figure, lowest.get(name, figure)) for name, figure in figures.items()}
            if is_good_enough(lowest):
                break
    return lowest


def regressions(measured: Mapping[str, float], baseline: Mapping[str, float]) -> list[Regression]:
    """What got worse by more than the tolerance; a figure without a baseline is not among it."""
    found = (Regression(figure, baseline[figure], value) for figure, value in measured.items() if figure in baseline)
    return [one for one in found if one.measured > one.baseline * (1 + TOLERANCE)]


def _preparation(tasks: Sequence[Task]) -> Contender:
    """What a task costs when it comes for the first time, its tools called once each; for each of eight completions."""
    supply = Supply(tasks)

    def run() -> Cost:
        fresh = supply.take(len(tasks))
        prepare = score_groups(Scorer(), [warming(task) for task in fresh])
        settle()
        return Cost(own=cpu_s(prepare) / count_completions(fresh))

    return run


def _app(loop: asyncio.AbstractEventLoop, tasks: Sequence[Task]) -> Contender:
    """Decoding, scoring and encoding of a request, called as uvicorn calls the app."""
    supply, app = Supply(tasks), create_app(Settings())

    def run() -> Cost:
        fresh = supply.take(len(tasks))
        loop.run_until_complete(asgi.post(app, bodies.whole([warming(task) for task in fresh])))
        body = bodies.whole(fresh)
        settle()
        return Cost(own=cpu_s(lambda: loop.run_until_complete(asgi.post(app, body))) / count_completions(fresh))

    return run


def main() -> int:
    """Prints every figure beside its baseline; 1 when one regressed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--write", action="store_true", help="make what is measured now the baseline")
    if parser.parse_args().write:
        measured = measure(lambda _: False)
        _write_baseline(measured)
        baseline = _read_baseline()
    else:
        baseline = _read_baseline()
        measured = measure(lambda lowest: not regressions(lowest, baseline))
    for figure, value in measured.items():
        sys.stdout.write(f"{figure:52}{value:7.3f}   baseline {baseline.get(figure, 'missing')}\n")
    complaints = [str(regression) for regression in regressions(measured, baseline)]
    if missing := measured.keys() - baseline.keys():
        complaints.append(f"The baseline lacks {', '.join(sorted(missing))}; renew it with `{_RENEW}`.")
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    return 1 if complaints else 0


def _read_baseline() -> dict[str, float]:
    baseline: dict[str, float] = json.loads(_BASELINE.read_text(encoding="utf-8"))
    return baseline


def _write_baseline(measured: Mapping[str, float]) -> None:
    """Renews what was measured and keeps the rest: figures of the other judge, which is not there."""
    rounded = _read_baseline() | {figure: round(value, 3) for figure, value in measured.items()}
    _BASELINE.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

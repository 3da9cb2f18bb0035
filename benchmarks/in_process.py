"""Verdicts without a network: the plain scorer, and the verifier by groups of eight."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from benchmarks import plain_scorer
from benchmarks.corpus import Task, make_corpus, make_late_corpus
from benchmarks.rounds import Contender, Cost, cpu_s, interleave, settle
from benchmarks.supply import Supply, count_completions, warming
from goodcall.rewards import Reward
from goodcall.rewards.tool_n1 import HARDENED, judge_hardened_group
from goodcall.scoring import Scorer
from goodcall.types import TaskSource

PLAIN, PLAIN_LATE = "plain scorer", "plain scorer, late groups"
VERIFIER, VERIFIER_LATE = "verifier", "verifier, late groups"
VERIFIER_COLD = "verifier, each task for the first time"
VERIFIER_PYTHON = "verifier, without its compiled judge"

IN_PYTHON = replace(HARDENED, judge_group=judge_hardened_group)
"""The default reward as it is where nothing could be compiled."""


def plain(tasks: Sequence[Task]) -> Contender:
    """Scores every completion with the plain scorer, one after the other."""
    pairs = [(text, task.ground_truth.decode()) for task in tasks for text in task.completions]

    def score_all() -> None:
        for completion, ground_truth in pairs:
            plain_scorer.score(completion, ground_truth)

    return lambda: Cost(own=cpu_s(score_all) / len(pairs))


def verifier(tasks: Sequence[Task], reward: Reward[Any] = HARDENED, *, warm: bool = True) -> Contender:
    """Scores every group with the verifier, reasons included.

    Args:
        tasks: one round's work.
        reward: the default one, unless told.
        warm: whether each task is prepared before the clock starts.
    """
    supply = Supply(tasks)

    def run() -> Cost:
        fresh, scorer = supply.take(len(tasks)), Scorer()
        if warm:
            score_groups(scorer, map(warming, fresh), reward)()
        score_all = score_groups(scorer, fresh, reward)
        settle()
        return Cost(own=cpu_s(score_all) / count_completions(fresh))

    return run


def score_groups(scorer: Scorer, tasks: Iterable[Task], reward: Reward[Any] = HARDENED) -> Callable[[], None]:
    """Work that scores the group of every task."""
    groups = [(list(task.completions), TaskSource(tools=task.tools, ground_truth=task.ground_truth)) for task in tasks]

    def score_all() -> None:
        for completions, source in groups:
            scorer.score_group(completions, source, reward)

    return score_all


def contenders(early: Sequence[Task], late: Sequence[Task]) -> dict[str, Contender]:
    """The plain scorer and the verifier, on groups of early and of late training."""
    return {
        PLAIN: plain(early),
        VERIFIER: verifier(early),
        VERIFIER_COLD: verifier(early, warm=False),
        VERIFIER_PYTHON: verifier(early, IN_PYTHON),
        PLAIN_LATE: plain(late),
        VERIFIER_LATE: verifier(late),
    }


def main() -> None:
    """Prints the comparison in this process: ``python -m benchmarks.in_process [ROUNDS]``."""
    rounds = interleave(contenders(make_corpus(), make_late_corpus()), int(sys.argv[1]) if len(sys.argv) > 1 else 9)
    for name in rounds.costs:
        baseline = PLAIN_LATE if name == VERIFIER_LATE else PLAIN
        figures = f"{rounds.microseconds(name):8.2f} us{rounds.ratio(name, baseline):8.3f} x plain\n"
        sys.stdout.write(f"{name:40}{figures}")


if __name__ == "__main__":
    main()

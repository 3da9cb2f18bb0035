"""What completions cost that are made to be dear: the verifier beside the plain scorer, one completion at a time."""

import json
import signal
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from benchmarks import plain_scorer
from benchmarks.corpus import pathological
from benchmarks.rounds import cpu_s
from goodcall.rewards import DEFAULT_REWARD, find_reward
from goodcall.scoring import Scorer
from goodcall.types import TaskSource

PATIENCE_S = 2.0
"""After this long the plain scorer is stopped."""
SPAM = "`<tool_call>` 4,096 times (45 KB)"

_TURNS = 5
_CALLS = [{"name": "f", "arguments": {"a": 1}}]
_TOOLS = [{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}]
_SOURCE = TaskSource(tools=json.dumps(_TOOLS).encode(), ground_truth=json.dumps(_CALLS).encode())


@dataclass(frozen=True, slots=True)
class HostileInput:
    """One completion and what it costs."""

    name: str
    length: int
    verifier_ms: float
    reason: str
    """The verifier's."""
    plain_ms: float | None
    """None where the plain scorer was stopped."""
    plain_outcome: str
    """Its score, or what it raises."""


def measure() -> list[HostileInput]:
    """Every hostile completion; CPU time, the median of five turns of the verifier."""
    return [_measure(name, completion) for name, completion in pathological().items()]


def _measure(name: str, completion: str) -> HostileInput:
    scorer, reward = Scorer(), find_reward(DEFAULT_REWARD)
    scorer.score_group(["Hello."], _SOURCE, reward)
    turns = [cpu_s(lambda: scorer.score_group([completion], _SOURCE, reward)) for _ in range(_TURNS)]
    [verdict] = scorer.score_group([completion], _SOURCE, reward)
    plain_ms, outcome = _plainly(completion)
    return HostileInput(name, len(completion), statistics.median(turns) * 1e3, verdict.reason.value, plain_ms, outcome)


def _plainly(completion: str) -> tuple[float | None, str]:
    outcome = f"stopped after {PATIENCE_S:g} s"

    def run() -> None:
        nonlocal outcome
        try:
            outcome = f"{plain_scorer.score(completion, json.dumps(_CALLS)):g}"
        except (TypeError, ValueError, RecursionError) as error:
            outcome = f"raises {type(error).__name__}"

    try:
        with _stopped_after(PATIENCE_S):
            return cpu_s(run) * 1e3, outcome
    except TimeoutError:
        return None, outcome


@contextmanager
def _stopped_after(patience_s: float) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before: Callable[[int, FrameType | None], object] | int | None = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, patience_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

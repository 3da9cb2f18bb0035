"""What the corpus is made of, beside the figures that it imitates. ``python -m benchmarks.corpus_statistics``."""

import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.corpus import Task, make_corpus
from benchmarks.plain_scorer import score


@dataclass(frozen=True, slots=True)
class Figure:
    """One proportion of the corpus, and the figure that it imitates."""

    name: str
    target: float
    value: float


_BYTES = {
    "completion, bytes": (1406, 1448, 1920, 2475),
    "payload, bytes": (167, 127, 427, 858),
    "tools of a task, bytes": (1896, 1237, 5441, 17604),
    "ground truth, bytes": (155, 118, 401, 800),
}
"""Mean, median, p95 and largest of what is imitated."""


def measure(tasks: Sequence[Task]) -> list[Figure]:
    """The proportions of a corpus beside what they imitate."""
    figures = []
    for (name, targets), values in zip(_BYTES.items(), _bytes_of(tasks), strict=True):
        measured = (statistics.fmean(values), statistics.median(values), percentile(values, 95), max(values))
        figures += [
            Figure(f"{name}: {what}", target, value)
            for what, target, value in zip(("mean", "median", "p95", "largest"), targets, measured, strict=True)
        ]
    return [*figures, *_counts(tasks)]


def _bytes_of(tasks: Sequence[Task]) -> Iterator[list[int]]:
    texts = [text for task in tasks for text in task.completions]
    yield [len(text.encode()) for text in texts]
    yield [len(payload.encode()) for payload in map(_payload, texts) if payload]
    yield [len(task.tools) for task in tasks]
    yield [len(task.ground_truth) for task in tasks]


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which about so many per cent of the values lie."""
    return sorted(values)[min(int(len(values) * percent / 100), len(values) - 1)]


def _counts(tasks: Sequence[Task]) -> list[Figure]:
    texts = [text for task in tasks for text in task.completions]
    tools = [json.loads(task.tools) for task in tasks]
    calls = [len(json.loads(task.ground_truth)) for task in tasks]
    kinds = Counter(kind for task in tasks for kind in task.kinds)
    scores = [score(text, task.ground_truth.decode()) for task in tasks for text in task.completions]
    return [
        Figure("tools of a task: mean", 3, statistics.fmean(map(len, tools))),
        Figure("tools of a task: most", 26, max(map(len, tools))),
        Figure("distinct tools", 825, len({json.dumps(tool) for task in tools for tool in task})),
        Figure("ground truths of one call", 0.8, calls.count(1) / len(calls)),
        Figure("most calls in a ground truth", 8, max(calls)),
        Figure("completions that are not ASCII", 0.018, sum(not text.isascii() for text in texts) / len(texts)),
        Figure("perfect completions", 0.456, kinds["perfect"] / len(texts)),
        Figure("mean score of the plain scorer", 0.535, statistics.fmean(scores)),
    ]


def _payload(text: str) -> str:
    return text.partition("<tool_call>\n")[2].partition("\n</tool_call>")[0]


def main() -> None:
    """Prints the table."""
    for figure in measure(make_corpus()):
        sys.stdout.write(f"{figure.name:36}{figure.target:12,.3f}{figure.value:12,.3f}\n")


if __name__ == "__main__":
    main()

"""Tasks that nobody has seen: a verifier must not look fast because it remembers the last round's verdicts."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from uuid import uuid4

from benchmarks.completions import block, think
from benchmarks.corpus import Task


class Supply:
    """Hands out the tasks of a corpus again and again, each time in another edition.

    Editions differ in a word of the first tool's description and in nothing that is judged; no two supplies have one
    in common. Completions stay as they are. Not thread-safe.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = _endless(tasks, uuid4().hex[:8])

    def take(self, count: int) -> list[Task]:
        """The next tasks; as many as the corpus has are each of its tasks once."""
        return list(islice(self._tasks, count))


def warming(task: Task) -> Task:
    """The task with completions that make a server prepare all of it, and that occur nowhere in the corpus.

    One for each tool: a call without arguments.
    """
    names = [tool["function"]["name"] for tool in json.loads(task.tools)]
    calls = [json.dumps([{"name": name, "arguments": {}}], indent=3) for name in names]
    return replace(task, completions=tuple(think("Warming up.") + block(call) for call in calls))


def count_completions(tasks: Sequence[Task]) -> int:
    """Completions of all tasks."""
    return sum(len(task.completions) for task in tasks)


def _endless(tasks: Sequence[Task], supply: str) -> Iterator[Task]:
    for edition in count(1):
        words = f'"description":"Edition {supply}-{edition}. '.encode()
        for task in tasks:
            yield replace(task, tools=task.tools.replace(b'"description":"', words, 1))

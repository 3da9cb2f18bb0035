"""Bodies of ``POST /score``, made ahead of the clock."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from benchmarks.corpus import Task

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


def grouped(tasks: Sequence[Task], completions: int) -> list[bytes]:
    """Requests of so many completions each, the last one of what is left; a task's group is one item.

    Groups are cut down where a request is to hold fewer completions than a group; their rest is left out.
    """
    size = len(tasks[0].completions)
    if completions < size:
        return [_body([_item(task, task.completions[:completions])]) for task in tasks]
    return [whole(part) for part in _parts(tasks, completions // size)]


def inline(tasks: Sequence[Task], completions: int) -> list[bytes]:
    """Requests of so many completions each; every completion is an item of its own that repeats the tools."""
    items = [_item(task, (text,)) for task in tasks for text in task.completions]
    return [_body(part) for part in _parts(items, completions)]


def whole(tasks: Sequence[Task]) -> bytes:
    """One request with all completions; a task's group is one item, of whatever size."""
    return _body([_item(task, task.completions) for task in tasks])


def single(tasks: Sequence[Task]) -> list[bytes]:
    """Requests of one completion each, as the naive server takes them."""
    return [
        b'{"completion":%b,"tools":%b,"ground_truth":%b}' % (_encode(text), task.tools, task.ground_truth)
        for task in tasks
        for text in task.completions
    ]


def _item(task: Task, completions: Sequence[str]) -> bytes:
    parts = (task.tools, task.ground_truth, _encode(completions))
    return b'{"tools":%b,"ground_truth":%b,"completions":%b}' % parts


def _body(items: Sequence[bytes]) -> bytes:
    return b'{"items":[' + b",".join(items) + b"]}"


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]

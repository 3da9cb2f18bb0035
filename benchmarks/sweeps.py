"""How cost grows: with completions in a request, with the length of completions, with tools of a task."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks import bodies
from benchmarks.corpus import GROUP, Task, with_length, with_tools
from benchmarks.in_process import plain, verifier
from benchmarks.over_http import MakeBodies, server_alone
from benchmarks.rounds import Contender, Rounds, interleave
from benchmarks.servers import Server

SIZES = (1, 8, 64, 256, 1024, 8192)
"""Completions in a request."""
LENGTHS = (200, 1000, 5000, 20_000, 100_000, 200_000)
"""Bytes of a completion; about, since calls are as long as they are."""
TOOL_COUNTS = (1, 3, 10, 30, 100)

_BYTES_IN_A_ROUND = 8_000_000
_MAKERS: Mapping[str, MakeBodies] = {"grouped": bodies.grouped, "inline": bodies.inline}


def sizes(server: Server, tasks: Sequence[Task], rounds: int) -> Rounds:
    """The server by completions in a request, from ``grouped 1`` and ``inline 1`` on."""
    contenders: dict[str, Contender] = {}
    for size in SIZES:
        groups = max(len(tasks), size // GROUP)
        for shape, make in _MAKERS.items():
            sent = [_first_alone(task) for task in tasks] if size == 1 else tasks
            contenders[f"{shape} {size}"] = server_alone(server, sent, make, per_request=size, groups=groups)
    return interleave(contenders, rounds)


def lengths(server: Server, tasks: Sequence[Task], rounds: int) -> Rounds:
    """The plain scorer, the verifier and the server by length, from ``plain 200`` on."""
    contenders: dict[str, Contender] = {}
    for length in LENGTHS:
        groups = min(max(_BYTES_IN_A_ROUND // (length * GROUP), GROUP), len(tasks))
        long = [with_length(task, length) for task in tasks[:groups]]
        contenders[f"plain {length}"] = plain(long)
        contenders[f"verifier {length}"] = verifier(long)
        contenders[f"server {length}"] = server_alone(server, long, bodies.grouped, per_request=64)
    return interleave(contenders, rounds)


def tool_counts(server: Server, tasks: Sequence[Task], rounds: int) -> Rounds:
    """The server by tools of a task and 256 completions a request, from ``grouped 1`` on."""
    contenders: dict[str, Contender] = {}
    with_one_tool_called = [task for task in tasks if len(_called(task)) == 1][: 256 // GROUP]
    for count in TOOL_COUNTS:
        equipped = [with_tools(task, count) for task in with_one_tool_called]
        for shape, make in _MAKERS.items():
            contenders[f"{shape} {count}"] = server_alone(server, equipped, make, per_request=256)
    return interleave(contenders, rounds)


def _called(task: Task) -> set[str]:
    return {call["name"] for call in json.loads(task.ground_truth)}


def _first_alone(task: Task) -> Task:
    return replace(task, completions=task.completions[:1], kinds=task.kinds[:1])

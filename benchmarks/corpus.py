"""The corpus that everything is measured on: 500 tasks with a group of eight completions each, made from a seed.

Its proportions are those of single-turn function-calling questions with completions that a policy in training would
write: ``python -m benchmarks.corpus`` prints both side by side. The same seed makes the same corpus everywhere.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.completions import MIX, Calls, block, payload, reason, think, write
from benchmarks.tool_catalogue import Tool, Vocabulary, make_arguments, make_tool

SEED = 20261122
TASKS = 500
GROUP = 8
"""Completions of a task, as GRPO samples them."""

_TOOLS_IN_CATALOGUE = 1800
_TOOL_COUNTS = {1: 44, 2: 17, 3: 13, 4: 9, 5: 6, 6: 3.5, 8: 2.5, 10: 1.8, 14: 1, 20: 0.5, 26: 0.4}
_CALL_COUNTS = {1: 79.5, 2: 9, 3: 5.5, 4: 4.5, 5: 0.5, 6: 0.4, 8: 0.6}
_POPULARITY_EXPONENT = 0.6
_FOREIGN_SHARE = 0.06
_LENGTH_MEAN, _LENGTH_DEVIATION, _SHORT_SHARE = 1435, 280, 0.05
_EQUAL_PAYLOADS_LATE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A question's tools and expected calls, as compact JSON texts, and the completions of its group."""

    tools: bytes
    ground_truth: bytes
    completions: tuple[str, ...]
    kinds: tuple[str, ...]
    """What each completion is: a key of ``completions.MIX``."""


def make_corpus(seed: int = SEED, tasks: int = TASKS, group: int = GROUP) -> list[Task]:
    """Tasks with groups of completions as policies write them early in training."""
    return list(_tasks(random.Random(seed), tasks, group))


def make_late_corpus(seed: int = SEED, tasks: int = TASKS) -> list[Task]:
    """The same tasks late in training: six of eight payloads in a group are equal, though their reasoning differs."""
    rng = random.Random(seed + 1)
    return [_late(rng, task) for task in make_corpus(seed, tasks)]


def make_distinct_tasks(count: int, seed: int = SEED) -> Iterator[Task]:
    """As many tasks as asked for with one short completion each, no two of them the same; made one at a time."""
    rng = random.Random(seed)
    catalogue = [make_tool(rng, index) for index in range(_TOOLS_IN_CATALOGUE)]
    for number in range(count):
        tool = json.loads(json.dumps(catalogue[number % len(catalogue)]))
        tool["function"]["description"] += f" Edition {number}."
        yield _task(rng, [tool], [200])


def with_length(task: Task, length: int, seed: int = SEED) -> Task:
    """A task whose completions have about a given number of bytes and are what they were otherwise."""
    rng, calls = random.Random(seed), json.loads(task.ground_truth)
    return replace(task, completions=tuple(write(rng, kind, calls, length=length) for kind in task.kinds))


def with_tools(task: Task, count: int, seed: int = SEED) -> Task:
    """A task with a given number of tools: its own and others that nobody calls."""
    rng, called = random.Random(seed), json.loads(task.ground_truth)
    own = [tool for tool in json.loads(task.tools) if tool["function"]["name"] in {call["name"] for call in called}]
    others = (make_tool(rng, _TOOLS_IN_CATALOGUE + index) for index in range(count))
    return replace(task, tools=_json([*own, *others][:count]))


def pathological() -> Mapping[str, str]:
    """Completions that are dear or deadly to careless scorers, by what they are."""
    call = '[{"name": "f", "arguments": {"a": 1}}]'
    return {
        "`<tool_call>` 4,096 times (45 KB)": "<tool_call>" * 4096,
        "`<tool_call>` 90,000 times (1 MB)": "<tool_call>" * 90_000,
        "`<think>` 140,000 times, then a call": "<think>" * 140_000 + block(call),
        "`</tool_call>` 80,000 times": "</tool_call>" * 80_000,
        "`<tool_call></tool_call>` 40,000 times": "<tool_call></tool_call>" * 40_000,
        "100,000 brackets open": think("x") + block("[" * 100_000),
        "100,000 brackets, balanced": think("x") + block("[" * 100_000 + "]" * 100_000),
        "an integer of 100,000 digits": think("x") + block(call.replace("1", "1" * 100_000)),
        "a bare number": think("x") + block("5"),
        "1e400": think("x") + block(call.replace("1", "1e400")),
        "60,000 keys": think("x") + block(_many_keys(60_000)),
        "25,000 calls": think("x") + block("[" + ",".join([call[1:-1]] * 25_000) + "]"),
        "a megabyte of spaces": think("x") + " " * 1_000_000 + block(call),
        "a megabyte of reasoning": think("so " * 330_000) + block(call),
    }


def _many_keys(count: int) -> str:
    return json.dumps([{"name": "f", "arguments": {f"k{number}": number for number in range(count)}}])


def _tasks(rng: random.Random, count: int, group: int) -> Iterator[Task]:
    catalogue = [make_tool(rng, index) for index in range(_TOOLS_IN_CATALOGUE)]
    popularity = [1 / (rank + 1) ** _POPULARITY_EXPONENT for rank in range(len(catalogue))]
    for _ in range(count):
        drawn = rng.choices(catalogue, popularity, k=_drawn(rng, _TOOL_COUNTS))
        tools = {tool["function"]["name"]: tool for tool in drawn}
        lengths = [_length(rng) for _ in range(group)]
        yield _task(rng, list(tools.values()), lengths)


def _task(rng: random.Random, tools: list[Tool], lengths: Sequence[int]) -> Task:
    foreign = rng.random() < _FOREIGN_SHARE
    calls = _expected(rng, tools, Vocabulary(foreign=foreign))
    kinds = tuple(rng.choices(list(MIX), list(MIX.values()), k=len(lengths)))
    completions = tuple(
        write(rng, kind, calls, length=length, ascii_only=not foreign)
        for kind, length in zip(kinds, lengths, strict=True)
    )
    return Task(tools=_json(tools), ground_truth=_json(calls), completions=completions, kinds=kinds)


def _expected(rng: random.Random, tools: list[Tool], vocabulary: Vocabulary) -> Calls:
    called = [rng.choice(tools)["function"] for _ in range(_drawn(rng, _CALL_COUNTS))]
    return [{"name": tool["name"], "arguments": make_arguments(rng, tool["parameters"], vocabulary)} for tool in called]


def _late(rng: random.Random, task: Task) -> Task:
    calls = json.loads(task.ground_truth)
    repeated = rng.choices(("perfect", "wrong_value"), (80, 20))[0]
    text = payload(rng, repeated, calls)
    places = set(rng.sample(range(len(task.completions)), _EQUAL_PAYLOADS_LATE))
    completions = tuple(
        think(reason(rng, calls, _length(rng) - len(text) - 40)) + block(text) if place in places else completion
        for place, completion in enumerate(task.completions)
    )
    kinds = tuple(repeated if place in places else kind for place, kind in enumerate(task.kinds))
    return replace(task, completions=completions, kinds=kinds)


def _length(rng: random.Random) -> int:
    usual = rng.gauss(_LENGTH_MEAN, _LENGTH_DEVIATION)
    return round(min(usual if rng.random() > _SHORT_SHARE else usual / 2, 2440))


def _drawn(rng: random.Random, shares: Mapping[int, float]) -> int:
    return rng.choices(list(shares), list(shares.values()))[0]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

"""What scoring costs on this machine, timed now: of the verifier in this process, or of a service that runs."""

import json
import random
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from goodcall.rewards import DEFAULT_REWARD, find_reward
from goodcall.scoring import Scorer
from goodcall.types import TaskSource

ROUNDS = 5
TASKS = 64
"""Of a round; a step brings tasks that the service has not seen."""
TOOLS = 64
"""That tasks have in common; most of them are known after a round."""
TIMEOUT_S = 60


def verifier_us(completion_bytes: int, group: int) -> float:
    """CPU microseconds for a completion, of the verifier alone: no HTTP, no JSON around it."""
    scorer, reward = Scorer(), find_reward(DEFAULT_REWARD)

    def score(tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            source = TaskSource(
                tools=json.dumps(task["tools"]).encode(), ground_truth=json.dumps(task["ground_truth"]).encode()
            )
            scorer.score_group(task["completions"], source, reward)

    return _median_us(score, time.process_time, completion_bytes, group)


def service_us(url: str, completion_bytes: int, group: int, api_key: str | None = None) -> float:
    """Wall microseconds for a completion, of a service that answers one request at a time: network and queue included.

    Raises:
        OSError: the service can't be reached or refuses.
    """
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def score(tasks: list[dict[str, Any]]) -> None:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked where the URL came from
            f"{url.rstrip('/')}/score",
            data=json.dumps({"items": tasks}).encode(),
            headers={"Content-Type": "application/json", **({"X-Api-Key": api_key} if api_key else {})},
        )
        with straight.open(request, timeout=TIMEOUT_S) as answer:
            answer.read()

    return _median_us(score, time.perf_counter, completion_bytes, group)


def _median_us(
    score: Callable[[list[dict[str, Any]]], None], clock: Callable[[], float], completion_bytes: int, group: int
) -> float:
    found = []
    for round_ in range(ROUNDS + 1):
        tasks = list(_tasks(random.Random(round_), completion_bytes, group))
        started = clock()
        score(tasks)
        found.append((clock() - started) / (TASKS * group) * 1e6)
    # The first round warms what there is to warm.
    return statistics.median(found[1:])


def _tasks(rng: random.Random, completion_bytes: int, group: int) -> Iterator[dict[str, Any]]:
    """Tasks with three tools and a group of completions, half of them right."""
    for _ in range(TASKS):
        names = [f"find_{rng.randrange(TOOLS)}" for _ in range(3)]
        properties = {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 1},
            "units": {"type": "string"},
        }
        parameters = {"type": "object", "properties": properties, "required": ["city"]}
        tools = [{"name": name, "description": "Finds it. " * 8, "parameters": parameters} for name in names]
        call = {"name": names[0], "arguments": {"city": "Oslo", "days": rng.randrange(1, 1 << 30)}}
        texts = [_text({**call, "name": rng.choice(names)}, completion_bytes) for _ in range(group)]
        yield {"tools": tools, "ground_truth": [call], "completions": texts}


def _text(call: dict[str, Any], completion_bytes: int) -> str:
    answer = f"</think><tool_call>[{json.dumps(call)}]</tool_call>"
    reasoning = ("They ask for it, so it is looked up. " * (completion_bytes // 37 + 1))[
        : max(1, completion_bytes - len(answer) - 7)
    ]
    return f"<think>{reasoning}{answer}"

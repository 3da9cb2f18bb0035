"""A request may be sent again: the same bytes get the same bytes, from any service, worker and process, however often.

It is what makes the client's retries safe without idempotency keys.
"""

import json
from contextlib import ExitStack

import httpx
import pytest

from command_line import TIMEOUT_S
from goodcall.rewards import CATALOGUE
from serving import serving
from suites import golden_cases

REPLAYS = 1000
ITEMS = 8
REQUEST_ID = "the-same"
FIELDS = ("tools", "ground_truth", "context", "assistant_prefix")


def body_for(reward_id):
    items = [
        {"completions": [case["completion"]], **{field: case[field] for field in FIELDS if field in case}}
        for case in golden_cases(reward_id)[:ITEMS]
    ]
    return json.dumps({"reward": reward_id, "explain": True, "items": items}).encode()


@pytest.fixture(scope="module")
def services():
    """Two services, one of them with two workers, whose sets and dicts of strings are ordered differently."""
    with ExitStack() as stack:
        started = [serving(PYTHONHASHSEED="1"), serving("--workers", "2", PYTHONHASHSEED="2")]
        yield [stack.enter_context(service)[1] for service in started]


def test_a_thousand_replays_get_the_same_bytes_from_two_services(services):
    bodies = [body_for(reward_id) for reward_id in CATALOGUE]
    answers = [set() for _ in bodies]
    headers = {"content-type": "application/json", "x-request-id": REQUEST_ID}
    with ExitStack() as stack:
        # Two connections each, one for every worker.
        clients = [
            stack.enter_context(httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=TIMEOUT_S))
            for url in services * 2
        ]
        for replay in range(REPLAYS):
            number, client = replay % len(bodies), clients[replay % len(clients)]
            response = client.post("/score", content=bodies[number])
            assert response.status_code == 200
            answers[number].add(response.content)
    assert [len(seen) for seen in answers] == [1] * len(bodies)

"""The real client and the real service with a bad network between them, and with a service that dies."""

import asyncio
import dataclasses
import json
import os
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx

from fault_proxy import Fate, FaultProxy
from goodcall.reasons import Reason
from goodcall_client import AsyncClient, Item
from goodcall_client._types import SERVICE_UNAVAILABLE
from serving import kill, serving, worker_pids

CALLS = int(os.environ.get("FAULTY_CALLS", "1000"))
IN_FLIGHT = 32
TOOL = {"name": "f", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}


def item_of(number):
    """A task like no other, with a completion that is right, wrong in its own way, or has no verdict."""
    made = {0: number, 1: number + 1, 2: str(number), 3: number}[number % 4]
    expected = number if number % 4 < 3 else str(number)  # a string breaks the tool's schema
    return Item(
        id=f"row-{number}",
        tools=[TOOL],
        ground_truth=[{"name": "f", "arguments": {"n": expected}}],
        completions=[write_call(made)],
    )


def write_call(n):
    return f"<think>é {n} \ud800</think><tool_call>{json.dumps([{'name': 'f', 'arguments': {'n': n}}])}</tool_call>"


def written(items):
    """All that was said of some items, as bytes."""
    return json.dumps([dataclasses.asdict(item) for item in items]).encode()


async def scored_one_by_one(client, calls):
    """The verdicts of as many calls of one item each, a number of which run at a time."""
    found = {}
    numbers = iter(range(calls))

    async def caller():
        for number in numbers:
            [found[number]] = (await client.score([item_of(number)], explain=True)).items

    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    return [found[number] for number in range(calls)]


async def test_every_call_through_a_bad_network_gives_byte_for_byte_what_a_good_one_gives():
    with serving() as (_, url):
        proxy = FaultProxy(url, seed=5)
        async with proxy.running(), AsyncClient(proxy.url, max_in_flight=IN_FLIGHT) as client:
            through_faults = await scored_one_by_one(client, CALLS)
        async with AsyncClient(url) as client:
            result = await client.score([item_of(number) for number in range(CALLS)], explain=True)
    assert written(through_faults) == written(result.items)
    assert [item.id for item in through_faults] == [f"row-{number}" for number in range(CALLS)]
    assert {verdict.score for item in through_faults for verdict in item.verdicts} == {1.0, 0.0, None}
    assert proxy.met[Fate.DELIVERED] + proxy.met[Fate.DELAYED] == CALLS
    assert min(proxy.met[fate] for fate in Fate) > CALLS / 20


class KillingTransport(httpx.AsyncHTTPTransport):
    """Does something once, when a number of answers have arrived and more are on their way."""

    def __init__(self, answers, then):
        super().__init__(verify=False, trust_env=False)
        self._left = answers
        self._then = then

    async def handle_async_request(self, request):
        response = await super().handle_async_request(request)
        self._left -= 1
        if self._left == 0:
            self._then()
        return response


BATCH = [
    Item(
        id=f"group-{number}",
        tools=[TOOL],
        ground_truth=[{"name": "f", "arguments": {"n": number}}],
        completions=[write_call(number + delta) for delta in range(8)],
    )
    for number in range(200)
]


async def scored_while(url, then):
    """Checks that a batch gets each of its verdicts once, though something happens in its middle."""
    transport = KillingTransport(30, then)
    async with AsyncClient(url, max_completions_per_request=16, transport=transport) as client:
        result = await client.score(BATCH, explain=True)
        undisturbed = await client.score(BATCH, explain=True)
    assert [item.id for item in result.items] == [item.id for item in BATCH]
    assert [[verdict.score for verdict in item.verdicts] for item in result.items] == [[1.0] + [0.0] * 7] * 200
    assert written(result.items) == written(undisturbed.items)
    assert len(set(result.request_ids)) == 100


async def test_a_batch_outlives_its_service_being_killed_and_started_again():
    with ExitStack() as services:
        process, url = services.enter_context(serving())
        again = []

        def kill_and_start_again():
            process.kill()
            port = str(urlsplit(url).port)
            again.append(asyncio.create_task(asyncio.to_thread(services.enter_context, serving("--port", port))))

        await scored_while(url, kill_and_start_again)
        assert (await again[0])[1] == url
        assert process.poll() is not None


async def test_a_batch_outlives_a_worker_of_its_service_being_killed():
    with serving("--workers", "2") as (process, url):
        killed = worker_pids(process)[0]
        await scored_while(url, lambda: kill(killed))
        assert "another takes its place" in process.stderr.readline()
        assert killed not in worker_pids(process)


def test_the_service_never_gives_the_reason_by_which_the_client_marks_what_it_masked():
    assert SERVICE_UNAVAILABLE not in {reason.value for reason in Reason}

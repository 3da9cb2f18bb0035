"""Two services behind a balancer are restarted in turn under load, and no call of a client fails.

``SOAK_S=60`` goes on for as many seconds; ``make soak`` runs that.
"""

import asyncio
import itertools
import json
import os
import signal
import sys
from collections import Counter
from contextlib import ExitStack

import httpx

from command_line import TIMEOUT_S
from goodcall_client import AsyncClient, Item
from round_robin import RoundRobin
from serving import serving

SOAK_S = float(os.environ.get("SOAK_S", "0"))
CALLERS = 8
GROUP = 16
DRAIN_DELAY_S = "0.4"
"""Many times what the balancer takes to notice."""
RIGHT = [1.0] + [0.0] * (GROUP - 1)


def group_of(number):
    """A task like no other; its first completion is right."""
    calls = [[{"name": "f", "arguments": {"n": number + delta}}] for delta in range(GROUP)]
    texts = [f"<think>t</think><tool_call>{json.dumps(call)}</tool_call>" for call in calls]
    return Item(id=f"group-{number}", completions=texts, ground_truth=calls[0])


class CountingTransport(httpx.AsyncHTTPTransport):
    """Counts the attempts, and those that came to nothing."""

    def __init__(self):
        super().__init__(verify=False, trust_env=False)
        self.seen = Counter()

    async def handle_async_request(self, request):
        self.seen["attempts"] += 1
        try:
            response = await super().handle_async_request(request)
        except httpx.TransportError as error:
            self.seen[type(error).__name__] += 1
            raise
        self.seen[response.status_code] += 1
        return response


class Fleet:
    """Two services that a balancer knows."""

    def __init__(self, balancer, stack):
        self._balancer = balancer
        self._stack = stack
        self._services = []
        self.restarts = 0

    async def start(self):
        """Starts one, and returns when the balancer has found out that it is ready."""
        service = serving(GOODCALL_DRAIN_DELAY_S=DRAIN_DELAY_S)
        process, url = await asyncio.to_thread(self._stack.enter_context, service)
        self._services.append((process, url))
        self._balancer.add(url)
        await self._balancer.until_ready(len(self._services))

    async def restart_the_older(self):
        """Ends the one that was started first as a cluster does, then starts another."""
        process, url = self._services.pop(0)
        process.send_signal(signal.SIGTERM)
        output, errors = await asyncio.to_thread(process.communicate, timeout=TIMEOUT_S)
        assert (process.returncode, output, errors) == (0, "", "")
        self._balancer.remove(url)
        await self.start()
        self.restarts += 1


async def test_no_call_fails_while_two_services_are_restarted_in_turn_under_load():
    transport, balancer, numbers = CountingTransport(), RoundRobin(), itertools.count()
    scored = Counter()

    async def caller(over):
        while not over.is_set():
            number = next(numbers)
            [item] = (await client.score([group_of(number)])).items
            assert [verdict.score for verdict in item.verdicts] == RIGHT
            scored[item.id] += 1

    with ExitStack() as stack:
        async with (
            balancer.running(),
            AsyncClient(balancer.url, max_in_flight=CALLERS, transport=transport, deadline_s=30) as client,
        ):
            fleet, over = Fleet(balancer, stack), asyncio.Event()
            await asyncio.gather(fleet.start(), fleet.start())
            until = asyncio.get_running_loop().time() + SOAK_S
            callers = [asyncio.create_task(caller(over)) for _ in range(CALLERS)]
            while fleet.restarts < 2 or asyncio.get_running_loop().time() < until:
                await fleet.restart_the_older()
                assert not any(task.done() for task in callers)
            over.set()
            await asyncio.gather(*callers)
    calls = next(numbers)
    assert scored == {f"group-{number}": 1 for number in range(calls)}
    # The one that was started last may have come too late.
    assert len(balancer.dealt) > fleet.restarts
    sys.stderr.write(f"\n{fleet.restarts} restarts, {calls:,} calls, 0 failed; attempts: {dict(transport.seen)}\n")

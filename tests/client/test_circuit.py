"""A dead service is asked by one request at a time, and the others wait. Time is virtual throughout."""

import asyncio
import math
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from goodcall_client import GoodcallError, Item, RequestRejected, ScoreResult, ServiceUnavailable
from goodcall_client._circuit import Circuit

ITEMS = [Item(completions=["a"], ground_truth=[])]


def now() -> float:
    return asyncio.get_running_loop().time()


def down_until(moment: float, fault: Any) -> Iterator[Any]:
    while now() < moment:
        yield fault


async def outcomes(client: Any, calls: int, **options: Any) -> list[Any]:
    return await asyncio.gather(*(client.score(ITEMS, **options) for _ in range(calls)), return_exceptions=True)


async def broken(client: Any, service: Any, fault: Any) -> None:
    """Makes five attempts fail, which opens the circuit."""
    service.faults = iter([fault] * 5)
    for _ in range(5):
        with pytest.raises(GoodcallError):
            await client.score(ITEMS, deadline_s=0.001)


@pytest.mark.parametrize("fault", ["refused", "reset", "503", "hang", "cut off"])
def test_of_many_requests_one_at_a_time_asks_a_dead_service_and_all_are_answered_in_the_end(
    fault: str, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    scripts = {
        "refused": faults.error(httpx.ConnectError("refused")),
        "reset": faults.error(httpx.ReadError("reset")),
        "503": faults.status(503),
        "hang": faults.hang(),
        "cut off": faults.body(lambda right: right[:-1]),
    }

    async def main(seed: int) -> None:
        service = fake_service(down_until(60, scripts[fault]), delay_s=0.01)
        settings = {"_rng": random.Random(seed), "max_in_flight": 20, "attempt_timeout_s": 2}
        async with connect(service, **settings) as client:
            ended = await outcomes(client, 20)
        assert {type(outcome) for outcome in ended} == {ScoreResult}
        assert now() <= 72
        first, later = service.arrivals[:20], [at for at in service.arrivals[20:] if at < 60]
        assert first == [0] * 20
        assert len(later) < 30
        assert all(gap >= 0.01 for gap in gaps(later))

    for seed in range(5):
        in_virtual_time(main(seed))


def gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(moments)]


def test_one_answer_sends_all_who_wait(fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any) -> None:
    async def main() -> None:
        service = fake_service(down_until(30, faults.status(503)), delay_s=1.0)
        async with connect(service, max_in_flight=10) as client:
            await outcomes(client, 10)
        probe, *others = [at for at in service.arrivals if at >= 30 - 1]
        assert others == [pytest.approx(probe + 1.0)] * 9

    in_virtual_time(main())


def test_four_failures_in_a_row_keep_nobody_waiting(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.status(503), *[faults.status(500)] * 3, None])
        async with connect(service, max_in_flight=4) as client:
            with pytest.raises(ServiceUnavailable):
                await asyncio.gather(*(client.score(ITEMS, deadline_s=1e-6) for _ in range(4)))
            await client.score(ITEMS, deadline_s=1e-6)

    in_virtual_time(main())


def test_with_the_circuit_open_a_call_that_has_no_time_to_wait_fails_at_once_and_says_why(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service()
        async with connect(service) as client:
            await broken(client, service, faults.status(503, {"code": "not_ready"}, {"retry-after": "30"}))
            words = r"gave up after 0 attempts.*not sent, because after 5 failed attempts in a row.*503 not_ready"
            with pytest.raises(ServiceUnavailable, match=words) as caught:
                await client.score(ITEMS, deadline_s=29)
            assert (caught.value.attempts, now()) == (0, 0)
            assert len(service.bodies) == 5
            await client.score(ITEMS, deadline_s=40)
            assert 30 <= now() <= 33

    in_virtual_time(main())


def test_with_the_circuit_open_a_call_that_waits_behind_another_ends_at_its_own_deadline(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service()
        async with connect(service) as client:
            await broken(client, service, faults.status(503))
            service.faults = iter([faults.hang()])
            patient = asyncio.create_task(client.score(ITEMS, deadline_s=60))
            await asyncio.sleep(8)
            with pytest.raises(ServiceUnavailable, match="only one request at a time") as caught:
                await client.score(ITEMS, deadline_s=10)
            assert (caught.value.attempts, now()) == (0, 18)
            assert len((await patient).scores) == 1

    in_virtual_time(main())


def test_a_call_that_waits_for_a_place_during_an_outage_says_so(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service(down_until(math.inf, faults.status(503, {"code": "not_ready"})))
        async with connect(service, max_in_flight=1) as client:
            patient = asyncio.create_task(client.score(ITEMS))
            await asyncio.sleep(30)
            with pytest.raises(ServiceUnavailable, match=r"max_in_flight.*failed attempts in a row.*503 not_ready"):
                await client.score(ITEMS, deadline_s=10)
            patient.cancel()

    in_virtual_time(main())


def test_callers_in_a_hurry_do_not_open_the_circuit_for_others(
    fake_service: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service(delay_s=1.0)
        async with connect(service, max_in_flight=20) as client:
            ended = await outcomes(client, 20, deadline_s=0.5)
            assert {type(outcome) for outcome in ended} == {ServiceUnavailable}
            await client.score(ITEMS)
        assert now() == 1.5

    in_virtual_time(main())


@pytest.mark.parametrize("status", [408, 425, 429])
def test_a_service_that_asks_for_patience_is_not_dead(
    status: int, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service()
        async with connect(service) as client:
            await broken(client, service, faults.status(status, headers={"retry-after": "30"}))
            await client.score(ITEMS, deadline_s=0.001)
        assert now() == 0

    in_virtual_time(main())


@pytest.mark.parametrize("status", [301, 400, 401, 422])
def test_a_refusal_is_an_answer_too(
    status: int, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service()
        async with connect(service) as client:
            await broken(client, service, faults.status(503))
            service.faults = iter([faults.status(status)])
            with pytest.raises(RequestRejected):
                await client.score(ITEMS)
            await client.score(ITEMS, deadline_s=0.001)

    in_virtual_time(main())


def test_an_overloaded_service_is_back_too(fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any) -> None:
    async def main() -> None:
        service = fake_service()
        async with connect(service) as client:
            await broken(client, service, faults.status(503))
            service.faults = iter([faults.status(429, headers={"retry-after": "20"})])
            told_to_wait = asyncio.create_task(client.score(ITEMS))
            await asyncio.sleep(8)
            await client.score(ITEMS, deadline_s=0.001)
            assert not told_to_wait.done()
            assert len((await told_to_wait).scores) == 1
        assert 20 <= now() <= 30

    in_virtual_time(main())


def test_a_service_that_is_ready_again_is_asked_at_once(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service()
        async with connect(service) as client:
            await broken(client, service, faults.status(503, headers={"retry-after": "30"}))
            waiting = asyncio.create_task(client.score(ITEMS))
            await asyncio.sleep(1)
            await client.wait_until_ready()
            assert len((await waiting).scores) == 1
            assert now() == 1

    in_virtual_time(main())


def test_no_answer_can_ask_for_more_than_a_minute_of_peace_from_other_calls(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service()
        async with connect(service) as client:
            await broken(client, service, faults.status(503, headers={"retry-after": "86400"}))
            await client.score(ITEMS)
            assert now() == 60

    in_virtual_time(main())


def test_who_gives_up_while_asking_or_waiting_leaves_the_turn_to_the_next(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service()
        async with connect(service, max_in_flight=10) as client:
            await broken(client, service, faults.status(503))
            service.faults = iter([faults.hang(), None])
            calls = [asyncio.create_task(client.score(ITEMS)) for _ in range(4)]
            await asyncio.sleep(8)
            assert service.under_way == 1
            calls[1].cancel()
            calls[0].cancel()
            await asyncio.sleep(0.5)
            assert [call.done() for call in calls] == [True] * 4
            assert [len((await call).scores) for call in calls[2:]] == [1, 1]

    in_virtual_time(main())


def test_a_failure_during_the_pause_prolongs_it(in_virtual_time: Any) -> None:
    async def main() -> None:
        circuit = Circuit()
        for _ in range(5):
            circuit.failed("503", 4.0)
        asyncio.get_running_loop().call_at(2.0, circuit.failed, "503", 5.0)
        async with circuit.admission(100.0):
            assert now() == 7

    in_virtual_time(main())


def test_an_answer_during_the_pause_ends_it(in_virtual_time: Any) -> None:
    async def main() -> None:
        circuit = Circuit()
        for _ in range(9):
            circuit.failed("503", 4.0)
        assert (circuit.is_open, circuit.failures_since_open) == (True, 4)
        asyncio.get_running_loop().call_at(2.0, circuit.answered)
        async with circuit.admission(100.0), circuit.admission(100.0):
            assert now() == 2
        assert (circuit.is_open, circuit.failures_since_open) == (False, 0)

    in_virtual_time(main())

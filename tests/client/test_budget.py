"""How many retries a client makes in all. Time is virtual throughout."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from goodcall_client import Item, ScoreResult, ServiceUnavailable
from goodcall_client._budget import RetryBudget

CALLS = 1000


def now() -> float:
    return asyncio.get_running_loop().time()


def endless(fault: Any) -> Iterator[Any]:
    while True:
        yield fault


def items(completion: str = "x") -> list[Item]:
    return [Item(completions=[completion], ground_truth=[])]


async def outcomes(client: Any, calls: int, **options: Any) -> list[Any]:
    scored = (client.score(items(str(number)), **options) for number in range(calls))
    return await asyncio.gather(*scored, return_exceptions=True)


@pytest.mark.parametrize(
    ("fault", "max_in_flight", "deadline_s"),
    [
        ("503", 4, 120.0),
        ("503", CALLS, 120.0),
        ("503", CALLS, 0.5),
        ("503 with Retry-After", CALLS, 120.0),
        ("429", CALLS, 120.0),
    ],
)
def test_a_thousand_calls_in_flight_against_a_dead_service_are_1250_attempts_at_most(  # noqa: PLR0917 - fixtures
    fault: str,
    max_in_flight: int,
    deadline_s: float,
    fake_service: Any,
    faults: Any,
    connect: Any,
    in_virtual_time: Any,
) -> None:
    scripts = {
        "503": faults.status(503),
        "503 with Retry-After": faults.status(503, headers={"retry-after": "1"}),
        "429": faults.status(429),
    }

    async def main() -> None:
        service = fake_service(endless(scripts[fault]))
        async with connect(service, max_in_flight=max_in_flight, deadline_s=deadline_s) as client:
            ended = await outcomes(client, CALLS)
        assert {type(outcome) for outcome in ended} == {ServiceUnavailable}
        assert len(service.requests) <= 1250
        assert now() <= deadline_s + 0.05

    in_virtual_time(main())


@pytest.mark.parametrize("deadline_s", [0.1, 1.0, 5.0])
def test_a_thousand_short_calls_one_after_another_are_1250_attempts_at_most(
    deadline_s: float, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service(endless(faults.status(503)))
        async with connect(service, deadline_s=deadline_s) as client:
            for _ in range(CALLS):
                with pytest.raises(ServiceUnavailable):
                    await client.score(items())
        assert len(service.requests) <= 1250

    in_virtual_time(main())


@pytest.mark.parametrize("fault", ["refused", "503", "503 with Retry-After", "429", "cut off"])
@pytest.mark.parametrize("requests", [1, 8])
def test_one_call_outwaits_a_restart_however_many_requests_it_is(
    requests: int, fault: str, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    scripts = {
        "refused": faults.error(httpx.ConnectError("refused")),
        "503": faults.status(503),
        "503 with Retry-After": faults.status(503, headers={"retry-after": "5"}),
        "429": faults.status(429),
        "cut off": faults.body(lambda right: right[:-1]),
    }

    async def main(seed: int) -> None:
        def outage() -> Iterator[Any]:
            while now() < 90:
                yield scripts[fault]

        service = fake_service(outage())
        settings = {"_rng": random.Random(seed), "max_completions_per_request": 2}
        async with connect(service, **settings) as client:
            result = await client.score([Item(completions=["x"] * 2 * requests, ground_truth=[])], deadline_s=120)
        assert len(result.scores) == 2 * requests
        assert 90 <= now() <= 100

    for seed in range(8):
        in_virtual_time(main(seed))


def test_fruitless_retries_are_a_fifth_of_the_requests_and_ten_and_one_a_second(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    """Two of three attempts fail, in no order that would open the circuit for long."""
    met: Counter[bool] = Counter()

    def script() -> Iterator[Any]:
        rng = random.Random(7)
        while True:
            fails = rng.random() < 2 / 3
            met[fails] += 1
            yield faults.status(429) if fails else None

    async def main() -> None:
        service = fake_service(script(), delay_s=0.01)
        async with connect(service, max_in_flight=50, deadline_s=60) as client:
            ended = await outcomes(client, CALLS)
        times = Counter(service.bodies)
        scored = [number for number, outcome in enumerate(ended) if isinstance(outcome, ScoreResult)]
        mended = sum(times[body_of(number)] > 1 for number in scored)
        fruitless = len(service.bodies) - len(times) - mended
        assert fruitless <= 0.2 * len(times) + 10 + now()
        assert len(scored) > 50
        assert now() <= 60.05

    def body_of(number: int) -> bytes:
        return b'{"items":[{"ground_truth":[],"completions":["%d"]}]}' % number

    in_virtual_time(main())
    assert met[True] > met[False]


def test_retries_that_are_answered_cost_nothing(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    """A fifth of all attempts lost makes 25 retries for 100 requests, more than 20 %, and none of them is delayed."""

    async def main() -> None:
        rng = random.Random(3)
        script = (faults.error(httpx.ReadError("reset")) if rng.random() < 0.2 else None for _ in range(10**6))
        service = fake_service(script)
        async with connect(service, max_in_flight=16, deadline_s=60) as client:
            ended = await outcomes(client, 2000)
        assert {type(outcome) for outcome in ended} == {ScoreResult}
        assert len(service.bodies) > 2400
        assert now() < 10

    in_virtual_time(main())


def test_a_call_that_ends_for_want_of_a_retry_says_so(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service(endless(faults.status(429, {"code": "overloaded"})))
        async with connect(service, max_in_flight=50, deadline_s=5) as client:
            ended = await outcomes(client, 50)
        words = "429 overloaded: Too Many Requests; then the retry budget of this client was used up"
        starved = [error for error in ended if isinstance(error, ServiceUnavailable) and words in str(error)]
        assert len(starved) > 20
        assert {error.attempts for error in starved} <= {1, 2, 3}

    in_virtual_time(main())


def test_a_caller_that_gives_up_waiting_for_a_retry_leaves_the_line(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        def script() -> Iterator[Any]:
            while now() < 30:
                yield faults.status(429)

        async with connect(fake_service(script()), max_in_flight=50, deadline_s=300) as client:
            calls = [asyncio.create_task(client.score(items(str(number)))) for number in range(50)]
            await asyncio.sleep(20)
            for call in calls[:-1]:
                call.cancel()
            assert len((await calls[-1]).scores) == 1
        assert now() <= 40

    in_virtual_time(main())


async def taken_at_once(budget: RetryBudget) -> int:
    """How many retries the budget allows without a wait."""
    started, taken = now(), 0
    while True:
        await budget.take()
        if now() > started:
            return taken
        taken += 1


def test_a_budget_holds_ten_at_first_and_a_hundred_at_most(in_virtual_time: Any) -> None:
    async def main() -> None:
        assert await taken_at_once(RetryBudget()) == 10
        for earned, allowed in ((5, 11), (100, 30), (10**4, 100)):
            budget = RetryBudget()
            for _ in range(earned):
                budget.earn()
            assert await taken_at_once(budget) == allowed

    in_virtual_time(main())


def test_an_empty_budget_gives_one_a_second_and_fills_up_to_ten(in_virtual_time: Any) -> None:
    async def main() -> None:
        budget = RetryBudget()
        assert await taken_at_once(budget) == 10
        for second in range(2, 60):
            await budget.take()
            assert now() == pytest.approx(second)
        await asyncio.sleep(3600)
        assert await taken_at_once(budget) == 10

    in_virtual_time(main())


def test_a_token_given_back_is_taken_at_once(in_virtual_time: Any) -> None:
    async def main() -> None:
        budget = RetryBudget(floor=0, per_s=1e-9)
        line = [asyncio.create_task(budget.take()) for _ in range(3)]
        for waiting in range(3, 0, -1):
            await asyncio.sleep(1)
            assert sum(not task.done() for task in line) == waiting
            budget.give_back()
        await line[2]
        assert now() == 3

    in_virtual_time(main())


def test_five_first_attempts_earn_one_retry(in_virtual_time: Any) -> None:
    async def main() -> None:
        budget = RetryBudget(floor=0, per_s=1e-9)
        retry = asyncio.create_task(budget.take())
        for _ in range(5):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not retry.done()
            budget.earn()
        await retry
        assert now() < 1e-3

    in_virtual_time(main())

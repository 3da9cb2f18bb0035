"""When the client asks again, how long it waits, and when it stops. Time is virtual throughout."""

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall_client import GoodcallError, InvalidResponse, Item, RequestRejected, ServiceUnavailable
from goodcall_client._retry import asked_to_wait_s

ITEMS = [Item(completions=["a", "b", "c"], ground_truth=[])]


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("status", [301, 304, 308, 400, 401, 403, 404, 405, 409, 413, 415, 422, 431])
def test_what_the_service_would_refuse_again_is_not_sent_again(
    status: int, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.status(status, headers={"retry-after": "1"})])
        async with connect(service) as client:
            with pytest.raises(RequestRejected) as caught:
                await client.score(ITEMS)
        assert caught.value.status == status
        assert len(service.requests) == 1
        assert now() == 0

    in_virtual_time(main())


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 507, 599])
def test_what_may_pass_is_sent_again_byte_for_byte(
    status: int, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.status(status)] * 4)
        async with connect(service) as client:
            assert len((await client.score(ITEMS)).scores) == 3
        assert len(service.bodies) == 5
        assert len(set(service.bodies)) == 1

    in_virtual_time(main())


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("too slow"),
        httpx.ReadError(""),
        httpx.ReadTimeout(""),
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("peer closed connection"),
        httpx.DecodingError("not gzip"),
        TimeoutError(),
    ],
    ids=repr,
)
def test_errors_of_the_connection_are_retried_and_named_in_the_end(
    error: Exception, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        async with connect(fake_service([faults.error(error)])) as client:
            assert len((await client.score(ITEMS)).scores) == 3
        async with connect(fake_service([faults.error(error)] * 1000), deadline_s=30) as client:
            with pytest.raises(ServiceUnavailable) as caught:
                await client.score(ITEMS)
        assert caught.value.__cause__ is error
        assert caught.value.attempts > 3
        assert caught.value.cause
        assert not caught.value.cause.endswith(": ")

    in_virtual_time(main())


async def test_a_bug_in_the_transport_is_raised_as_it_is(fake_service: Any, faults: Any, connect: Any) -> None:
    service = fake_service([faults.error(ZeroDivisionError())])
    async with connect(service) as client:
        with pytest.raises(ZeroDivisionError):
            await client.score(ITEMS)


def test_pauses_are_full_jitter_up_to_eight_seconds(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    """Each pause is drawn from [0, min(8, 0.25 * 2**n)]; over 100 clients the draws fill the range."""

    async def pauses(seed: int) -> list[float]:
        service = fake_service([faults.status(503)] * 9)
        async with connect(service, _rng=random.Random(seed), deadline_s=1000) as client:
            await client.score(ITEMS)
        return [later - earlier for earlier, later in pairwise(service.arrivals)]

    runs = [in_virtual_time(pauses(seed)) for seed in range(100)]
    for number, draws in enumerate(zip(*runs, strict=True)):
        bound = min(8.0, 0.25 * 2**number)
        assert 0 <= min(draws) < bound * 0.1
        assert bound * 0.9 < max(draws) <= bound
        assert sum(draws) / len(draws) == pytest.approx(bound / 2, rel=0.15)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 20 "}, 20.0),
        ({"retry-after": "Mon, 02 Jan 2040 03:04:35 GMT", "date": "Mon, 02 Jan 2040 03:04:05 GMT"}, 30.0),
        ({"retry-after": "Mon, 02 Jan 2040 03:04:35 -0000", "date": "Mon, 02 Jan 2040 04:04:05 +0100"}, 30.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_never_early_and_at_most_a_tenth_late(  # noqa: PLR0917 - fixtures
    headers: Mapping[str, str],
    wait_s: float,
    status: int,
    fake_service: Any,
    faults: Any,
    connect: Any,
    in_virtual_time: Any,
) -> None:
    async def waited(seed: int) -> float:
        service = fake_service([faults.status(status, headers=headers)])
        async with connect(service, _rng=random.Random(seed)) as client:
            await client.score(ITEMS)
        return float(service.arrivals[1] - service.arrivals[0])

    waits = [in_virtual_time(waited(seed)) for seed in range(50)]
    assert min(waits) >= wait_s
    assert max(waits) <= wait_s * 1.1
    assert len(set(waits)) > 40


@pytest.mark.parametrize("value", ["120", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_retry_after_past_the_deadline_ends_the_call_at_once(
    value: str, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.status(429, headers={"retry-after": value})])
        async with connect(service, deadline_s=100) as client:
            with pytest.raises(ServiceUnavailable, match=r"429.*asks to wait") as caught:
                await client.score(ITEMS)
        assert now() == 0
        assert caught.value.attempts == 1

    in_virtual_time(main())


@pytest.mark.parametrize("value", ["0", "Mon, 01 Jan 1990 00:00:00 GMT", "-5", "1.5", "soon", "", "٣"])
def test_a_retry_after_that_asks_for_nothing_leaves_the_back_off_as_it_is(
    value: str, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def arrivals(headers: Mapping[str, str]) -> Any:
        service = fake_service([faults.status(503, headers=headers)] * 5)
        async with connect(service) as client:
            await client.score(ITEMS)
        return service.arrivals

    with_header = in_virtual_time(arrivals({"retry-after": value}))
    assert with_header == in_virtual_time(arrivals({}))
    assert with_header[-1] > 0


@given(value=st.text(), date=st.text())
def test_no_retry_after_header_can_break_the_client(value: str, date: str) -> None:
    asked_s = asked_to_wait_s({"retry-after": value, "date": date})
    assert asked_s is None or asked_s >= 0


@pytest.mark.parametrize("fault", ["hang", "503", "refused", "cut off"])
@pytest.mark.parametrize("deadline_s", [0.001, 0.2, 7.0, 100.0])
def test_one_deadline_holds_for_all_requests_and_retries_of_a_call(
    fault: str, deadline_s: float, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    scripts = {
        "hang": faults.hang(),
        "503": faults.status(503),
        "refused": faults.error(httpx.ConnectError("refused")),
        "cut off": faults.body(lambda right: right[:-1]),
    }

    async def main() -> None:
        service = fake_service([scripts[fault]] * 10_000)
        async with connect(service, max_completions_per_request=1, max_in_flight=2) as client:
            with pytest.raises(GoodcallError) as caught:
                await client.score(ITEMS, deadline_s=deadline_s)
        assert isinstance(caught.value, ServiceUnavailable | InvalidResponse)
        assert now() <= deadline_s + 0.05
        assert caught.value.elapsed_s == now()
        assert caught.value.deadline_s == deadline_s

    in_virtual_time(main())


def test_an_attempt_that_hangs_is_given_up_and_repeated(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.hang()])
        async with connect(service, attempt_timeout_s=10) as client:
            assert len((await client.score(ITEMS)).scores) == 3
        assert 10 <= now() <= 10.25
        assert service.cancelled == 1

    in_virtual_time(main())


def test_an_attempt_gets_no_more_time_than_the_call_has_left(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        async with connect(fake_service([faults.hang()]), attempt_timeout_s=30) as client:
            with pytest.raises(ServiceUnavailable, match=r"no answer within 5\.0 s"):
                await client.score(ITEMS, deadline_s=5)
        assert now() == 5

    in_virtual_time(main())


def test_waiting_for_a_place_counts_towards_the_deadline(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.hang(20)])
        async with connect(service, max_in_flight=1) as client:
            first = asyncio.create_task(client.score(ITEMS))
            await asyncio.sleep(1)
            with pytest.raises(ServiceUnavailable, match="max_in_flight") as caught:
                await client.score(ITEMS, deadline_s=3)
            assert (caught.value.attempts, now()) == (0, 4)
            assert len((await first).scores) == 3
            assert len((await client.score(ITEMS)).scores) == 3

    in_virtual_time(main())


def test_a_place_is_kept_while_backing_off(fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any) -> None:
    """With the whole service down, a call of ten requests troubles it with no more than `max_in_flight`."""

    async def main() -> None:
        service = fake_service([faults.status(503)] * 10_000)
        async with connect(service, max_completions_per_request=1, max_in_flight=2) as client:
            with pytest.raises(ServiceUnavailable):
                await client.score([Item(completions=["x"], ground_truth=n) for n in range(10)], deadline_s=60)
        # The place of the request that gives up goes to the next one, just before that is cancelled.
        assert len(set(service.bodies[:-1])) == 2

    in_virtual_time(main())


def test_one_request_refused_cancels_the_others_and_raises_its_own_error(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.hang(), faults.hang(), faults.status(422)])
        async with connect(service, max_completions_per_request=1, max_in_flight=3) as client:
            with pytest.raises(RequestRejected):
                await client.score(ITEMS)
        assert now() == 0
        assert service.cancelled == 2

    in_virtual_time(main())


def test_a_cancelled_call_cancels_its_requests_and_frees_their_places(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.hang(), faults.hang()])
        async with connect(service, max_completions_per_request=1, max_in_flight=2) as client:
            call = asyncio.create_task(client.score(ITEMS))
            await asyncio.sleep(1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (service.under_way, service.cancelled) == (0, 2)
            assert len((await client.score(ITEMS)).scores) == 3

    in_virtual_time(main())


def test_a_call_may_wait_for_ever(fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any) -> None:
    """1,100 doublings of the first pause would overflow a float."""

    async def main() -> None:
        service = fake_service([faults.status(503)] * 1100)
        async with connect(service, deadline_s=math.inf) as client:
            assert len((await client.score(ITEMS)).scores) == 3
        assert now() > 3600

    in_virtual_time(main())


@pytest.mark.parametrize("up_after_s", [0.0, 0.7, 12.0])
def test_readiness_is_noticed_within_about_a_second(
    up_after_s: float, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        refused = faults.error(httpx.ConnectError("refused"))

        def script() -> Any:
            while now() < up_after_s:
                yield refused if now() < up_after_s / 2 else faults.status(503)

        async with connect(fake_service(script())) as client:
            await client.wait_until_ready()
        assert up_after_s <= now() <= up_after_s + 1.0

    in_virtual_time(main())


def test_a_service_that_never_gets_ready_is_unavailable(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        async with connect(fake_service([faults.status(503, {"code": "draining"})] * 10_000)) as client:
            with pytest.raises(ServiceUnavailable, match="503 draining"):
                await client.wait_until_ready()
        assert 29 <= now() <= 30

    in_virtual_time(main())


async def test_readiness_asked_of_something_else_fails_at_once(fake_service: Any, faults: Any, connect: Any) -> None:
    async with connect(fake_service([faults.status(404)])) as client:
        with pytest.raises(RequestRejected, match="Check base_url"):
            await client.wait_until_ready()


@pytest.mark.parametrize("deadline_s", [0, -1, math.nan])
@pytest.mark.parametrize("call", ["score", "rewards", "wait_until_ready"])
async def test_a_deadline_that_is_not_above_zero_is_refused(
    deadline_s: float, call: str, fake_service: Any, connect: Any
) -> None:
    service = fake_service()
    async with connect(service) as client:
        calls: dict[str, Callable[[], Any]] = {
            "score": lambda: client.score(ITEMS, deadline_s=deadline_s),
            "rewards": lambda: client.rewards(deadline_s=deadline_s),
            "wait_until_ready": lambda: client.wait_until_ready(deadline_s=deadline_s),
        }
        with pytest.raises(ValueError, match="deadline_s"):
            await calls[call]()
    assert service.bodies == []

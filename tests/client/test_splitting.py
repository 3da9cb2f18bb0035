"""Calls of any size: split into requests, sent side by side, merged in order."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goodcall_client import Item

PROPERTY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def items_of(sizes: list[int]) -> list[Item]:
    return [
        Item(
            id=f"row-{row}" if row % 3 else None,
            ground_truth=[{"name": "f", "arguments": {"row": row}}],
            completions=[f"completion {row}.{index}" for index in range(size)],
        )
        for row, size in enumerate(sizes)
    ]


@PROPERTY
@given(
    sizes=st.lists(st.integers(0, 9), max_size=12),
    limit=st.integers(1, 12),
    in_flight=st.integers(1, 5),
    delays=st.lists(st.floats(0, 20), min_size=1),
)
def test_a_split_call_equals_the_unsplit_one(  # noqa: PLR0917 - fixtures
    sizes: list[int],
    limit: int,
    in_flight: int,
    delays: list[float],
    fake_service: Any,
    faults: Any,
    connect: Any,
    in_virtual_time: Any,
) -> None:
    async def main() -> None:
        slow = fake_service(faults.hang(delay) for delay in delays * 200)
        async with (
            connect(fake_service(), max_completions_per_request=10_000) as whole,
            connect(slow, max_completions_per_request=limit, max_in_flight=in_flight, deadline_s=1e6) as split,
        ):
            items = items_of(sizes)
            wanted = await whole.score(items)
            got = await split.score(items)
        assert (got.items, got.scores) == (wanted.items, wanted.scores)
        assert [len(item.verdicts) for item in got.items] == sizes
        assert [item.id for item in got.items] == [item.id for item in items]
        assert slow.most_under_way <= in_flight
        assert len(got.request_ids) == len(slow.requests)
        for request in slow.requests:
            assert sum(len(item["completions"]) for item in request["items"]) <= limit

    in_virtual_time(main())


@pytest.mark.parametrize(
    ("sizes", "limit", "requests"),
    [
        ([], 8, [[]]),
        ([0], 8, [[0]]),
        ([8, 8], 8, [[8], [8]]),
        ([4, 4, 4], 8, [[4, 4], [4]]),
        ([5, 5, 5], 8, [[5], [5], [5]]),
        ([20], 8, [[8], [8], [4]]),
        ([3, 20, 4], 8, [[3], [8], [8], [4, 4]]),
        ([0, 0, 0], 2, [[0, 0], [0]]),
    ],
)
async def test_only_an_item_larger_than_a_request_is_cut(
    sizes: list[int], limit: int, requests: list[list[int]], fake_service: Any, connect: Any
) -> None:
    service = fake_service()
    async with connect(service, max_completions_per_request=limit, max_in_flight=1) as client:
        await client.score(items_of(sizes))
    sent = [[len(item["completions"]) for item in request["items"]] for request in service.requests]
    assert sent == requests


async def test_no_items_still_ask_which_reward_and_digest_it_is(fake_service: Any, connect: Any) -> None:
    async with connect(fake_service()) as client:
        result = await client.score([], reward="test/other@2")
    assert (result.reward, result.digest, result.items) == ("test/other@2", "sha256:0123", ())


async def test_items_may_be_any_iterable(fake_service: Any, connect: Any) -> None:
    async with connect(fake_service()) as client:
        result = await client.score(item for item in items_of([2, 1]))
    assert len(result.scores) == 3


def test_requests_run_side_by_side_up_to_the_limit(fake_service: Any, connect: Any, in_virtual_time: Any) -> None:
    async def main() -> None:
        service = fake_service(delay_s=1.0)
        async with connect(service, max_completions_per_request=1, max_in_flight=3) as client:
            await client.score(items_of([9]))
        assert service.most_under_way == 3
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)

    in_virtual_time(main())


def test_the_limit_on_requests_holds_for_all_calls_of_a_client(
    fake_service: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service(delay_s=1.0)
        async with connect(service, max_in_flight=2) as client:
            await asyncio.gather(*(client.score(items_of([1])) for _ in range(6)))
        assert service.most_under_way == 2

    in_virtual_time(main())


async def test_changing_the_items_during_the_call_changes_nothing(fake_service: Any, connect: Any) -> None:
    completions = ["a", "b", "c"]
    async with connect(fake_service(), max_completions_per_request=1, max_in_flight=1) as client:
        call = asyncio.create_task(client.score([Item(completions=completions, ground_truth=[])]))
        await asyncio.sleep(0)
        completions.clear()
        result = await call
        wanted = await client.score([Item(completions=["a", "b", "c"], ground_truth=[])])
    assert result.scores == wanted.scores

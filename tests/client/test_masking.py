"""What a call gives in place of scores that it did not get, where it is asked to give something: never a number."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from goodcall_client import (
    Client,
    InvalidItem,
    InvalidResponse,
    Item,
    RequestRejected,
    RewardChanged,
    ServiceUnavailable,
    Verdict,
)

ITEMS = [
    Item(id="a", completions=["one", "two"], ground_truth=[]),
    Item(id="b", completions=["three", "four", "five"], ground_truth=[]),
    Item(completions=[], ground_truth=[]),
]


def verdicts_of(result: Any) -> list[Verdict]:
    return [verdict for item in result.items for verdict in item.verdicts]


def failing(faults: Any) -> dict[str, Any]:
    return {
        "refused": faults.error(httpx.ConnectError("refused")),
        "503": faults.status(503, {"code": "not_ready"}),
        "hang": faults.hang(),
        "cut off": faults.body(lambda right: right[:-1]),
        "short": faults.json(lambda answer: answer["items"].pop() and None),
    }


@pytest.mark.parametrize("name", ["refused", "503", "hang", "cut off", "short"])
def test_masked_verdicts_are_null_for_the_clients_own_reason_and_say_what_happened(
    name: str, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([failing(faults)[name]] * 1000)
        async with connect(service, deadline_s=20, on_unavailable="mask") as client:
            result = await client.score(ITEMS)
            with pytest.raises((ServiceUnavailable, InvalidResponse)):
                await client.score(ITEMS, on_unavailable="raise")
        assert result.scores == (None,) * 5
        assert [(item.id, len(item.verdicts)) for item in result.items] == [("a", 2), ("b", 3), (None, 0)]
        assert (result.reward, result.digest, result.request_ids) == ("", "", ())
        for verdict in verdicts_of(result):
            assert (verdict.reason, verdict.masked) == ("service_unavailable", True)
            assert verdict.detail is not None
            assert verdict.detail.stage == "request"
            assert "gave up after" in verdict.detail.hint

    in_virtual_time(main())


def test_a_failure_raises_unless_told_otherwise_and_the_call_has_the_last_word(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        down = faults.status(503)
        async with connect(fake_service([down] * 1000), deadline_s=5) as client:
            with pytest.raises(ServiceUnavailable):
                await client.score(ITEMS)
            assert (await client.score(ITEMS, on_unavailable="mask")).scores == (None,) * 5

    in_virtual_time(main())


@pytest.mark.parametrize("lost", [{"two"}, {"three"}, {"one", "five"}])
def test_only_what_got_no_answer_is_masked(
    lost: set[str], fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    """Each completion is a request of its own here, so an item may be masked in part."""

    async def main() -> None:
        def script() -> Iterator[Any]:
            while True:
                yield faults.status(503) if any(word.encode() in service.bodies[-1] for word in lost) else None

        service = fake_service(script())
        one_each = ITEMS[:2]
        async with connect(fake_service()) as perfect:
            wanted = await perfect.score(one_each)
        async with connect(service, max_completions_per_request=1, deadline_s=30, on_unavailable="mask") as client:
            result = await client.score(one_each)
        words = [word for item in one_each for word in item.completions]
        for word, verdict, right in zip(words, verdicts_of(result), verdicts_of(wanted), strict=True):
            assert verdict.masked is (word in lost)
            assert verdict.masked or verdict == right
        assert (result.reward, result.digest) == (wanted.reward, wanted.digest)
        assert len(result.request_ids) == 5 - len(lost)

    in_virtual_time(main())


async def test_a_null_of_the_service_is_not_masked(fake_service: Any, faults: Any, connect: Any) -> None:
    null = {"score": None, "reason": "bad_tools"}
    service = fake_service([faults.json(lambda answer: answer["items"][0].update(verdicts=[null, null]))])
    async with connect(service, on_unavailable="mask") as client:
        verdicts = (await client.score(ITEMS)).items[0].verdicts
    assert [(verdict.score, verdict.reason, verdict.masked) for verdict in verdicts] == [(None, "bad_tools", False)] * 2


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 422])
async def test_what_the_caller_did_wrong_is_raised_all_the_same(
    status: int, fake_service: Any, faults: Any, connect: Any
) -> None:
    async with connect(fake_service([faults.status(status)]), on_unavailable="mask") as client:
        with pytest.raises(RequestRejected):
            await client.score(ITEMS)
        with pytest.raises(InvalidItem):
            await client.score([Item(completions=[], ground_truth=float("nan"))])


async def test_two_versions_in_one_call_are_raised_all_the_same(fake_service: Any, faults: Any, connect: Any) -> None:
    upgraded = faults.json(lambda answer: answer.update(digest="sha256:4567"))
    service = fake_service([None, upgraded])
    async with connect(service, max_completions_per_request=3, max_in_flight=1, on_unavailable="mask") as client:
        with pytest.raises(RewardChanged):
            await client.score(ITEMS)


def test_a_masked_request_is_no_other_version(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults.hang(), None], delay_s=0.1)
        async with connect(
            service, max_completions_per_request=3, max_in_flight=2, deadline_s=5, on_unavailable="mask"
        ) as client:
            result = await client.score(ITEMS)
        assert [verdict.masked for verdict in verdicts_of(result)] == [True, True, False, False, False]
        assert result.reward == "test/default@1"

    in_virtual_time(main())


@pytest.mark.parametrize("on_unavailable", ["zero", "", "Mask", 0])
async def test_another_choice_is_refused_and_nothing_is_sent(
    on_unavailable: Any, fake_service: Any, connect: Any
) -> None:
    service = fake_service()
    async with connect(service) as client:
        with pytest.raises(ValueError, match="'raise' or 'mask' is wanted"):
            await client.score(ITEMS, on_unavailable=on_unavailable)
    assert service.bodies == []


def test_the_sync_client_masks_too(fake_service: Any, faults: Any) -> None:
    down = httpx.ASGITransport(fake_service([faults.status(503, headers={"retry-after": "3600"})] * 4))
    with Client("http://service.test", transport=down, on_unavailable="mask") as client:
        assert client.score(ITEMS).scores == (None,) * 5
        with pytest.raises(ServiceUnavailable):
            client.score(ITEMS, on_unavailable="raise")
    with Client("http://service.test", transport=down) as client:
        assert all(verdict.masked for verdict in verdicts_of(client.score(ITEMS, on_unavailable="mask")))

"""A thousand calls through a bad network: each gives exactly what a perfect one would, or a typed error in time.

Or, where it was asked for, what a perfect one would but for masked verdicts.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx

from goodcall_client import GoodcallError, InvalidResponse, Item, ScoreResult, ServiceUnavailable

CALLS = 1000


def script_of(rng: random.Random, faults: Any, share: float, met: Counter[str]) -> Iterator[Any]:
    """Endless faults, drawn by seed: with probability `share` an attempt goes wrong, in one of these ways."""

    def shortened(answer: Any) -> None:
        if answer["items"]:
            answer["items"].pop()
        else:
            answer["items"].append({"verdicts": []})

    ways = {
        "refused": faults.error(httpx.ConnectError("refused")),
        "reset": faults.error(httpx.ReadError("reset")),
        "503": faults.status(503, {"code": "overloaded"}),
        "502 page": faults.status(502, b"<html>Bad Gateway</html>"),
        "429 with Retry-After": faults.status(429, headers={"retry-after": "2"}),
        "truncated": faults.body(lambda right: right[: rng.randrange(len(right))]),
        "short list": faults.json(shortened),
        "hang": faults.hang(),
        "slow": faults.hang(rng.uniform(0, 5)),
    }
    while True:
        way = rng.choice(sorted(ways)) if rng.random() < share else None
        met[way or "none"] += 1
        yield ways[way] if way else None


def items_of(rng: random.Random) -> list[Item]:
    return [
        Item(
            id=rng.choice([None, f"row-{row}"]),
            ground_truth=[{"name": "f", "arguments": {"row": row}}],
            completions=[rng.choice(["right", "wrong", "\ud800", ""]) for _ in range(rng.randrange(8))],
        )
        for row in range(rng.randrange(6))
    ]


def compared(got: ScoreResult, wanted: ScoreResult) -> str:
    """Checks a result against the one of a perfect network; whether it has masked verdicts."""
    assert [item.id for item in got.items] == [item.id for item in wanted.items]
    assert len(got.scores) == len(wanted.scores)
    pairs = [
        (verdict, right)
        for item, perfect in zip(got.items, wanted.items, strict=True)
        for verdict, right in zip(item.verdicts, perfect.verdicts, strict=True)
    ]
    assert all(verdict == right or (verdict.masked and verdict.score is None) for verdict, right in pairs)
    assert (got.reward, got.digest) in {(wanted.reward, wanted.digest), ("", "")}
    return "masked" if any(verdict.masked for verdict, _ in pairs) or not got.reward else "scored"


def test_every_call_gives_the_faultless_scores_or_a_typed_error_by_its_deadline(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    met: Counter[str] = Counter()
    ended: Counter[str] = Counter()

    async def call(seed: int) -> None:
        rng = random.Random(seed)
        items, deadline_s = items_of(rng), rng.choice([2.0, 20.0, 120.0])
        service = fake_service(script_of(rng, faults, rng.choice([0.0, 0.2, 0.5, 0.9]), met))
        client = connect(
            service,
            max_completions_per_request=rng.randrange(1, 20),
            max_in_flight=rng.randrange(1, 5),
            attempt_timeout_s=6,
            deadline_s=deadline_s,
            _rng=rng,
        )
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with client, connect(fake_service(), max_completions_per_request=10_000) as perfect:
            wanted = await perfect.score(items)
            on_unavailable = rng.choice(["raise", "raise", "mask"])
            try:
                got = await client.score(items, on_unavailable=on_unavailable)
            except GoodcallError as error:
                assert isinstance(error, ServiceUnavailable | InvalidResponse)  # noqa: PT017
                assert on_unavailable == "raise"
                ended[type(error).__name__] += 1
            else:
                ended[compared(got, wanted)] += 1
        assert loop.time() - start <= deadline_s + 0.05
        assert service.under_way == 0

    async def main() -> None:
        for seed in range(CALLS):
            await call(seed)

    in_virtual_time(main())
    assert ended.total() == CALLS
    assert min(ended[end] for end in ("scored", "masked", "ServiceUnavailable", "InvalidResponse")) >= 3
    assert ended["scored"] > CALLS * 0.7
    assert len(met) == 10


def test_a_patient_call_outlives_any_outage_shorter_than_its_deadline(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for seed in range(40):
            up_at = loop.time() + 60

            def outage(until: float = up_at) -> Iterator[Any]:
                while loop.time() < until:
                    yield faults.error(httpx.ConnectError("refused"))

            async with connect(fake_service(outage()), _rng=random.Random(seed), deadline_s=120) as client:
                result = await client.score([Item(completions=["a"] * 8, ground_truth=[])])
            assert len(result.scores) == 8
            assert loop.time() <= up_at + 8

    in_virtual_time(main())

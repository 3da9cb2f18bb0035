"""Seeded schedules of faults: each call gives exactly what a perfect network would, or a typed error in time.

Or, where it was asked for, what a perfect one would but for masked verdicts. A schedule decides the call, what goes
wrong with which attempt, and whether the caller loses patience; ``FAULT_SCHEDULES=10000`` runs as many.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx

from goodcall_client import GoodcallError, Item, ScoreResult
from goodcall_client._request import plan

SCHEDULES = int(os.environ.get("FAULT_SCHEDULES", "1000"))
ASKED_S = 2
"""What one of the faults asks to wait, in seconds."""
ATTEMPT_TIMEOUT_S = 6
ENDS = ("scored", "masked", "ServiceUnavailable", "InvalidResponse", "RequestRejected")


@dataclass(kw_only=True)
class Schedule:
    """What a seed decides, and what became of it; ``met`` has the name of each attempt's fault, in order."""

    rng: random.Random
    items: list[Item]
    share: float
    refuses: bool
    deadline_s: float
    on_unavailable: str
    gives_up_s: float | None
    limit: int
    max_in_flight: int
    met: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int) -> "Schedule":
        rng = random.Random(seed)
        return cls(
            rng=rng,
            items=items_of(rng),
            share=rng.choice([0.0, 0.2, 0.5, 0.9]),
            refuses=rng.random() < 0.05,
            deadline_s=rng.choice([2.0, 20.0, 120.0]),
            on_unavailable=rng.choice(["raise", "raise", "mask"]),
            gives_up_s=rng.uniform(0, 5) if rng.random() < 0.1 else None,
            limit=rng.randrange(1, 20),
            max_in_flight=rng.randrange(1, 5),
        )

    def faults(self, faults: Any) -> Iterator[Any]:
        """Endless faults: with the probability ``share`` an attempt goes wrong, in one of these ways."""
        rng = self.rng
        ways = {
            "refused": faults.error(httpx.ConnectError("refused")),
            "reset": faults.error(httpx.ReadError("reset")),
            "503": faults.status(503, {"code": "service_full"}),
            "502 page": faults.status(502, b"<html>Bad Gateway</html>"),
            "429 with Retry-After": faults.status(429, headers={"retry-after": str(ASKED_S)}),
            "truncated": faults.body(lambda right: right[: rng.randrange(len(right))]),
            "short list": faults.json(shorten),
            "hang": faults.hang(),
            "slow": faults.hang(rng.uniform(0, 5)),
        }
        names = [*sorted(ways), *(["422"] if self.refuses else [])]
        ways["422"] = faults.status(422, {"code": "invalid_request"})
        while True:
            name = rng.choice(names) if rng.random() < self.share else "none"
            self.met.append(name)
            yield ways.get(name)


def shorten(answer: Any) -> None:
    if answer["items"]:
        answer["items"].pop()
    else:
        answer["items"].append({"verdicts": []})


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


async def outcome(client: Any, schedule: Schedule, wanted: ScoreResult) -> str:
    """How the call of a schedule ends, in a word."""
    try:
        async with asyncio.timeout(schedule.gives_up_s):
            got = await client.score(schedule.items, on_unavailable=schedule.on_unavailable)
    except TimeoutError:
        assert schedule.gives_up_s is not None
        return "given up"
    except GoodcallError as error:
        ended = type(error).__name__
    else:
        ended = compared(got, wanted)
    assert ended in ENDS
    refused = "422" in schedule.met
    # A refusal may meet a request while another one of the call is giving up.
    assert ended not in ({"scored", "masked"} if refused else {"RequestRejected"})
    assert schedule.on_unavailable == "raise" or ended in {"scored", "masked", "RequestRejected"}
    return ended


def check_attempts(service: Any, schedule: Schedule) -> None:
    """Of each request: the same bytes every time, no attempt after a refusal or an answer, none before it was asked."""
    planned = [
        request.body
        for request in plan(schedule.items, limit=schedule.limit, reward=None, assistant_prefix="", explain=False)
    ]
    attempts = list(zip(service.bodies, service.arrivals, schedule.met, strict=True))
    assert set(service.bodies) <= set(planned)
    assert service.most_under_way <= schedule.max_in_flight
    for body in set(planned):
        if planned.count(body) == 1:  # two parts of an item may be alike
            for earlier, later in pairwise([attempt for attempt in attempts if attempt[0] == body]):
                assert earlier[2] not in {"none", "slow", "422"}
                assert later[1] - earlier[1] >= (ASKED_S if "Retry-After" in earlier[2] else 0)


def test_every_schedule_of_faults_ends_in_the_faultless_scores_or_a_typed_error_by_its_deadline(
    fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    met: Counter[str] = Counter()
    ended: Counter[str] = Counter()

    async def run(seed: int) -> None:
        schedule, loop = Schedule.of(seed), asyncio.get_running_loop()
        service = fake_service(schedule.faults(faults))
        settings = {"max_completions_per_request": schedule.limit, "max_in_flight": schedule.max_in_flight}
        settings |= {"attempt_timeout_s": ATTEMPT_TIMEOUT_S, "deadline_s": schedule.deadline_s, "_rng": schedule.rng}
        async with connect(service, **settings) as client, connect(fake_service()) as perfect:
            wanted = await perfect.score(schedule.items)
            start = loop.time()
            ended[await outcome(client, schedule, wanted)] += 1
            assert loop.time() - start <= schedule.deadline_s + 0.05
            assert service.under_way == 0
            check_attempts(service, schedule)
            met.update(schedule.met)
            # Whatever became of that call, the client is as good as new once the service is.
            service.faults = iter(())
            assert compared(await client.score(schedule.items, deadline_s=300), wanted) == "scored"

    async def main() -> None:
        for seed in range(SCHEDULES):
            await run(seed)

    in_virtual_time(main())
    assert ended.total() == SCHEDULES
    assert min(ended[end] for end in (*ENDS, "given up")) >= 3
    assert ended["scored"] > SCHEDULES * 0.6
    assert len(met) == 11


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

"""When to ask again and when to stop: full jitter, Retry-After, one deadline for a whole call.

Scoring is pure, so any attempt may be repeated. This module knows neither the wire nor httpx: it repeats a
coroutine that raises `AttemptFailed`. Time is the running loop's clock alone, so that tests can own it. There
is no limit on the number of attempts but the deadline: a trainer would rather wait than lose a step.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Self, TypeVar

from ._errors import InvalidResponse, ServiceUnavailable

T = TypeVar("T")


class AttemptFailed(Exception):
    """One attempt came to nothing, and another may do better.

    `asked_s` is how long the service asks to be left alone.
    """

    ends_as: ClassVar[type[ServiceUnavailable | InvalidResponse]] = ServiceUnavailable

    def __init__(self, cause: str, *, asked_s: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.asked_s = asked_s


class AnswerUnusable(AttemptFailed):
    """The attempt was answered with 200, by something that is not an answer."""

    ends_as = InvalidResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A moment on the running loop's clock by which a whole call is over."""

    started: float
    span_s: float

    @classmethod
    def after(cls, span_s: float) -> Self:
        """The deadline `span_s` seconds from now; `inf` is never."""
        if not span_s > 0:  # written this way round, NaN is refused too
            raise ValueError(f"deadline_s is {span_s}: it must be above 0 seconds")
        return cls(started=asyncio.get_running_loop().time(), span_s=span_s)

    @property
    def at(self) -> float:
        return self.started + self.span_s

    def elapsed_s(self) -> float:
        return asyncio.get_running_loop().time() - self.started

    def left_s(self) -> float:
        return self.at - asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to pause before the next attempt, in seconds."""

    first_s: float = 0.25
    cap_s: float = 8.0

    def pause_s(self, failures: int, asked_s: float | None, rng: random.Random) -> float:
        """A draw from [0, min(cap, first · 2^(failures-1))]; or what the service asks for, and up to 10 %.

        The 10 % is jitter on top. Being asked to wait 0 seconds leaves the draw: it would be a hot loop.
        """
        if asked_s:
            return asked_s * (1 + rng.uniform(0, 0.1))
        doublings = min(failures - 1, 32)  # 2.0 ** 1024 overflows, and a patient caller gets there
        return rng.uniform(0, min(self.cap_s, self.first_s * 2**doublings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Repeats an attempt until it succeeds or the deadline forbids another."""

    backoff: Backoff
    attempt_timeout_s: float
    rng: random.Random

    async def until(self, deadline: Deadline, url: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` returns, from the first time that it returns.

        Raises:
            ServiceUnavailable: The next attempt would begin after the deadline.
            InvalidResponse: The same, where the last attempt was answered with something unusable.
        """
        failures = 0
        while True:
            try:
                return await self._within(deadline, attempt)
            except AttemptFailed as error:
                failure = error
            failures += 1
            pause_s = self.backoff.pause_s(failures, failure.asked_s, self.rng)
            if pause_s >= deadline.left_s():
                raise failure.ends_as(
                    url, failures, deadline.elapsed_s(), deadline.span_s, failure.cause
                ) from failure.__cause__
            await asyncio.sleep(pause_s)

    async def _within(self, deadline: Deadline, attempt: Callable[[], Awaitable[T]]) -> T:
        limit_s = min(self.attempt_timeout_s, deadline.left_s())
        try:
            async with asyncio.timeout(limit_s):
                return await attempt()
        except TimeoutError as error:
            raise AttemptFailed(f"no answer within {limit_s:.1f} s") from error


def asked_to_wait_s(headers: Mapping[str, str]) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or a date; None without a readable one.

    A date is read against the response's own Date when there is one: the two clocks need not agree.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until = _http_date(value)
    if until is None:
        return None
    now = _http_date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    # RFC 5322 writes "no zone known" as -0000, and Python reads that as naive.
    return date if date.tzinfo else date.replace(tzinfo=UTC)

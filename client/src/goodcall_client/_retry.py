"""When to ask again and when to stop: full jitter, Retry-After, one deadline for a whole call.

Scoring is pure, so any attempt may be repeated. This module knows neither the wire nor httpx: it repeats a
coroutine that raises `AttemptFailed`. Time is the running loop's clock alone, so that tests can own it. Only
the deadline ends a call: a trainer would rather wait than lose a step. The circuit and the budget, which all calls of a
client share, may delay its attempts.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Self, TypeVar

from ._budget import RetryBudget
from ._circuit import Circuit
from ._errors import InvalidResponse, RequestRejected, ServiceUnavailable

T = TypeVar("T")


class AttemptFailed(Exception):
    """One attempt came to nothing, and another may do better.

    `asked_s` is how long the service asks to be left alone; `alive` is whether it seems to serve others meanwhile, None
    where nothing can be told.
    """

    ends_as: ClassVar[type[ServiceUnavailable | InvalidResponse]] = ServiceUnavailable

    def __init__(self, cause: str, *, asked_s: float | None = None, alive: bool | None = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.asked_s = asked_s
        self.alive = alive


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
    circuit: Circuit
    budget: RetryBudget

    async def until(self, deadline: Deadline, url: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` returns, from the first time that it returns.

        Raises:
            ServiceUnavailable: The next attempt would begin after the deadline.
            InvalidResponse: The same, where the last attempt was answered with something unusable.
        """
        failures = 0
        failure: AttemptFailed | None = None
        while True:
            async with self._leave(deadline, url, failures, failure):
                try:
                    return await self._counted(deadline, attempt, again=failures > 0)
                except AttemptFailed as error:
                    failure = error
                failures += 1
                pause_s = self._pause_s(failures, failure)
            if pause_s >= deadline.left_s():
                raise failure.ends_as(
                    url, failures, deadline.elapsed_s(), deadline.span_s, failure.cause
                ) from failure.__cause__
            await asyncio.sleep(pause_s)

    @asynccontextmanager
    async def _leave(
        self, deadline: Deadline, url: str, failures: int, failure: AttemptFailed | None
    ) -> AsyncIterator[None]:
        """Entered when the circuit and the budget allow another attempt, left when it is over."""
        try:
            async with self.circuit.admission(deadline.at):
                await self._pay(deadline, again=failures > 0)
                yield
        except TimeoutError:  # of the waiting: one of an attempt is an AttemptFailed
            kept = self.circuit.why() if self.circuit.is_open else "the retry budget of this client was used up"
            cause = f"{failure.cause}; then {kept}" if failure else f"not sent, because {kept}"
            raise ServiceUnavailable(url, failures, deadline.elapsed_s(), deadline.span_s, cause) from failure

    async def _pay(self, deadline: Deadline, *, again: bool) -> None:
        if not again:
            self.budget.earn()
            return
        async with asyncio.timeout_at(deadline.at):
            await self.budget.take()

    async def _counted(self, deadline: Deadline, attempt: Callable[[], Awaitable[T]], *, again: bool) -> T:
        """One attempt. Any answer closes the circuit, and one to a retry gives back what it cost."""
        try:
            result = await self._within(deadline, attempt)
        except RequestRejected:
            self.circuit.answered()
            raise
        self.circuit.answered()
        if again:
            self.budget.give_back()
        return result

    def _pause_s(self, failures: int, failure: AttemptFailed) -> float:
        """How long to pause, which the circuit is told too. A request that comes late to an outage pauses no less."""
        outage = max(failures, self.circuit.failures_since_open)
        pause_s = self.backoff.pause_s(outage, failure.asked_s, self.rng)
        if failure.alive:
            self.circuit.answered()
        elif failure.alive is False:
            self.circuit.failed(failure.cause, pause_s)
        return pause_s

    async def _within(self, deadline: Deadline, attempt: Callable[[], Awaitable[T]]) -> T:
        limit_s = min(self.attempt_timeout_s, deadline.left_s())
        try:
            async with asyncio.timeout(limit_s):
                return await attempt()
        except TimeoutError as error:
            # A caller in a hurry says nothing of the service.
            alive = None if limit_s < self.attempt_timeout_s else False
            raise AttemptFailed(f"no answer within {limit_s:.1f} s", alive=alive) from error


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

"""What keeps a client off a dead server: after some failures in a row, one request at a time asks whether it is back.

The others wait, each up to its own deadline, and go on the moment that anything is answered. They wait instead of
failing because the callers are trainers: a service that restarts costs them a minute, an exception costs them the run.
A waiting request costs the server nothing. There is no timer that closes the circuit; an answer does.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager


class Circuit:
    """Open after `opens_after` failures in a row, whichever requests they were of; closed by one answer.

    While it is open a request must be admitted to be sent: one at a time, in the order in which they asked, and not
    before the pause is over that followed the last failure. No pause lasts longer than `longest_rest_s` here: one
    answer that asks for a day of peace must not make the client useless for a day.
    """

    def __init__(self, *, opens_after: int = 5, longest_rest_s: float = 60.0) -> None:
        self._opens_after = opens_after
        self._longest_rest_s = longest_rest_s
        self._failures = 0
        self._last_cause = ""
        self._rest_until = -math.inf
        self._turn = asyncio.Lock()
        self._answer = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._failures >= self._opens_after

    @property
    def failures_since_open(self) -> int:
        return max(0, self._failures - self._opens_after)

    def why(self) -> str:
        """Why a request was kept back, for people."""
        return (
            f"after {self._failures} failed attempts in a row (the last: {self._last_cause}) "
            "only one request at a time is let through"
        )

    def answered(self) -> None:
        """The service has answered, be it with a refusal: it is not dead."""
        self._failures = 0
        self._rest_until = -math.inf
        self._answer.set()

    def failed(self, cause: str, pause_s: float) -> None:
        """An attempt came to nothing, and `pause_s` is what the back-off wants before the next."""
        self._failures += 1
        self._last_cause = cause
        self._answer.clear()
        rest_until = asyncio.get_running_loop().time() + min(pause_s, self._longest_rest_s)
        self._rest_until = max(self._rest_until, rest_until)

    @asynccontextmanager
    async def admission(self, deadline_at: float) -> AsyncIterator[None]:
        """Entered when a request may be sent, left when it is over.

        Raises:
            TimeoutError: That would be at `deadline_at` or later. Raised as soon as it is certain.
        """
        async with AsyncExitStack() as probe:
            if self.is_open:
                async with asyncio.timeout_at(deadline_at):
                    await probe.enter_async_context(self._turn)
                    await self._rest(deadline_at)
                if not self.is_open:
                    await probe.aclose()  # nobody need wait for this one
            yield

    async def _rest(self, deadline_at: float) -> None:
        rested_until = asyncio.get_running_loop().time()
        while self.is_open and self._rest_until > rested_until:
            if self._rest_until >= deadline_at:
                raise TimeoutError
            until = self._rest_until  # a request that was under way may fail meanwhile, and prolong it
            try:
                async with asyncio.timeout_at(until):
                    await self._answer.wait()
            except TimeoutError:
                rested_until = until  # not the clock, which timers may be a hair ahead of

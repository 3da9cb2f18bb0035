"""What keeps retries from making an overload worse: at most so many of them for each request.

The rule: a first attempt earns a fifth of a token and a retry costs one, so that fruitless retries stay below 20 % of
the requests. Two additions make it fit callers that would rather wait than fail:

- A retry that is answered gets its token back. What 20 % guards against is retries that only add load. Where every
  fifth attempt is lost on the way, 25 retries for 100 requests are needed, and nearly all of them end the matter.
- The last few tokens, the floor, come back with time, and a retry for which there is no token waits for one. So
  a lone call is as patient as its deadline says (its back-off never asks for more than time gives), while the
  retries of a thousand calls in flight share that trickle, and end at their own deadlines.

It does not decide when to retry; `_retry` does.
"""

import asyncio
import math
from contextlib import suppress

_ALMOST = 1 - 1e-6  # five times 0.2 may fall short of 1, and so may a second of sleep


class RetryBudget:
    """Tokens for retries, shared by all calls of a client: at first `floor`, at most `ceiling`.

    Each first attempt earns `share` of one; below the floor, time adds `per_s` a second.
    """

    def __init__(self, *, share: float = 0.2, floor: float = 10.0, ceiling: float = 100.0, per_s: float = 1.0) -> None:
        self._share = share
        self._floor = floor
        self._ceiling = ceiling
        self._per_s = per_s
        self._tokens = floor
        self._counted_at = -math.inf
        self._turn = asyncio.Lock()
        self._more = asyncio.Event()

    def earn(self) -> None:
        """For a first attempt."""
        self._add(self._share)

    def give_back(self) -> None:
        """For a retry that was answered."""
        self._add(1.0)

    async def take(self) -> None:
        """Returns when a retry may be sent, in the order in which they asked."""
        async with self._turn:
            while (tokens := self._count()) < _ALMOST:
                self._more.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout((1 - tokens) / self._per_s):
                        await self._more.wait()
            self._tokens -= 1

    def _add(self, tokens: float) -> None:
        self._tokens = min(self._ceiling, self._count() + tokens)
        self._more.set()

    def _count(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._tokens < self._floor:
            self._tokens = min(self._floor, self._tokens + (now - self._counted_at) * self._per_s)
        self._counted_at = now
        return self._tokens

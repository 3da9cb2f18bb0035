"""How fast the service has been scoring lately, all that it does beside included."""

import time
from collections.abc import Callable

HALF_LIFE_S = 0.5
"""Of what is remembered, in seconds in which there was something to score."""


class Pace:
    """Seconds that a completion takes, over those in which at least one request was being scored or waited for it.

    Idle time tells nothing and is not counted. What is counted is time on the clock, not time of the processor: reading
    other requests, refusing them and a busy machine make it slower, and a request waits for all of that.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._under_way = 0
        self._counted_until = 0.0
        self._seconds = 0.0
        self._completions = 0.0

    def begin(self) -> None:
        """A request lines up to be scored."""
        if not self._under_way:
            self._counted_until = self._clock()
        self._under_way += 1

    def end(self, completions: int) -> None:
        """A request that began leaves the line, after so many of its completions were scored."""
        self._under_way -= 1
        now = self._clock()
        elapsed_s, self._counted_until = now - self._counted_until, now
        kept = 0.5 ** (elapsed_s / HALF_LIFE_S)
        self._seconds = self._seconds * kept + elapsed_s
        self._completions = self._completions * kept + completions

    def completions_within(self, seconds: float) -> float:
        """How many completions that many seconds are enough for; infinitely many as long as none was scored."""
        if not self._completions or not self._seconds:
            return float("inf")
        return self._completions / self._seconds * seconds

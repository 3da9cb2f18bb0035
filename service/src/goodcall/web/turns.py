"""Whose turn it is to score.

One request at a time scores, for a turn of a few milliseconds; between two turns the event loop answers probes and
reads requests. Turns go round over the teams, and within a team to the request that came first, so that a team waits
for one turn of each other team and never for all their requests.

What a team has had is kept in seconds, not in turns: one completion may cost as much as a thousand others.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

from goodcall.web.keys import Team

TURN_S = 0.004
"""A turn ends with the first part of a batch that ends later than this."""
HEAD_START_S = 0.1
"""What a team that was away may have before others get a turn: small requests then hardly notice a busy neighbour."""


class Turns:
    """The teams' lines of waiting requests. Belongs to one event loop.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._lines: dict[str, _Line] = {}
        self._holder: Place | None = None
        self._served = 0.0

    def line_up(self, team: Team) -> "Place":
        """A place at the end of a team's line, to be left in the end."""
        line = self._lines.setdefault(team.name, _Line())
        line.share = team.share
        if not line.places:
            # More time than that is not saved up by being away.
            line.served = max(line.served, self._served - HEAD_START_S)
        place = Place(self, line)
        line.places.append(place)
        return place

    def end(self, place: "Place", seconds: float) -> None:
        """Ends a place's turn after so many seconds; nothing happens if it had none."""
        if self._holder is place:
            self._holder = None
            place.line.served += seconds / place.line.share

    def go_on(self) -> None:
        """Sees to the next turn, after whatever else the event loop has to do."""
        asyncio.get_running_loop().call_soon(self._grant)

    def _grant(self) -> None:
        ready = [line for line in self._lines.values() if line.places and line.places[0].is_waiting]
        if self._holder is None and ready:
            line = min(ready, key=lambda line: line.served)
            self._served = line.served
            self._holder = line.places[0]
            self._holder.grant()


class _Line:
    """The requests of one team that score or wait, and the seconds that it has had for each part of its share."""

    def __init__(self) -> None:
        self.places: deque[Place] = deque()
        self.served = 0.0
        self.share = 1


class Place:
    """A request's place in its team's line; ``Turns.line_up`` makes it."""

    def __init__(self, turns: Turns, line: _Line) -> None:
        self.line = line
        self._turns = turns
        self._waiting: asyncio.Future[None] | None = None
        self._interruption: Exception | None = None
        self._began_at = -math.inf

    @property
    def is_waiting(self) -> bool:
        """Whether it could use a turn now."""
        return self._waiting is not None and not self._waiting.done()

    def grant(self) -> None:
        """Gives the waiting request its turn."""
        assert self._waiting is not None  # noqa: S101 - who waits is asked first, for mypy
        self._waiting.set_result(None)
        self._began_at = self._turns.clock()

    @property
    def has_turn(self) -> bool:
        """Whether it may score now."""
        return self._turns.clock() - self._began_at < TURN_S

    async def take_turn(self) -> None:
        """Returns when it may score: at once while its turn lasts, else in the next one.

        Raises:
            Exception: what ``interrupt`` was told, before or meanwhile.
        """
        if not self.has_turn:
            await self._next_turn()

    async def _next_turn(self) -> None:
        self._end_turn()
        if self._interruption:
            raise self._interruption
        self._waiting = asyncio.get_running_loop().create_future()
        self._turns.go_on()
        await self._waiting
        # What the loop did since the turn was granted is not this request's.
        self._began_at = self._turns.clock()

    def interrupt(self, error: Exception) -> None:
        """Makes the request stop with this error, now if it waits, else where its turn ends."""
        self._interruption = error
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    def leave(self) -> None:
        """Gives up the place and the turn."""
        self._end_turn()
        self.line.places.remove(self)
        self._turns.go_on()

    def _end_turn(self) -> None:
        self._turns.end(self, self._turns.clock() - self._began_at)
        self._began_at = -math.inf

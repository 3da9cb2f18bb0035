"""How much may be in flight, and whose.

A request that can't be served soon is refused while it costs next to nothing: before its body is read where the
headers tell, before anything is scored at the latest. A team may have all of the service while it is alone, and its
share while others are active; so a team that comes finds room, whatever another has sent. One request at a time is let
in for each team even where it is larger than the team's share, else it never would be.

All of it is for one worker: workers know nothing of each other's requests.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from goodcall.web.keys import Team
from goodcall.web.limits import Limits
from goodcall.web.metrics import InFlight, Metrics
from goodcall.web.pace import Pace
from goodcall.web.problems import ProblemCode, RequestProblem
from goodcall.web.turns import Place, Turns

RETRY_AFTER_S = 1
"""What is in flight is scored within about this time."""
ALWAYS_ALLOWED = 4096
"""Completions that teams may have in flight however slowly they are scored: as many as one client sends at once."""

_DETAILS = {
    ProblemCode.TOO_MANY_IN_FLIGHT: "Your requests in flight have all that they may have; send it again later.",
    ProblemCode.SERVICE_FULL: "The service has no room left for anybody; send it again later.",
    ProblemCode.DEADLINE_EXCEEDED: "It took longer than a request may take; send it again later, or send less at once.",
}


class Budget:
    """How much of one thing may be in flight, and how much of it each team has there.

    Args:
        limit: the most that teams may have together. Teams that come while others have it all get their share beside
            it, so that for a moment more than that is in flight, but never twice as much and one request.
        largest: the most that one request may have.
    """

    def __init__(self, limit: int, largest: int) -> None:
        self.limit = limit
        """What teams may have together now; whoever knows better may lower it for a while."""
        self._ceiling = limit + max(limit, largest)
        self._held: dict[str, int] = {}
        self._shares: dict[str, int] = {}
        self.total = 0

    def refusal(self, team: Team, amount: int, bound: int | None = None) -> ProblemCode | None:
        """Why a team can't have so much more now; None when it can.

        Args:
            team: who asks.
            amount: how much more.
            bound: the most that the team may have at any time, if there is such a bound.
        """
        if self.total == 0 or amount <= 0:
            return None
        if self.total + amount > self._ceiling:
            return ProblemCode.SERVICE_FULL
        held = self._held.get(team.name, 0)
        others = sum(self._shares[name] for name in self._held if name != team.name)
        allowed = min(self.limit * team.share // (team.share + others), bound or self.limit)
        return ProblemCode.TOO_MANY_IN_FLIGHT if held and held + amount > allowed else None

    def add(self, team: Team, amount: int) -> None:
        """Puts so much more of a team's in flight; less, when it is below zero."""
        self.total += amount
        self._shares[team.name] = team.share
        held = self._held.pop(team.name, 0) + amount
        if held:
            self._held[team.name] = held


class Admission:
    """Lets requests in, or not, and gives those within their turns.

    Args:
        limits: how much may be in flight, and how long a request may take.
        metrics: counts what is refused, and the seconds that requests wait.
    """

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self.requests = Budget(limits.max_requests_in_flight, 1)
        self.bytes = Budget(limits.max_bytes_in_flight, limits.max_body_bytes)
        self.completions = Budget(limits.max_completions_in_flight, limits.max_completions)
        self.turns = Turns()
        self.pace = Pace()
        self._max_completions = limits.max_completions_in_flight
        self._max_expected_wait_s = limits.max_expected_wait_s
        self.deadline_s = limits.request_deadline_s
        self._metrics = metrics
        self._completions_per_byte: dict[str, float] = {}
        self.waiting = 0
        """Requests lined up for their first turn."""

    @asynccontextmanager
    async def enter(self, team: Team, declared_bytes: int | None, receive: Receive) -> AsyncIterator["Slot"]:
        """Room for one request, until it is answered or its caller goes away.

        Args:
            team: whose request it is.
            declared_bytes: how long its body will be, if it says so.
            receive: tells, once the body is read, that the caller has gone.

        Raises:
            RequestProblem: there is no room, or the time of a request is up.
        """
        slot = Slot(self, team, receive)
        try:
            slot.hold_request()
            slot.hold_bytes(declared_bytes or 0)
            slot.hold_completions(self._expected(team, declared_bytes or 0))
            async with slot.deadline():
                yield slot
        finally:
            slot.release()

    def enter_stream(self, team: Team) -> "Slot":
        """Room for a body that is answered line by line: it takes some as lines come, and is to be released.

        Raises:
            RequestProblem: there is no room for a request or a completion more.
        """
        slot = Slot(self, team)
        try:
            slot.hold_request()
            slot.hold_completions(1)
        finally:
            # Room is looked for here and taken by whoever reads: nobody else is sure to give it back.
            slot.release()
        return slot

    def refused(self, team: Team, code: ProblemCode) -> RequestProblem:
        """The problem of a request that may be sent again later, counted."""
        self._metrics.count_refused(team.name, code)
        return RequestProblem(code, _DETAILS[code], headers={"Retry-After": str(RETRY_AFTER_S)})

    def bound_wait(self) -> None:
        """Makes the room for completions what the service can score while a request may wait, as it goes now."""
        soon = max(ALWAYS_ALLOWED, self.pace.completions_within(self._max_expected_wait_s))
        self.completions.limit = int(min(self._max_completions, soon))

    def in_flight(self) -> InFlight:
        """What has been let in and is not yet answered."""
        return InFlight(self.waiting, self.completions.total, self.bytes.total)

    async def await_first_turn(self, place: Place) -> float:
        """Returns when a place has its turn to score; gives the seconds that took."""
        self.waiting += 1
        began_at = time.perf_counter()
        try:
            await place.take_turn()
        finally:
            self.waiting -= 1
            waited_s = time.perf_counter() - began_at
            self._metrics.observe_wait(waited_s)
        return waited_s

    def learn(self, team: Team, completions: int, body_bytes: int) -> None:
        """Takes note of what a team's bodies hold, so as to refuse the next ones unread."""
        self._completions_per_byte[team.name] = completions / body_bytes

    def _expected(self, team: Team, body_bytes: int) -> int:
        """How many completions a body will hold, going by the last one of the team; one at least."""
        return max(1, int(self._completions_per_byte.get(team.name, 0.0) * body_bytes))


class Slot:
    """What one request has in flight, and its place among those that are scored; ``Admission.enter`` makes it."""

    def __init__(self, admission: Admission, team: Team, receive: Receive | None = None) -> None:
        self._admission = admission
        self.team = team
        self._receive = receive
        self._requests = 0
        self._bytes = 0
        self._completions = 0
        self._place: Place | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.wait_s = 0.0
        """Seconds lined up for a first turn so far."""
        self.scored = 0
        """Completions scored since the request lined up."""

    def hold_request(self) -> None:
        """Takes the room of one request.

        Raises:
            RequestProblem: there are too many already.
        """
        if code := self._admission.requests.refusal(self.team, 1):
            raise self._admission.refused(self.team, code)
        self._admission.requests.add(self.team, 1)
        self._requests = 1

    def hold_bytes(self, more: int) -> None:
        """Takes so many bytes more; gives some back when it is below zero.

        Raises:
            RequestProblem: there is no room for them.
        """
        budget = self._admission.bytes
        if code := budget.refusal(self.team, more):
            raise self._admission.refused(self.team, code)
        budget.add(self.team, more)
        self._bytes += more

    def hold_completions(self, completions: int) -> None:
        """Takes so many completions in place of those held so far.

        Raises:
            RequestProblem: there is no room for them.
        """
        budget = self._admission.completions
        budget.add(self.team, -self._completions)
        self._completions = 0
        self._admission.bound_wait()
        if code := budget.refusal(self.team, completions, self.team.max_completions_in_flight):
            raise self._admission.refused(self.team, code)
        self.carry(completions)

    def carry(self, completions: int) -> None:
        """Takes so many completions in place of those held so far, whether or not there is room."""
        self._admission.completions.add(self.team, completions - self._completions)
        self._completions = completions

    def learn(self, completions: int, body_bytes: int) -> None:
        """What the body turned out to hold.

        Raises:
            RequestProblem: there is no room for so many completions.
        """
        self._admission.learn(self.team, completions, body_bytes)
        self.hold_completions(completions)

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        """The time that one request may take, or one line.

        Raises:
            RequestProblem: it is up.
        """
        try:
            async with asyncio.timeout(self._admission.deadline_s):
                yield
        except TimeoutError:
            raise self._admission.refused(self.team, ProblemCode.DEADLINE_EXCEEDED) from None

    @property
    def has_turn(self) -> bool:
        """Whether this request may score now."""
        return self._place is not None and self._place.has_turn

    async def take_turn(self) -> None:
        """Returns when this request may score.

        Raises:
            ClientDisconnect: nobody waits for the answer any more.
        """
        if self._place is None:
            self._place = self._admission.turns.line_up(self.team)
            self._admission.pace.begin()
            if self._receive:
                self._watcher = asyncio.create_task(_watch(self._receive, self._place))
            self.wait_s += await self._admission.await_first_turn(self._place)
        else:
            await self._place.take_turn()

    def rest(self) -> None:
        """Leaves the line of those that score, with nothing to score, until there is more."""
        self.carry(0)
        if self._watcher:
            self._watcher.cancel()
        if self._place:
            self._place.leave()
            self._admission.pace.end(self.scored)
        self._watcher = self._place = None
        self.scored = 0

    def release(self) -> None:
        """Gives everything back."""
        self._admission.requests.add(self.team, -self._requests)
        self._admission.bytes.add(self.team, -self._bytes)
        self._requests = self._bytes = 0
        self.rest()


async def _watch(receive: Receive, place: Place) -> None:
    if (await receive())["type"] == "http.disconnect":
        place.interrupt(ClientDisconnect())

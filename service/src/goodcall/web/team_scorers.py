"""A scorer for each team, so that no team can tell what another has scored.

A task that is remembered is answered sooner than one that is not. With one memory for all, a team could find out
whether another has sent a task with a certain answer, or push the other's tasks out of it. So each has a memory of its
own, at the price of a smaller one: they share ``cache_bytes`` evenly.
"""

from collections.abc import Set as AbstractSet

from goodcall.byte_bounded import CacheUse
from goodcall.schema_bounds import SchemaBounds
from goodcall.scoring import Scorer


class TeamScorers:
    """The scorers of all teams.

    Args:
        max_completion_bytes: a longer completion scores 0 unread.
        cache_bytes: a bound on what all of them remember together, in bytes.
        bounds: what the tools of a task may be at most.
    """

    def __init__(self, *, max_completion_bytes: int, cache_bytes: int, bounds: SchemaBounds) -> None:
        self._max_completion_bytes = max_completion_bytes
        self._cache_bytes = cache_bytes
        self._bounds = bounds
        self._teams: frozenset[str] = frozenset()
        self._scorers: dict[str, Scorer] = {}
        self._past_uses: dict[str, CacheUse] = {}

    def of(self, team: str, teams: AbstractSet[str]) -> Scorer:
        """The scorer of a team.

        Args:
            team: one of ``teams``.
            teams: all there are now. When they are others than before, all memories begin anew.
        """
        if teams != self._teams:
            self._past_uses = {kind: use.forgotten for kind, use in self.cache_uses().items()}
            self._teams, self._scorers = frozenset(teams), {}
        if team not in self._scorers:
            self._scorers[team] = Scorer(
                max_completion_bytes=self._max_completion_bytes,
                cache_bytes=self._cache_bytes // len(teams),
                bounds=self._bounds,
            )
        return self._scorers[team]

    def cache_uses(self) -> dict[str, CacheUse]:
        """What all of them remember, and what all there were had of it: of ``tasks`` and of their ``tools``."""
        total = dict(self._past_uses)
        for scorer in self._scorers.values():
            for kind, use in scorer.cache_uses.items():
                total[kind] = total.get(kind, CacheUse()) + use
        return total

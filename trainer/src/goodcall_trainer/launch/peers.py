"""The other processes of a run, and how all of them end together.

Collectives know no errors: where one process fails, the others wait for it, until a time-out of ten minutes or more
says something about sockets. So a process that fails says why, in the store that torch.distributed meets by, and the
others stop with its reason; `watch` sees to those that hang.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import torch.distributed
from torch.distributed import PrefixStore, Store

from goodcall_trainer.environment import Environment
from goodcall_trainer.launch.watch import watching
from goodcall_trainer.run.stop import ENVIRONMENT, RunStopped

_FAILURE, _HEARD, _LEFT, _GONE = "failure", "heard", "left", "gone"
MEETING_DEADLINE_S = 600.0
"""How long processes wait for the last of them to start; machines may load their software at different speeds."""
REPORT_DEADLINE_S = 3.0
"""How long a process that fails waits until the others have heard why, which takes them up to a second; and how long
one that was cut off waits for the reason."""
POLL_S = 0.05
KILLED = "another process of the run ended without saying why; it may have been killed, for its memory for example"


class PeerFailed(RunStopped):
    """Another process of the run failed, and this one can't go on without it. The message says why it failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the run ends on all its processes: {reason}", exit_code=ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Peers:
    """What the processes of a run tell each other beside the training."""

    rank: int
    world_size: int
    store: Store
    """May live in the process of rank 0, where no launcher has one, and is gone with it."""
    heard: list[str] = field(default_factory=list)
    """The first report of a failure, once it is known."""

    def report(self, reason: str) -> None:
        """Tells all others why this process fails; the first report of a run stands.

        Returns when the others have heard it, or a moment later: some may be dead.
        """
        self.store.compare_set(_FAILURE, "", f"rank {self.rank}: {reason}")
        others = [f"{_HEARD}/{rank}" for rank in range(self.world_size) if rank != self.rank]
        _wait(lambda: self.store.check(others))

    def failure(self) -> str | None:
        """The first report of a failure, `rank 1: reason`."""
        if not self.heard and self.store.check([_FAILURE]):
            self.heard.append(self.store.get(_FAILURE).decode())
            self.store.set(f"{_HEARD}/{self.rank}", "")
        return self.heard[0] if self.heard else None

    def failure_soon(self) -> str | None:
        """The same, waited for a moment; a signal, as launchers send it to all when one fails, ends the wait."""
        _wait(lambda: self.failure() is not None)
        return self.heard[0] if self.heard else None

    def leave(self) -> None:
        """Returns when all processes have come here.

        Raises:
            PeerFailed: One failed before.
        """
        self.store.add(_LEFT, 1)
        while self.store.add(_LEFT, 0) < self.world_size:
            if reason := self.failure():
                raise PeerFailed(reason)
            time.sleep(POLL_S)

    def part(self) -> None:
        """The last word of a process whose run ended well everywhere; rank 0, which may hold the store, goes last."""
        gone = self.store.add(_GONE, 1)
        if self.rank == 0 and gone < self.world_size:
            _wait(lambda: self.store.add(_GONE, 0) == self.world_size)


def _wait(claim: Callable[[], bool]) -> None:
    """Until it holds, `REPORT_DEADLINE_S` at most; a signal ends the wait, and so does the end of the store."""
    ends_at = time.monotonic() + REPORT_DEADLINE_S
    try:
        while not claim() and time.monotonic() < ends_at:
            time.sleep(POLL_S)
    except (KeyboardInterrupt, torch.distributed.DistError):
        return


def meet(environment: Environment, *, deadline_s: float = MEETING_DEADLINE_S) -> Peers:
    """The peers of this process, through the store that torch.distributed itself meets by.

    Raises:
        PeerFailed: They did not come within `deadline_s`.
    """
    try:
        store, *_ = next(torch.distributed.rendezvous("env://", timeout=timedelta(seconds=deadline_s)))
    except (torch.distributed.DistError, ValueError) as error:
        raise PeerFailed(f"not all of them came within {deadline_s:g} s: {error}") from error
    return Peers(
        rank=environment.rank,
        world_size=environment.world_size,
        store=PrefixStore(f"goodcall/{environment.attempt}", store),
    )


@contextmanager
def together(environment: Environment) -> Iterator[None]:
    """Ends the block on all processes of the run, with the first reason, when it fails on one of them.

    It ends well when it has ended well everywhere. Must be entered in the main thread.

    Raises:
        PeerFailed: Another process failed; in place of what torch.distributed made of it.
    """
    peers = meet(environment)
    # A connection of its own: the watching thread must not wait where the main thread does.
    watcher = replace(meet(environment), heard=peers.heard)
    with watching(environment.rank, watcher.failure):
        try:
            yield
            peers.leave()
        except PeerFailed:
            raise
        except BaseException as error:
            if reason := _reason_of_others(peers, error):
                raise PeerFailed(reason) from error
            peers.report(_in_short(error))
            raise
    peers.part()


def _reason_of_others(peers: Peers, error: BaseException) -> str | None:
    """Why another process failed, if `error` is what came of it here."""
    if isinstance(error, KeyboardInterrupt):
        return peers.failure()
    if _is_cut_off(error):
        return peers.failure_soon() or KILLED
    return None


def _is_cut_off(error: BaseException) -> bool:
    """Whether a collective or the store failed, which others are to blame for; gloo has no exception of its own."""
    return isinstance(error, torch.distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _in_short(error: BaseException) -> str:
    if isinstance(error, RunStopped):
        return str(error)
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"

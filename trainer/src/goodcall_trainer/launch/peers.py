"""The other processes of the run: what they tell each other beside the training, and how all of them end together.

Collectives know no errors: where one process fails, the others wait for it, until a time-out of ten minutes or more
says something about sockets. So a process that fails says why, to a store that all of them reach, and the others stop
with its reason (`watch` sees to those that hang).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch.distributed
from torch.distributed import PrefixStore, Store

from goodcall_trainer.launch.process import Process
from goodcall_trainer.launch.watch import watching

_FAILURE, _LEFT = "failure", "left"
REPORT_DEADLINE_S = 3.0
"""How long a process that was cut off waits for the reason of the one that failed: it comes before the cut."""


class PeerFailed(Exception):
    """Another process of the run failed, and this one can't go on without it. The message says why it failed."""


@dataclass(frozen=True, slots=True)
class Peers:
    """What a process tells the others, and what it learns from them."""

    process: Process
    store: Store

    def publish(self, key: str, value: str) -> None:
        """Gives all processes that ask for `key` the `value`."""
        self.store.set(key, value)

    def published(self, key: str, *, deadline_s: float) -> str:
        """What another process publishes under `key`; waits for it.

        Raises:
            PeerFailed: It failed before that, or `deadline_s` passed.
        """
        ends_at = time.monotonic() + deadline_s
        while not self.store.check([key]):
            if (reason := self.failure()) is not None:
                raise PeerFailed(reason)
            if time.monotonic() > ends_at:
                raise PeerFailed(f"no process of the run said its {key} within {deadline_s:g} s")
            time.sleep(0.05)
        return self.store.get(key).decode()

    def report(self, reason: str) -> None:
        """Tells all others why this process fails; the first report of a run stands."""
        self.store.compare_set(_FAILURE, "", f"rank {self.process.rank}: {reason}")

    def failure(self) -> str | None:
        """The first report of a failure, `rank 1: reason`."""
        return self.store.get(_FAILURE).decode() if self.store.check([_FAILURE]) else None

    def failure_soon(self) -> str | None:
        """The same, waited for a moment."""
        ends_at = time.monotonic() + REPORT_DEADLINE_S
        while (reason := self.failure()) is None and time.monotonic() < ends_at:
            time.sleep(0.05)
        return reason


def meet(process: Process, *, deadline_s: float) -> Peers:
    """The peers of `process`, through the store that torch.distributed itself meets by.

    Raises:
        PeerFailed: They did not come within `deadline_s`.
    """
    try:
        store, *_ = next(torch.distributed.rendezvous("env://", timeout=timedelta(seconds=deadline_s)))
    except (torch.distributed.DistError, ValueError) as error:
        raise PeerFailed(f"the processes of the run did not meet within {deadline_s:g} s: {error}") from error
    return Peers(process, PrefixStore(f"goodcall/{process.attempt}", store))


@contextmanager
def together(process: Process, *, deadline_s: float = 300.0) -> Iterator[Peers]:
    """The peers for the length of the block; if it fails, here or elsewhere, all processes end with the first reason.

    It ends well when it has ended well everywhere, so what the first process does for all may stop after it.

    Raises:
        PeerFailed: Another process failed; in place of what torch.distributed made of it.
    """
    peers = meet(process, deadline_s=deadline_s)
    # A connection of its own: the watching thread must not wait where the main thread does.
    with watching(process.rank, meet(process, deadline_s=deadline_s).failure):
        try:
            yield peers
            _leave(peers)
        except BaseException as error:
            reason = peers.failure_soon() if _is_cut_off(error) else None
            if reason is None and _is_cut_off(error):
                reason = "another process of the run ended without saying why; it may have been killed"
            if reason is not None:
                raise PeerFailed(reason) from error
            peers.report(_in_short(error))
            raise


def _leave(peers: Peers) -> None:
    """Returns when all processes came here."""
    peers.store.add(_LEFT, 1)
    while peers.store.add(_LEFT, 0) < peers.process.world_size:
        if (reason := peers.failure()) is not None:
            raise PeerFailed(reason)
        time.sleep(0.05)


def _is_cut_off(error: BaseException) -> bool:
    """Whether a collective or the store failed, which is never its own fault; gloo has no exception of its own."""
    return isinstance(error, torch.distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _in_short(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return f"{type(error).__name__}: {error}"

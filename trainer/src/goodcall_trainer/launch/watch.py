"""Ends a process that hangs in a collective after another one failed, or after a signal told it to end.

A collective waits outside of the interpreter: no signal handler and no exception of Python's gets at the main thread
there. So a thread waits beside it for both. What ends properly by itself within the grace is left alone.
"""

import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch.distributed

POLL_S = 1.0
GRACE_S = 10.0
"""Seconds from the reason to end until the end is forced: a service of one's own takes up to five to stop."""
FAILED = 3
"""The exit code of a process that had to be ended."""


@contextmanager
def watching(rank: int, failure: Callable[[], str | None]) -> Iterator[None]:
    """Watches as long as the block; `failure` says why another process failed, and is called in a thread of its own.

    Must be entered in the main thread, where signals arrive. A block that ends by an exception is given the grace, too:
    cleaning up after a broken collective may hang as well.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    done = threading.Event()
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(rank, failure, ours, done), name="watch peers", daemon=True)
    watcher.start()
    try:
        yield
        done.set()
    finally:
        signal.set_wakeup_fd(before)
        theirs.close()
        if done.is_set():
            watcher.join()


def _watch(rank: int, failure: Callable[[], str | None], signals: socket.socket, done: threading.Event) -> None:
    with signals:
        while (reason := _reason_to_end(failure, signals)) is None:
            if done.is_set():
                return
    if not done.wait(GRACE_S):
        sys.stderr.write(f"goodcall-train: [rank {rank}] ended while it hung, since {reason}\n")
        sys.stderr.flush()
        os._exit(FAILED)


def _reason_to_end(failure: Callable[[], str | None], signals: socket.socket) -> str | None:
    """Waits for a signal, a failure, or the end of the block, `POLL_S` at most; other signals are no reason."""
    if select.select([signals], [], [], POLL_S)[0]:
        came = signals.recv(16)
        if not came:
            return "its work failed"
        if ending := set(came) & {signal.SIGTERM, signal.SIGINT}:
            return f"{signal.Signals(min(ending)).name} came"
        return None
    try:
        return failure()
    except torch.distributed.DistError:
        return "the launcher is gone"

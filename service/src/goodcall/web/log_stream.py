"""Lines to a file descriptor, without ever waiting for whoever reads it.

A pipe whose reader has stopped is full after some hundred lines, and a plain write would then stop the event loop.
Here lines wait in memory, within a bound, and those beyond it are dropped and counted.
"""

import contextlib
import os
import select
import threading
from collections import deque
from typing import Final

MAX_WAITING_BYTES: Final = 1 << 20
_ATOMIC_BYTES: Final = select.PIPE_BUF
"""A pipe takes so much in one piece, so that the lines of several workers stay whole."""


class LogStream:
    """Takes lines for a file, a terminal or a pipe; ``flush`` writes them.

    Whether a pipe has room is asked before each write. Where several workers share one, another may take the room in
    between, and the write then waits until the reader takes something.

    Args:
        descriptor: open for writing; stays the caller's.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        # Libraries log in threads of their own.
        self._lock = threading.Lock()

    def put(self, line: bytes) -> None:
        """Takes a line, with its end; drops it if too much is waiting."""
        with self._lock:
            if self._waiting_bytes + len(line) > MAX_WAITING_BYTES:
                self._dropped += 1
            else:
                self._waiting.append(line)
                self._waiting_bytes += len(line)

    def flush(self) -> None:
        """Writes what waits, as far as there is room."""
        with self._lock:
            while self._waiting and self._has_room():
                # Whoever read this is gone, or the disk is full: there is nobody left to tell.
                with contextlib.suppress(OSError):
                    os.write(self._descriptor, self._next_piece())

    def take_dropped(self) -> int:
        """How many lines were dropped since this was last asked, once all others are written; 0 until then."""
        if self._waiting:
            return 0
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _has_room(self) -> bool:
        events = self._poll.poll(0)
        return bool(events and events[0][1] & (select.POLLOUT | select.POLLERR))

    def _next_piece(self) -> bytes:
        """As many lines as a pipe takes in one piece, one at least."""
        lines = [self._waiting.popleft()]
        size = len(lines[0])
        while self._waiting and size + len(self._waiting[0]) <= _ATOMIC_BYTES:
            size += len(self._waiting[0])
            lines.append(self._waiting.popleft())
        self._waiting_bytes -= size
        return b"".join(lines)

"""One worker as its supervisor sees it: a process and a channel."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

from goodcall.web.worker_channel import Assignment, Word, send_connection

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class WorkerProcess:
    """A worker from its start to its end.

    A new interpreter rather than a fork: it shares neither threads nor locks nor an event loop with anyone.

    Raises:
        OSError: the machine has no room for another process.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.ready = False
        self._channel, far_end = socket.socketpair()
        self._channel.setblocking(False)
        with far_end:
            try:
                self._process = _start(far_end)
            except OSError:
                self._channel.close()
                raise
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe, for mypy
        with contextlib.suppress(BrokenPipeError), self._process.stdin as its_input:
            its_input.write(assignment.model_dump_json().encode())

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def wait_until_ready(self) -> bool:
        """Whether it takes connections now; false if it ended before it could."""
        self.ready = await self._heard() is Word.READY
        return self.ready

    async def wait_until_gone(self) -> str:
        """How it ended, in words, once it has."""
        while await self._heard() is not Word.GONE:
            pass
        self.ready = False
        self._channel.close()
        return _in_words(self._process.wait())

    async def _heard(self) -> Word:
        try:
            return Word(await asyncio.get_running_loop().sock_recv(self._channel, 1))
        except ConnectionResetError:
            return Word.GONE

    def take(self, connection: socket.socket) -> bool:
        """Gives it a connection, unless it can't take any now."""
        if not self.ready:
            return False
        try:
            send_connection(self._channel, connection)
        except OSError:  # full, or gone
            return False
        return True

    async def tell(self, word: Word) -> None:
        """Says something to it; nothing happens if it is gone."""
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._channel, word)

    def kill(self) -> None:
        """Ends it at once; nothing happens if it is gone."""
        self._process.kill()


def _start(far_end: socket.socket) -> subprocess.Popen[bytes]:
    # -P: what lies in the directory that the service was started from is not ours to import.
    command = [sys.executable, "-P", "-m", "goodcall.web.worker", str(far_end.fileno())]
    with _ending_signals_blocked():
        return subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[far_end.fileno()])  # noqa: S603 - our own


@contextlib.contextmanager
def _ending_signals_blocked() -> Iterator[None]:
    """A child inherits what is blocked, and keeps it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _in_words(returncode: int) -> str:
    if returncode < 0:
        return f"was ended by signal {-returncode} ({signal.strsignal(-returncode)})"
    return f"ended with exit status {returncode}"

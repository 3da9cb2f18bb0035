"""Several workers behind one port.

The supervisor listens, accepts, and deals the connections out to the workers in turn. The usual ways leave that to
the kernel, and of 50 trials in which a client opened 4 connections to 2 workers, all 4 reached one worker in 24 with
one inherited socket and in 7 with a socket for each worker (``SO_REUSEPORT``): half of the machine idle, for as long as
the connections live. Dealing makes it 2 and 2, always, at one system call a connection and none a request.

uvicorn's own supervisor is not used: it inherits one socket, its workers outlive it, it has no drain, it says neither
that all workers are up nor that one has failed, and nobody is told which worker has died.

Here no request is read and nothing is scored. A worker that hangs without dying is not noticed: that is for whoever
probes ``/livez``.
"""

import asyncio
import contextlib
import socket
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from goodcall.web.exposition import forget_live_values
from goodcall.web.settings import Settings
from goodcall.web.worker_channel import Assignment, Word
from goodcall.web.worker_process import ENDING_SIGNALS, WorkerProcess

PAUSE_AFTER_FAILED_START_S = 1.0
"""Between two tries to replace a worker, where the first replacement never came up."""
PAUSE_WITHOUT_TAKER_S = 0.02
"""While no worker can take a connection; those that wait stand in the kernel's queue."""
PAUSE_WITHOUT_DESCRIPTORS_S = 0.5
"""When the machine has no descriptor left to accept with."""


class WorkerNotStarted(Exception):
    """A worker ended before the service was up; its own words are on standard error."""


def serve_with_workers(
    settings: Settings, listener: socket.socket, *, announce: Callable[[], None], warn: Callable[[str], None]
) -> int:
    """Serves with ``settings.workers`` processes until a signal ends it.

    Args:
        settings: for every worker, each of which has a cache of its own.
        listener: bound and listening; closed at the end.
        announce: called once, when all workers take connections.
        warn: called with a sentence for people when a worker dies and is replaced.

    Returns:
        The exit status: 0 after one signal, 128 + signal where a second one cut off what was in flight.

    Raises:
        WorkerNotStarted: a worker ended before it served.
        OSError: there is no room for the metrics that the workers share, or for processes.
    """
    # Left behind only by a supervisor that is killed: some hundred kilobytes.
    with tempfile.TemporaryDirectory(prefix="goodcall-metrics-") as directory, listener:
        listener.setblocking(False)
        return asyncio.run(_Supervisor(settings, listener, Path(directory), announce, warn).run())


class _Supervisor:
    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        metrics_directory: Path,
        announce: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._metrics_directory = metrics_directory
        self._announce = announce
        self._warn = warn
        self._workers: deque[WorkerProcess] = deque()
        self._complete = asyncio.Event()
        self._ending = asyncio.Event()
        self._cut_off = asyncio.Event()
        self._exit_status = 0
        self._failure: str | None = None

    async def run(self) -> int:
        for ending in ENDING_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(ending, self._heed, ending)
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(self._settings.workers):
                    tasks.create_task(self._keep(number))
                await self._serve(tasks)
        finally:
            self._kill_all()
        if self._failure:
            raise WorkerNotStarted(self._failure)
        return self._exit_status

    def _heed(self, ending: int) -> None:
        if self._ending.is_set():
            self._exit_status = 128 + ending
            self._cut_off.set()
            self._kill_all()
        self._ending.set()

    def _kill_all(self) -> None:
        for worker in self._workers:
            worker.kill()

    async def _serve(self, tasks: asyncio.TaskGroup) -> None:
        await self._until_ending(self._complete)
        if self._complete.is_set():
            self._announce()
            dealing = tasks.create_task(self._deal())
            await self._ending.wait()
            await self._drain(tasks)
            dealing.cancel()
        self._listener.close()
        for worker in self._workers:
            if worker.ready:
                tasks.create_task(worker.tell(Word.FINISH))
            else:
                worker.kill()

    async def _until_ending(self, event: asyncio.Event) -> None:
        waits = [asyncio.create_task(self._ending.wait()), asyncio.create_task(event.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _drain(self, tasks: asyncio.TaskGroup) -> None:
        for worker in self._workers:
            tasks.create_task(worker.tell(Word.DRAIN))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._cut_off.wait(), self._settings.drain_delay_s)

    async def _keep(self, number: int) -> None:
        """Has one worker with this number, and another when it dies, until the service ends."""
        while not self._ending.is_set():
            came_up, loss = await self._watch(number)
            forget_live_values(self._metrics_directory, number)
            if self._ending.is_set():
                return
            if not self._complete.is_set():
                self._fail(loss)
                return
            self._warn(f"{loss}; another takes its place")
            if not came_up:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), PAUSE_AFTER_FAILED_START_S)

    async def _watch(self, number: int) -> tuple[bool, str]:
        """One worker from start to end: whether it came up, and its end in words."""
        try:
            worker = WorkerProcess(
                Assignment(number=number, metrics_directory=self._metrics_directory, settings=self._settings)
            )
        except OSError as error:
            return False, f"worker {number} can't be started: {error}"
        self._workers.append(worker)
        came_up = await worker.wait_until_ready()
        if sum(worker.ready for worker in self._workers) == self._settings.workers:
            self._complete.set()
        how = await worker.wait_until_gone()
        self._workers.remove(worker)
        return came_up, f"worker {number} (process {worker.pid}) {how}"

    def _fail(self, loss: str) -> None:
        self._failure = loss
        self._ending.set()
        self._kill_all()

    async def _deal(self) -> NoReturn:
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(PAUSE_WITHOUT_DESCRIPTORS_S)
                continue
            with connection:
                while not self._handed_over(connection):  # noqa: ASYNC110 - nothing tells when a channel has room
                    await asyncio.sleep(PAUSE_WITHOUT_TAKER_S)
            # Accepting what is there already never waits, and signals have their turn too.
            await asyncio.sleep(0)

    def _handed_over(self, connection: socket.socket) -> bool:
        for _ in range(len(self._workers)):
            self._workers.rotate(-1)
            if self._workers[-1].take(connection):
                return True
        return False

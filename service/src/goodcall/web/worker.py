"""One worker of a service: ``python -m goodcall.web.worker CHANNEL``, started by the supervisor.

It listens on no port: connections come accepted, over the channel. Signals are the supervisor's: a terminal sends
Ctrl-C to the whole group and systemd SIGTERM to all of a service, so a worker is born with both blocked.
"""

import asyncio
import contextlib
import socket
import sys

from fastapi import FastAPI

from goodcall.web.app import create_app
from goodcall.web.exposition import share_values
from goodcall.web.logs import Log, log_to_stderr
from goodcall.web.metrics import Metrics
from goodcall.web.server import Server
from goodcall.web.worker_channel import Assignment, Word, receive


class WorkerServer(Server):
    """Serves the connections that come over a channel until the supervisor says to finish, or is gone."""

    def __init__(self, app: FastAPI, log: Log, channel: socket.socket) -> None:
        super().__init__(app, log, on_started=self._report)
        self._channel = channel
        self._arriving: set[asyncio.Task[None]] = set()

    def _report(self) -> None:
        self._channel.setblocking(False)
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._listen)
        with contextlib.suppress(BrokenPipeError):  # the supervisor is gone; what is read next says so
            self._channel.send(Word.READY)

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while not self.should_exit:
                self._obey(*receive(self._channel))

    def _obey(self, word: Word, connection: socket.socket | None) -> None:
        if word is Word.CONNECTION:
            # Without a descriptor left to receive it in, the connection is lost on the way.
            if connection:
                self._welcome(connection)
        elif word is Word.DRAIN:
            self.drain()
        else:
            # Without a supervisor nobody would ever end this process, so what is in flight is not waited for.
            self.force_exit = word is Word.GONE
            self.should_exit = True
            asyncio.get_running_loop().remove_reader(self._channel.fileno())

    def _welcome(self, connection: socket.socket) -> None:
        arriving = asyncio.create_task(self._serve_connection(connection))
        self._arriving.add(arriving)
        arriving.add_done_callback(self._arriving.discard)

    async def _serve_connection(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the caller has hung up
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        # What uvicorn does for a connection that it has accepted itself.
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def main() -> None:
    """Runs one worker."""
    assignment = Assignment.model_validate_json(sys.stdin.buffer.read())
    share_values(assignment.metrics_directory, assignment.number)
    log = log_to_stderr(assignment.settings)
    app = create_app(assignment.settings, Metrics(assignment.metrics_directory), log)
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        WorkerServer(app, log, channel).run(sockets=[])


if __name__ == "__main__":
    main()

"""One process that serves the app, and its orderly end.

uvicorn does the serving. It stops listening on the first signal and reports its own readiness nowhere; here a signal
first makes ``/readyz`` say 503, so that whoever balances load can look elsewhere, then time passes, then uvicorn's
own shutdown finishes what is in flight. Opens no socket and writes nothing.
"""

import os
import socket
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI

from goodcall.web.garbage_collection import keep_collections_short
from goodcall.web.logs import Log
from goodcall.web.memory import keep_memory_at_hand
from goodcall.web.protocol import BoundedProtocol

IDLE_CONNECTION_TIMEOUT_S = 75
"""Longer than a training step usually takes, so that a trainer's connections live from step to step."""


class Server(uvicorn.Server):
    """Serves one app until a signal ends it; a second signal ends it at once, with exit status 128 + signal.

    Args:
        app: as ``create_app`` makes it.
        log: the one of the app; what its libraries log goes there too.
        drain_delay_s: from the first signal on, the app is not ready but served on for so long.
        on_started: called once, when connections are accepted.
    """

    def __init__(self, app: FastAPI, log: Log, *, drain_delay_s: float = 0.0, on_started: Callable[[], None]) -> None:
        log.take_over()
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(  # type: ignore[arg-type]
                    BoundedProtocol, limits=app.state.limits, count_unread=app.state.metrics.count_unread
                ),
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                timeout_keep_alive=IDLE_CONNECTION_TIMEOUT_S,
            )
        )
        self._app = app
        self._log = log
        self._drain_delay_s = drain_delay_s
        self._on_started = on_started
        self._ends_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn."""
        self._log.take_over_loop()
        await super().startup(sockets)
        if self.started:
            keep_collections_short()
            keep_memory_at_hand()
            self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Called by uvicorn on SIGINT and SIGTERM."""
        if self._ends_at is not None:
            # By now people want the process gone, whatever its requests and tasks are waiting for.
            self._log.flush()
            os._exit(128 + sig)
        self.drain()
        self._ends_at = time.monotonic() + self._drain_delay_s

    def drain(self) -> None:
        """Serves on, but says that it is not ready, and closes each connection after its next answer.

        Clients that keep connections open come back on a new one, which leads elsewhere by then.
        """
        self._app.state.ready = False
        closing = (b"connection", b"close")
        # uvicorn makes the headers anew from the configured ones once a second.
        self.config.encoded_headers.append(closing)
        self.server_state.default_headers = [*self.server_state.default_headers, closing]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn."""
        await super().shutdown(sockets)
        self._log.flush()

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second; true ends the server."""
        self._log.flush()
        if counter % 10 == 0:
            self._app.state.metrics.refresh()
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self.should_exit = True
        return await super().on_tick(counter)

"""Runs the compared servers under uvicorn as the service itself runs: same loop, same parser, no access log."""

import socket
import sys
from typing import Any

import uvicorn


def run(app: Any) -> None:
    """Serves an ASGI app on a free port of loopback, which it announces, until a signal ends it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    sys.stdout.write(f"listening on http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=75)
    uvicorn.Server(config).run(sockets=[listener])

"""``goodcall serve``: the service on a port, until a signal ends it."""

import signal
import socket
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

import goodcall
from goodcall.cli.failures import CommandFailed, EnvironmentFailed
from goodcall.web.app import create_app
from goodcall.web.settings import InvalidSettings, Settings, load_settings

IDLE_CONNECTION_TIMEOUT_S = 75
"""Longer than a training step usually takes, so that a trainer's connections live from step to step."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", show_default="8000")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
) -> None:
    """Serve POST /score and the rest of the wire until SIGINT or SIGTERM."""
    try:
        settings = load_settings(config, host=host, port=port)
    except InvalidSettings as error:
        raise CommandFailed(str(error)) from None
    try:
        listener = _listen(settings)
    except OSError as error:
        raise EnvironmentFailed(
            f"can't listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "is another service there? Choose another --port."
        ) from None
    _run(settings, listener)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=2048)


class _AnnouncingServer(uvicorn.Server):
    """Says on standard output where it listens, once it does; scripts and people read that line."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            host = f"[{host}]" if ":" in host else host
            typer.echo(f"goodcall {goodcall.__version__} listening on http://{host}:{port}")


def _run(settings: Settings, listener: socket.socket) -> None:
    # uvicorn ends gracefully on these signals and then raises them again for whoever was there before it.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda _signal, _frame: None)
    server = _AnnouncingServer(
        uvicorn.Config(
            create_app(settings),
            log_level="warning",
            access_log=False,
            timeout_keep_alive=IDLE_CONNECTION_TIMEOUT_S,
        )
    )
    server.run(sockets=[listener])

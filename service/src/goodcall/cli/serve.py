"""``goodcall serve``: the service on a port, until a signal ends it."""

import contextlib
import importlib
import ipaddress
import socket
from pathlib import Path
from typing import Annotated

import typer

import goodcall
from goodcall.cli.failures import CommandFailed, EnvironmentFailed
from goodcall.web.app import create_app
from goodcall.web.key_file import KeyFile
from goodcall.web.keys import InvalidKeys
from goodcall.web.logs import log_to_stderr
from goodcall.web.server import Server
from goodcall.web.settings import InvalidSettings, Settings, load_settings
from goodcall.web.supervisor import WorkerNotStarted, serve_with_workers


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", show_default="8000")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that score.", show_default="1")] = None,
    keys_file: Annotated[Path | None, typer.Option(help="File of API keys; see `goodcall keys`.")] = None,
    no_auth: Annotated[
        bool | None, typer.Option("--no-auth", help="Listen beyond loopback without keys.", show_default=False)
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
) -> None:
    """Serve POST /score and the rest of the wire until SIGINT or SIGTERM."""
    try:
        settings = load_settings(config, host=host, port=port, workers=workers, keys_file=keys_file, no_auth=no_auth)
    except InvalidSettings as error:
        raise CommandFailed(str(error)) from None
    _check_keys(settings)
    _check_telemetry(settings)
    try:
        listener = _listen(settings)
    except OSError as error:
        raise EnvironmentFailed(
            f"can't listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "is another service there? Choose another --port."
        ) from None
    if settings.workers == 1:
        _serve_alone(settings, listener)
    else:
        _serve_with_workers(settings, listener)


def _check_keys(settings: Settings) -> None:
    """Refuses to begin without keys where others could come in, or with a file of keys that can't be used."""
    if settings.keys_file and settings.no_auth:
        raise CommandFailed("there is a keys_file and no_auth too; leave out one of them.")
    if not settings.keys_file and not settings.no_auth and not _is_loopback(settings.host):
        raise CommandFailed(
            f"on {settings.host} without keys, everybody who can reach the port could use the service. Make keys with "
            "`goodcall keys create TEAM --file FILE` and say --keys-file FILE, or say --no-auth if something else "
            "guards the port."
        )
    try:
        if settings.keys_file:
            KeyFile(settings.keys_file, report=bool)
    except (InvalidKeys, OSError) as error:
        fault = error.strerror if isinstance(error, OSError) else error
        raise CommandFailed(f"the keys in {settings.keys_file} can't be used: {fault}.") from None


def _check_telemetry(settings: Settings) -> None:
    if settings.otlp_endpoint:
        try:
            importlib.import_module("goodcall.web.telemetry")
        except ModuleNotFoundError:
            raise CommandFailed(
                "otlp_endpoint needs packages that are not installed: pip install 'goodcall[otel]'."
            ) from None


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=2048)


def _serve_alone(settings: Settings, listener: socket.socket) -> None:
    announcement = _announcement(listener)
    log = log_to_stderr(settings)
    server = Server(
        create_app(settings, log=log),
        log,
        drain_delay_s=settings.drain_delay_s,
        on_started=lambda: typer.echo(announcement),
    )
    server.run(sockets=[listener])


def _serve_with_workers(settings: Settings, listener: socket.socket) -> None:
    announcement, log = _announcement(listener), log_to_stderr(settings)
    try:
        exit_status = serve_with_workers(
            settings,
            listener,
            announce=lambda: typer.echo(announcement),
            warn=lambda sentence: log.message("warning", sentence),
        )
    except WorkerNotStarted as error:
        raise EnvironmentFailed(f"not all workers came up: {error}; what it said, if anything, is above.") from None
    except OSError as error:
        raise EnvironmentFailed(f"can't run {settings.workers} workers: {error}.") from None
    raise typer.Exit(exit_status)


def _announcement(listener: socket.socket) -> str:
    """The line on standard output that says where the service listens; scripts and people read it."""
    host, port = listener.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    return f"goodcall {goodcall.__version__} listening on http://{host}:{port}"

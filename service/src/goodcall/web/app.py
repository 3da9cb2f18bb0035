"""The app: settings in, ASGI out. Nothing happens at import time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from goodcall.web.admission import Admission
from goodcall.web.alarm import HackingAlarm
from goodcall.web.key_file import KeyFile
from goodcall.web.limits import Limits
from goodcall.web.logs import Log
from goodcall.web.metrics import Metrics
from goodcall.web.observer import Observer
from goodcall.web.openapi import build_openapi
from goodcall.web.problems import install_problem_handlers
from goodcall.web.routes import router
from goodcall.web.settings import Settings
from goodcall.web.spans import NoSpans, Spans
from goodcall.web.team_scorers import TeamScorers

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own would send the messages of exceptions, and go by variables that are no settings."""


def create_app(
    settings: Settings, metrics: Metrics | None = None, log: Log | None = None, spans: Spans | None = None
) -> FastAPI:
    """The service as an ASGI app.

    Args:
        settings: all of them.
        metrics: some of its own, if there are none.
        log: nothing is logged without one.
        spans: takes a span for each request; if there is none, the settings say where spans go.

    Raises:
        InvalidKeys: the file of keys holds something else.
        OSError: it can't be read.
    """
    # The stock documentation pages load their scripts from elsewhere.
    app = FastAPI(title="Goodcall", docs_url=None, redoc_url=None, lifespan=_lifespan, telemetry=_NO_TELEMETRY)
    app.state.ready = False
    app.state.limits = Limits.of(settings)
    app.state.metrics = metrics or Metrics()
    app.state.spans = spans or _spans(settings)
    app.state.key_file = _key_file(settings, app.state.metrics)
    app.state.scorers = TeamScorers(
        max_completion_bytes=settings.max_completion_bytes,
        cache_bytes=settings.cache_bytes,
        bounds=app.state.limits.schema_bounds(),
    )
    app.state.admission = Admission(app.state.limits, app.state.metrics)
    app.state.metrics.watch(app.state.admission.in_flight, app.state.scorers.cache_uses)
    app.state.alarm = HackingAlarm(settings.alarm_share, app.state.metrics)
    app.include_router(router, generate_unique_id_function=lambda route: route.name)
    install_problem_handlers(app)
    app.add_middleware(Observer, metrics=app.state.metrics, log=log, spans=app.state.spans)
    document = build_openapi(app)
    app.openapi = lambda: document  # type: ignore[method-assign]
    return app


def _key_file(settings: Settings, metrics: Metrics) -> KeyFile | None:
    return KeyFile(settings.keys_file, report=metrics.show_old_keys) if settings.keys_file else None


def _spans(settings: Settings) -> Spans:
    if not settings.otlp_endpoint:
        return NoSpans()
    from goodcall.web.telemetry import OpenTelemetrySpans, batched_export  # noqa: PLC0415 - an extra

    return OpenTelemetrySpans(batched_export(settings.otlp_endpoint))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.ready = True
    yield
    app.state.ready = False
    await asyncio.to_thread(app.state.spans.close)

"""The app: settings in, ASGI out. Nothing happens at import time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from goodcall.web.admission import Admission
from goodcall.web.alarm import HackingAlarm
from goodcall.web.key_file import KeyFile
from goodcall.web.limits import Limits
from goodcall.web.metrics import Metrics
from goodcall.web.openapi import build_openapi
from goodcall.web.problems import install_problem_handlers
from goodcall.web.request_ids import with_request_ids
from goodcall.web.routes import router
from goodcall.web.settings import Settings
from goodcall.web.team_scorers import TeamScorers


def create_app(settings: Settings, metrics: Metrics | None = None) -> FastAPI:
    """The service as an ASGI app; without ``metrics``, with some of its own.

    Raises:
        InvalidKeys: the file of keys holds something else.
        OSError: it can't be read.
    """
    # The stock documentation pages load their scripts from elsewhere.
    app = FastAPI(title="Goodcall", docs_url=None, redoc_url=None, lifespan=_lifespan)
    app.state.ready = False
    app.state.limits = Limits.of(settings)
    app.state.metrics = metrics or Metrics()
    app.state.key_file = _key_file(settings, app.state.metrics)
    app.state.scorers = TeamScorers(
        max_completion_bytes=settings.max_completion_bytes,
        cache_bytes=settings.cache_bytes,
        bounds=app.state.limits.schema_bounds(),
    )
    app.state.admission = Admission(app.state.limits, app.state.metrics)
    app.state.alarm = HackingAlarm(settings.alarm_share, app.state.metrics)
    app.include_router(router, generate_unique_id_function=lambda route: route.name)
    install_problem_handlers(app)
    app.add_middleware(app.state.metrics.middleware)
    app.add_middleware(with_request_ids)
    document = build_openapi(app)
    app.openapi = lambda: document  # type: ignore[method-assign]
    return app


def _key_file(settings: Settings, metrics: Metrics) -> KeyFile | None:
    return KeyFile(settings.keys_file, report=metrics.show_old_keys) if settings.keys_file else None


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.ready = True
    yield
    app.state.ready = False

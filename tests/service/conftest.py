"""The service's app, in process, spoken to over its real ASGI interface."""

import httpx
import pytest

from goodcall.web.app import create_app
from goodcall.web.settings import Settings


@pytest.fixture
def settings():
    """The defaults; a module overrides this to test others."""
    return Settings()


@pytest.fixture
async def service(settings):
    """An HTTP client whose other end is a started app."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as http,
    ):
        yield http

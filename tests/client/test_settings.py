"""What a client is made with: checked at once, never taken from the environment."""

import ssl
from typing import Any

import httpx
import pytest

from goodcall_client import AsyncClient, Client, Item


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_completions_per_request": 0}, "max_completions_per_request is 0: it must be at least 1"),
        ({"max_in_flight": -1}, "max_in_flight is -1"),
        ({"deadline_s": 0}, "deadline_s is 0: it must be above 0 seconds"),
        ({"deadline_s": float("nan")}, "deadline_s is nan"),
        ({"attempt_timeout_s": -1.0}, "attempt_timeout_s is -1.0"),
        ({"connect_timeout_s": 0.0}, "connect_timeout_s is 0.0"),
        ({"on_unavailable": "ignore"}, "on_unavailable is 'ignore': 'raise' or 'mask' is wanted"),
        ({"on_unavailable": None}, "on_unavailable is None"),
    ],
)
@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_settings_out_of_range_are_refused(kind: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        kind("http://127.0.0.1:1", **settings)


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("127.0.0.1:8000", "http:// or https://"),
        ("localhost:8000", "http:// or https://"),
        ("ftp://host", "http:// or https://"),
        ("http://", "and a host are wanted"),
        ("", "and a host are wanted"),
        ("http://host:port", "no URL"),
        ("http://me:hunter2@host", "no user name"),
        ("http://host/?a=b", "query"),
        ("http://host/#top", "fragment"),
    ],
)
def test_a_base_url_that_cannot_work_is_refused(base_url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        AsyncClient(base_url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["http://service.test", "http://service.test/", "http://service.test/rewards/v1/"])
async def test_the_service_may_live_under_a_path(base_url: str, fake_service: Any) -> None:
    paths: list[str] = []
    service = fake_service()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope["path"])
        await service({**scope, "path": "/score"}, receive, send)

    async with AsyncClient(base_url, transport=httpx.ASGITransport(app)) as client:
        await client.score([])
    assert paths == [httpx.URL(base_url).path.rstrip("/") + "/score"]


async def test_requests_say_who_asks_and_what_they_take(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    async with connect(service) as client:
        await client.score([Item(completions=["a"], ground_truth=[])])
        await client.wait_until_ready()
    sent, asked = service.headers
    assert sent["user-agent"] == asked["user-agent"] == "goodcall-client/0.1.0"
    assert sent["accept"] == "application/json"
    assert sent["content-type"] == "application/json"
    assert "content-type" not in asked
    assert "authorization" not in sent


async def test_a_cookie_is_not_sent_back(fake_service: Any, faults: Any, connect: Any, no_jitter: Any) -> None:
    """One that a load balancer sets would pin every later call to one replica."""
    service = fake_service([faults.status(503, headers={"set-cookie": "replica=1; Path=/"})])
    async with connect(service, _rng=no_jitter) as client:
        await client.score([Item(completions=["a"], ground_truth=[])])
    assert [headers.get("cookie") for headers in service.headers] == [None, None]


async def test_a_closed_client_says_so(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    async with connect(service) as client:
        await client.score([])
    with pytest.raises(RuntimeError, match=r"AsyncClient\('http://service.test'\) was closed"):
        await client.score([])
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("base_url", "mode"), [("http://127.0.0.1:1", ssl.CERT_NONE), ("https://127.0.0.1:1", ssl.CERT_REQUIRED)]
)
async def test_certificates_are_loaded_and_checked_for_https_alone(base_url: str, mode: ssl.VerifyMode) -> None:
    """Loading the bundle is the dearest part of making a client."""
    async with AsyncClient(base_url) as client:
        context = client._transport._pool._ssl_context  # type: ignore[attr-defined]
        assert context.verify_mode is mode
        assert bool(context.cert_store_stats()["x509_ca"]) is (mode is ssl.CERT_REQUIRED)


def test_the_representation_names_the_url() -> None:
    assert repr(AsyncClient("http://127.0.0.1:8000/")) == "AsyncClient('http://127.0.0.1:8000')"
    with Client("http://127.0.0.1:8000") as client:
        assert repr(client) == "Client('http://127.0.0.1:8000')"

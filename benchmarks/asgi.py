"""Calls an ASGI app as a server would, without one."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

App: TypeAlias = Callable[..., Awaitable[None]]


async def post(app: App, body: bytes) -> bytes:
    """The answer of an app to a body posted to ``/score``.

    Raises:
        RuntimeError: the app did not answer with 200.
    """
    answer: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"the app answered {message['status']}")
        answer.append(message.get("body", b""))

    await app(_scope(len(body)), receive, send)
    return b"".join(answer)


def _scope(length: int) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/score",
        "raw_path": b"/score",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(length).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

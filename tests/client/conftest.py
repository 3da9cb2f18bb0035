"""A clock that only moves when nobody has work, a service that follows a script, and servers on loopback."""

import asyncio
import json
import random
import selectors
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn

from goodcall_client import AsyncClient

T = TypeVar("T")
Send = Callable[[dict[str, Any]], Awaitable[None]]
Fault = Callable[[Send, bytes], Awaitable[None]]
Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


# Virtual time


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, moves the clock to it."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("nothing is ready and no timer is set: this test would wait for ever")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in which an hour of back-off takes no time, and the same time on every machine."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


@pytest.fixture
def in_virtual_time() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine to its end on a loop of its own, whose clock starts at 0."""

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(coroutine)

    return run


# The scripted service


def right_answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a faultless service says: verdicts that depend on the item and the completion alone."""
    return {
        "reward": request.get("reward", "test/default@1"),
        "digest": "sha256:0123",
        "request_id": f"req-{zlib.crc32(json.dumps(request).encode())}",
        "items": [
            {
                "id": item.get("id"),
                "verdicts": [_verdict(item, completion) for completion in item["completions"]],
            }
            for item in request["items"]
        ],
    }


def _verdict(item: Mapping[str, Any], completion: Any) -> dict[str, Any]:
    mark = zlib.crc32(json.dumps([item["ground_truth"], completion]).encode())
    return {"score": [0.0, 1.0, None, -2.5, 4][mark % 5], "reason": f"because_{mark}"}


CATALOGUE = {
    "default": "test/default@1",
    "rewards": [
        {
            "id": "test/default@1",
            "digest": "sha256:0123",
            "summary": "For tests.",
            "range": [-2.5, 4],
            "needs": ["ground_truth"],
            "source": "here",
        }
    ],
}


class FakeService:
    """An ASGI app that answers rightly, except where its script of faults says otherwise.

    `faults` has one entry for each request in the order of arrival; None, or the end, is a right answer.
    `requests` are the decoded bodies, `arrivals` the loop's time of each, `headers` its headers.
    """

    def __init__(self, faults: Iterable[Fault | None] = (), *, delay_s: float = 0.0) -> None:
        self.faults = iter(faults)
        self.delay_s = delay_s
        self.bodies: list[bytes] = []
        self.requests: list[Any] = []
        self.arrivals: list[float] = []
        self.headers: list[dict[str, str]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.cancelled = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Callable[[], Any], send: Send) -> None:
        body = await _read_body(receive)
        request = json.loads(body) if body else None
        self.bodies.append(body)
        self.requests.append(request)
        self.arrivals.append(asyncio.get_running_loop().time())
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        answer = ANSWERS.get(scope["path"], _ready)
        fault = next(self.faults, None) or _no_fault
        async with self._counted():
            await asyncio.sleep(self.delay_s)
            await fault(send, json.dumps(answer(request)).encode())

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            yield
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1


async def _no_fault(send: Send, right: bytes) -> None:
    await respond(send, 200, right)


def _ready(_: Any) -> Any:
    return {"status": "ready"}


ANSWERS: dict[str, Callable[[Any], Any]] = {"/score": right_answer, "/rewards": lambda _: CATALOGUE}


async def _read_body(receive: Callable[[], Any]) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def respond(
    send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None, media: str | None = None
) -> None:
    media = media or ("application/json" if status == 200 else "application/problem+json")
    fields = {"content-type": media, "content-length": str(len(body)), **(headers or {})}
    raw = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


class Faults:
    """Ways in which an attempt goes wrong."""

    @staticmethod
    def status(status: int, body: Any = b"", headers: Mapping[str, str] | None = None) -> Fault:
        """Another status; a body that is not bytes is sent as JSON."""

        async def fault(send: Send, _: bytes) -> None:
            await respond(send, status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)

        return fault

    @staticmethod
    def body(change: Callable[[bytes], bytes], media: str = "application/json", status: int = 200) -> Fault:
        """Status 200 and the right body, changed."""

        async def fault(send: Send, right: bytes) -> None:
            await respond(send, status, change(right), media=media)

        return fault

    @staticmethod
    def json(change: Callable[[Any], Any]) -> Fault:
        """Status 200 and the right answer, changed in place, or replaced by what `change` returns."""

        def apply(right: bytes) -> bytes:
            value = json.loads(right)
            changed = change(value)
            return json.dumps(value if changed is None else changed).encode()

        return Faults.body(apply)

    @staticmethod
    def error(error: Exception) -> Fault:
        """No answer at all, but an error of the connection."""

        async def fault(_: Send, __: bytes) -> None:
            raise error

        return fault

    @staticmethod
    def hang(for_s: float = 3600.0) -> Fault:
        """The right answer, much later."""

        async def fault(send: Send, right: bytes) -> None:
            await asyncio.sleep(for_s)
            await respond(send, 200, right)

        return fault


@pytest.fixture
def fake_service() -> type[FakeService]:
    return FakeService


@pytest.fixture
def faults() -> type[Faults]:
    return Faults


@pytest.fixture
def connect() -> Callable[..., AsyncClient]:
    """A client of a scripted service, with no network between them."""

    def client(app: Any, **settings: Any) -> AsyncClient:
        settings.setdefault("_rng", random.Random(0))
        return AsyncClient("http://service.test", transport=httpx.ASGITransport(app), **settings)

    return client


# Servers on loopback


@pytest.fixture
def listening() -> Any:
    """A server whose n-th connection is handled by the n-th handler, and any later one by the last."""

    @asynccontextmanager
    async def serve(*handlers: Connection) -> AsyncIterator[str]:
        left = list(handlers)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            handler = left.pop(0) if len(left) > 1 else left[0]
            try:
                await handler(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    return serve


@pytest.fixture
def live() -> Any:
    """A uvicorn server with any ASGI app, on a thread of its own."""

    @contextmanager
    def serve(app: Any) -> Iterator[str]:
        config = uvicorn.Config(app, lifespan="off", ws="none", log_level="critical")
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join()

    return serve


class NoJitter(random.Random):
    """Draws the lowest value every time, so that retries over a real network do not wait."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002
        return a


@pytest.fixture
def no_jitter() -> random.Random:
    return NoJitter()

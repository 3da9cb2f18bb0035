"""The limit: what is left when nothing is judged. It receives, decodes once, and encodes a verdict for each completion.

No server in Python that speaks this wire can take less; what the service takes beyond it is the price of judging.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec

from benchmarks import uvicorn_runner

_Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
_Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]


class Item(msgspec.Struct):
    """One task with its completions; the task stays raw."""

    completions: list[str]
    tools: msgspec.Raw
    ground_truth: msgspec.Raw


class Request(msgspec.Struct):
    """What is asked."""

    items: list[Item]


class Verdict(msgspec.Struct):
    """The answer for one completion."""

    score: float
    reason: str


class ItemVerdicts(msgspec.Struct):
    """The answers for one item."""

    id: str | None
    verdicts: list[Verdict]


class Response(msgspec.Struct):
    """The answers, in the form of the wire."""

    reward: str
    digest: str
    request_id: str
    items: list[ItemVerdicts]


_decoder = msgspec.json.Decoder(Request)
_encoder = msgspec.json.Encoder()
_HEADERS = [(b"content-type", b"application/json")]


async def app(scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
    """Answers every request with a 1 for every completion."""
    if scope["type"] != "http":
        raise RuntimeError("this app speaks HTTP alone")
    answer = _encoder.encode(_judged(_decoder.decode(await _body(receive))))
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})


async def _body(receive: _Receive) -> bytes:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def _judged(request: Request) -> Response:
    items = [ItemVerdicts(None, [Verdict(1.0, "ok") for _ in item.completions]) for item in request.items]
    return Response("tool_n1/hardened@1", "sha256:", "", items)


if __name__ == "__main__":
    uvicorn_runner.run(app)

"""Every request gets an id: the caller's when it is safe to repeat, else a fresh one."""

import string
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-request-id"
MAX_LENGTH = 128
_SAFE = frozenset(string.ascii_letters + string.digits + "._-")


def with_request_ids(app: ASGIApp) -> ASGIApp:
    """The app with ``request.state.request_id`` set, and the id in a header of every answer."""

    async def identified(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get(HEADER, ""))
        scope.setdefault("state", {})["request_id"] = request_id

        async def stamp(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await app(scope, receive, stamp)

    return identified


def _request_id(given: str) -> str:
    if 0 < len(given) <= MAX_LENGTH and _SAFE.issuperset(given):
        return given
    return uuid.uuid4().hex

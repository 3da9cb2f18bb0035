"""The rim of the app: every request gets its ids, is counted, timed and logged, and answered whatever happens.

One layer does it all, for each layer that a request passes costs some microseconds.
"""

import time

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goodcall.web import request_ids, traces
from goodcall.web.logs import Log
from goodcall.web.metrics import Metrics
from goodcall.web.problems import FAILURE, problem_response
from goodcall.web.request_record import OTHER, STATE, RequestRecord
from goodcall.web.spans import Spans

_REQUEST_ID = request_ids.HEADER.encode()
_TRACEPARENT = traces.HEADER.encode()
_TRACESTATE = b"tracestate"


class Observer:
    """An app with its requests observed.

    ``request.state.request_id`` is set, and the answer has the id and the ``traceparent`` in its headers. What the app
    raises becomes a 500 problem here, and goes no further: servers log exceptions with their messages.

    Args:
        app: what is observed.
        metrics: counts the requests.
        log: gets a line for each; None for none.
        spans: takes one for each.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: Log | None = None, spans: Spans) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = time.perf_counter()
        headers = dict(scope["headers"])
        record = self._begin(scope, headers)
        stamps = [(_REQUEST_ID, record.request_id.encode()), (_TRACEPARENT, record.trace.traceparent)]
        ended_at: float | None = None

        async def stamp(message: Message) -> None:
            nonlocal ended_at
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [*message.get("headers", ()), *stamps]
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                ended_at = time.perf_counter()

        try:
            await self._app(scope, receive, stamp)
        except Exception as error:  # noqa: BLE001 - the rim: nothing that a request does may end more than itself
            await self._fail(error, record, Request(scope), receive, stamp)
        finally:
            self._end(record, scope, headers, (ended_at or time.perf_counter()) - started_at)

    def _begin(self, scope: Scope, headers: dict[bytes, bytes]) -> RequestRecord:
        trace = traces.continue_trace(headers.get(_TRACEPARENT, b""), keeps_own=self._spans.are_kept)
        record = RequestRecord(request_ids.request_id(headers.get(_REQUEST_ID, b"")), trace)
        state = scope.setdefault("state", {})
        state[STATE], state["request_id"] = record, record.request_id
        self._metrics.begin_request()
        return record

    async def _fail(
        self, error: Exception, record: RequestRecord, request: Request, receive: Receive, send: Send
    ) -> None:
        if self._log:
            self._log.failure(record, error)
        has_begun = record.status is not None
        response = problem_response(request, FAILURE)
        # An answer that has begun is left without its end, and the server closes the connection.
        if not has_begun:
            await response(request.scope, receive, send)

    def _end(self, record: RequestRecord, scope: Scope, headers: dict[bytes, bytes], seconds: float) -> None:
        route, method = _route(scope), scope["method"]
        team = scope["state"].get("team")
        team_name = team.name if team else ""
        self._metrics.end_request(record, route, team_name, seconds)
        if self._log:
            self._log.request(record, method, route, team_name, seconds)
        self._spans.add(record, method, route, headers.get(_TRACESTATE, b""), seconds)


def _route(scope: Scope) -> str:
    """The pattern of the path that matched; one name for all paths that don't exist."""
    return getattr(scope.get("route"), "path", OTHER)

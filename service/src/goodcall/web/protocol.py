"""HTTP on one connection, within bounds of time and size.

uvicorn's protocol waits for ever for a head, for the rest of a body that nobody reads and for somebody to take an
answer; takes heads of any size and requests in any number before it answers the first; and says what it can't read in
plain text. This one bounds all of that, and says it as a problem. The time of a body that the app reads is the app's to
watch: only it knows when it waits for the caller, and when the caller for it.

A connection has two timers at most, and an ordinary request starts none but the one that uvicorn starts after it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from goodcall.web.gathering import GatheringProtocol
from goodcall.web.limits import Limits
from goodcall.web.problems import PROBLEM_JSON, Problem, ProblemCode, RequestProblem
from goodcall.web.random_ids import random_id
from goodcall.web.request_ids import HEADER as REQUEST_ID_HEADER

LINGER_S = 2.0
"""After a refusal in the midst of a message what still comes is thrown away for so long; a connection that is closed
with unread bytes is reset, and the refusal may be lost with it."""
MAX_PIPELINED = 16
"""Requests that may wait for an earlier one of their connection. Clients hardly ever send any, and each takes some
kilobytes for the few bytes that it comes in."""


class BoundedProtocol(GatheringProtocol):
    """One connection.

    Args:
        limits: bound the heads of requests, and the time that heads, bodies and answers take.
        count_unread: called with the answer to each request that can't be read, of which no app knows.
        given: what uvicorn gives to a protocol.
    """

    def __init__(self, *, limits: Limits, count_unread: Callable[[Problem], None], **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._count_unread = count_unread
        self._reads_head = True
        """Whether what comes next belongs to a head."""
        self._is_idle = False
        """Whether nothing of the next head has come, and the answer to the last is complete."""
        self._is_refused = False
        self._bytes_in_vain = 0
        """Those that came since the last end of a head, piece of a body, or end of a message."""
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by asyncio."""
        super().connection_made(transport)
        self._give(self._limits.header_timeout_s, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._unset_keepalive_if_required()
        self._end_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._is_refused:
            return
        self._bytes_in_vain += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._refuse(_fault(error))
        except httptools.HttpParserUpgrade:
            # It is answered as if it had not asked, but what follows such a head is anybody's guess.
            self.cycle.keep_alive = False
        else:
            if self._bytes_in_vain:
                self._bound_what_came_in_vain()

    def _bound_what_came_in_vain(self) -> None:
        if self._bytes_in_vain > self._limits.max_header_bytes:
            self._refuse(self._head_too_large())
        elif self._is_idle:
            self._is_idle = False
            self._give(self._limits.header_timeout_s, self._head_is_late)

    def on_headers_complete(self) -> None:
        """Called by the parser.

        Raises:
            RequestProblem: the head is larger than it may be, or leaves it open where its message ends.
        """
        headers = self.headers
        size = len(self.url) + sum([len(name) + len(value) for name, value in headers])
        if size > self._limits.max_header_bytes or len(headers) > self._limits.max_headers:
            raise self._head_too_large()
        _refuse_ambiguous(headers, self.parser)
        if len(self.pipeline) >= MAX_PIPELINED:
            # Nobody reads this: what came before is answered, and then the connection ends.
            raise RequestProblem(ProblemCode.TOO_MANY_IN_FLIGHT, "Wait for answers before sending more requests.")
        super().on_headers_complete()
        self._unset_keepalive_if_required()
        # What comes as a trailer must not turn up among the headers.
        self.headers = []
        self._reads_head = self._is_idle = False
        self._bytes_in_vain = 0

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._bytes_in_vain = 0
        # Who sends the body has not waited, or waits no more.
        self.expect_100_continue = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        super().on_message_complete()
        self._reads_head, self._bytes_in_vain = True, 0
        if self.cycle.response_complete:
            self._is_idle = True
            self._give(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_response_complete(self) -> None:
        """Called by uvicorn."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close_in_time()
        elif not self.cycle.response_complete:
            pass  # Another request has come meanwhile.
        elif self._reads_head and self._bytes_in_vain:
            self._give(self._limits.header_timeout_s, self._head_is_late)
        elif self._reads_head:
            self._is_idle = True
        elif self.expect_100_continue:
            # The body may never be sent now, and nobody could tell the next request from it.
            self.transport.close()
        else:
            self._give(self._limits.body_timeout_s, self.transport.abort)

    def shutdown(self) -> None:
        """Called by uvicorn when the service ends."""
        super().shutdown()
        if self.transport.is_closing():
            self._close_in_time()

    def _close_in_time(self) -> None:
        """A transport that is closed stays open until its caller has taken what is left of an answer."""
        if self.transport.get_write_buffer_size():
            self._give(self._limits.body_timeout_s, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """Called by uvicorn's timer."""
        self.transport.abort()

    def pause_writing(self) -> None:
        """Called by asyncio when an answer is taken more slowly than it is written."""
        super().pause_writing()
        self._stall = self.loop.call_later(self._limits.body_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Called by asyncio when most of it is taken."""
        self._end_stall()
        super().resume_writing()

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _give(self, seconds: float, then: Callable[[], object]) -> None:
        """Starts the timer of the message that is read, or comes next, in place of what it was at."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(seconds, then)

    def _head_is_late(self) -> None:
        if self._bytes_in_vain:
            seconds = f"{self._limits.header_timeout_s:g}"
            self._refuse(
                RequestProblem(
                    ProblemCode.REQUEST_TIMEOUT, f"The head of a request must come within {seconds} seconds."
                )
            )
        else:
            self.transport.abort()

    def _head_too_large(self) -> RequestProblem:
        return RequestProblem(
            ProblemCode.HEADERS_TOO_LARGE,
            f"The head of a request may have {self._limits.max_headers} headers and "
            f"{self._limits.max_header_bytes} bytes.",
        )

    def _refuse(self, problem: RequestProblem) -> None:
        """Reads no more; says why, where that can't be taken for the answer to something else."""
        self._is_refused = True
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or (self._reads_head and cycle.response_complete):
            self._answer(problem)
        elif self._reads_head:
            # What came before is answered, and then the connection ends.
            cycle.keep_alive = False
        elif cycle.response_started or self.pipeline:
            self.transport.abort()
        else:
            # Whatever the app will say is not sent any more.
            cycle.disconnected = True
            cycle.message_event.set()
            self._answer(problem)

    def _answer(self, problem: RequestProblem) -> None:
        body = Problem.of(problem, random_id(128))
        content = body.model_dump_json(exclude_none=True).encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", PROBLEM_JSON.encode()),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
            (REQUEST_ID_HEADER.encode(), body.request_id.encode()),
        ]
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[body.status], lines, content))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._give(LINGER_S, self.transport.abort)
        self._count_unread(body)


def _fault(error: httptools.HttpParserError) -> RequestProblem:
    """What the parser stopped at; its own words may repeat what was sent."""
    if isinstance(error.__context__, RequestProblem):
        return error.__context__
    return _malformed("What was sent is not a request of HTTP/1.1 (RFC 9112).")


def _malformed(detail: str) -> RequestProblem:
    return RequestProblem(ProblemCode.MALFORMED_REQUEST, detail)


def _refuse_ambiguous(headers: list[tuple[bytes, bytes]], parser: httptools.HttpRequestParser) -> None:
    """Lets a head pass of which a proxy can't think that its message ends elsewhere, or is for another host.

    Raises:
        RequestProblem: it is none. What the parser refuses by itself is not looked for.
    """
    names, version = [name for name, _ in headers], parser.get_http_version()
    if version != "1.1" and version != "1.0":  # noqa: PLR1714 - faster than a set
        raise _malformed("The version of HTTP must be 1.1 or 1.0.")
    if names.count(b"host") != 1 and version == "1.1":
        raise _malformed("A request has exactly one Host header.")
    is_chunked = b"transfer-encoding" in names
    if is_chunked and (version == "1.0" or dict(headers)[b"transfer-encoding"].strip().lower() != b"chunked"):
        raise _malformed("The only Transfer-Encoding known here is chunked, with HTTP/1.1.")
    if parser.should_upgrade() and (is_chunked or dict(headers).get(b"content-length", b"0").strip() != b"0"):
        raise _malformed("Send a body without asking for an upgrade beside it.")

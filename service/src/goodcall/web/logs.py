"""What the service says while it runs: a line of JSON for each request, and for what goes wrong.

A line holds names from closed lists, ids and numbers. What callers send is in none: no completion, schema, key, header
or path as it came. Of an exception the line has the types and the code's lines, for its message may repeat input.
"""

import asyncio
import linecache
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Literal, TypeAlias

import msgspec

from goodcall.web.log_stream import LogStream
from goodcall.web.request_record import RequestRecord
from goodcall.web.settings import LogLevel, Settings

QUIET_ROUTES = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds by machines; what succeeds is logged at ``debug`` only."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_MAX_FRAMES = 24
# Their messages are known to hold nothing that was sent.
_TRUSTED_LOGGERS = ("goodcall", "uvicorn")

_Severity: TypeAlias = Literal["debug", "info", "warning", "error"]
_RANKS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_LOWEST_RANKS = {LogLevel.DEBUG: 10, LogLevel.INFO: 20, LogLevel.WARNING: 30, LogLevel.OFF: 100}


class RequestLine(msgspec.Struct, omit_defaults=True):
    """One request, once it is answered. What a request has none of is left out."""

    time: datetime
    level: _Severity
    request_id: str
    trace_id: str
    span_id: str
    method: str
    route: str
    status: int
    duration_ms: float
    event: str = msgspec.field(default_factory=lambda: "request")
    parent_id: str = ""
    problem: str = ""
    team: str = ""
    reward: str = ""
    items: int = 0
    completions: int = 0
    nulls: int = 0
    body_bytes: int = 0
    wait_ms: float = 0.0


class EventLine(msgspec.Struct, omit_defaults=True):
    """Anything else that is worth a line."""

    time: datetime
    level: _Severity
    event: str
    request_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    logger: str = ""
    message: str = ""
    error: list[str] = []
    """The types of an exception and of those behind it."""
    at: list[str] = []
    """Where it was raised, the innermost place last: module, line, function and the code there."""
    count: int = 0


class Log:
    """The log of one process.

    Args:
        level: what is less than this is left out.
        stream: takes the lines. Those of requests are written with the next ``flush``, all others at once.
    """

    def __init__(self, level: LogLevel, stream: LogStream) -> None:
        self._lowest_rank = _LOWEST_RANKS[level]
        self._encode = msgspec.json.Encoder().encode
        self._stream = stream

    def request(self, record: RequestRecord, method: str, route: str, team: str, seconds: float) -> None:
        """One line for a request that has been answered, or given up."""
        status, trace = record.status or 500, record.trace
        level = _severity(status, route)
        if _RANKS[level] < self._lowest_rank:
            return
        line = RequestLine(
            time=datetime.now(UTC),
            level=level,
            request_id=record.request_id,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            parent_id=trace.parent_id,
            method=method_name(method),
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            problem=record.problem,
            team=team,
            reward=record.reward,
            items=record.items,
            completions=record.completions,
            nulls=record.nulls,
            body_bytes=record.body_bytes,
            wait_ms=round(record.wait_s * 1000, 3),
        )
        self._stream.put(self._encode(line) + b"\n")

    def failure(self, record: RequestRecord, error: BaseException) -> None:
        """One line for a failure of ours in the course of a request."""
        trace = record.trace
        self._event(
            "error",
            "failure",
            request_id=record.request_id,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            error=_types(error),
            at=_places(error),
        )

    def message(
        self, level: _Severity, message: str, *, logger: str = "goodcall", error: BaseException | None = None
    ) -> None:
        """One line with a sentence, which must hold nothing that was sent."""
        places = {"error": _types(error), "at": _places(error)} if error else {}
        self._event(level, "message", logger=logger, message=_escaped(message), **places)

    def take_over(self) -> None:
        """From now on, what this process's libraries log comes out here."""
        root = logging.getLogger()
        root.handlers = [_Handler(self)]
        root.setLevel(logging.WARNING)

    def take_over_loop(self) -> None:
        """From now on, so does what goes wrong in the running event loop outside of any request."""
        asyncio.get_running_loop().set_exception_handler(self._on_loop_error)

    def flush(self) -> None:
        """Writes what waits to be written; to be called some times a second, and at the end."""
        self._stream.flush()
        if dropped := self._stream.take_dropped():
            self._event("warning", "lines_dropped", count=dropped)

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # The context's own message may show the arguments of a callback.
        self.message(
            "error", "Something failed outside of any request.", logger="asyncio", error=context.get("exception")
        )

    def _event(self, level: _Severity, event: str, **facts: Any) -> None:
        if _RANKS[level] >= self._lowest_rank:
            self._stream.put(self._encode(EventLine(datetime.now(UTC), level, event, **facts)) + b"\n")
            self._stream.flush()


def log_to_stderr(settings: Settings) -> Log:
    """The log that the settings ask for, on standard error."""
    return Log(settings.log_level, LogStream(sys.stderr.fileno()))


class _Handler(logging.Handler):
    """Gives what libraries log to a log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Called by ``logging``."""
        is_trusted = record.name.partition(".")[0] in _TRUSTED_LOGGERS
        # Of others the pattern alone, without what would be put into it.
        pattern = str(record.msg) if record.args else "What it says is withheld."
        message = record.getMessage() if is_trusted else pattern
        level: _Severity = "error" if record.levelno >= logging.ERROR else "warning"
        error = record.exc_info[1] if record.exc_info else None
        self._log.message(level, message.strip(), logger=record.name, error=error)


def method_name(method: str) -> str:
    """A method's name, or ``_OTHER`` for one that HTTP does not know."""
    return method if method in _METHODS else "_OTHER"


def _severity(status: int, route: str) -> _Severity:
    if status == 500:
        return "error"
    return "debug" if route in QUIET_ROUTES and status < 400 else "info"


def _types(error: BaseException | None) -> list[str]:
    found: list[str] = []
    while error is not None and len(found) < _MAX_FRAMES:
        found.append(f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."))
        error = error.__cause__ or error.__context__
    return found


def _places(error: BaseException) -> list[str]:
    return [_place(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)][-_MAX_FRAMES:]


def _place(frame: FrameType, line_number: int) -> str:
    code = linecache.getline(frame.f_code.co_filename, line_number, frame.f_globals).strip()
    return f"{frame.f_globals.get('__name__', '?')}:{line_number} {frame.f_code.co_name}: {code}"


def _escaped(message: str) -> str:
    """A text in ASCII, as names of files need not be Unicode."""
    return message.encode("ascii", "backslashreplace").decode()

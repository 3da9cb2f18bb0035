"""Where what is known of a request goes for its trace. Without a collector: nowhere, at no cost."""

from typing import Protocol

from goodcall.web.request_record import RequestRecord


class Spans(Protocol):
    """Takes a span for each request."""

    are_kept: bool
    """Whether a trace that begins here is kept."""

    def add(self, record: RequestRecord, method: str, route: str, tracestate: bytes, seconds: float) -> None:
        """Takes the span of a request that has just been answered and took so many seconds."""

    def close(self) -> None:
        """Sends what is left; takes some seconds at most."""


class NoSpans:
    """Takes none."""

    are_kept = False

    def add(self, record: RequestRecord, method: str, route: str, tracestate: bytes, seconds: float) -> None:
        """Nothing happens."""

    def close(self) -> None:
        """Nothing happens."""

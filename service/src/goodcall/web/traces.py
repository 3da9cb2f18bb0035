"""W3C Trace Context: which trace a request belongs to, and the id of what the service does for it.

A header that can't be read is no error: the request begins a trace of its own then, as the recommendation asks.
"""

import re
from typing import NamedTuple

from goodcall.web.random_ids import random_id

HEADER = "traceparent"

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_NO_TRACE, _NO_SPAN = b"0" * 32, b"0" * 16
_SAMPLED = 1


class Trace(NamedTuple):
    """The place of one request in a trace."""

    trace_id: str
    """32 hexadecimal digits in lower case."""
    span_id: str
    """16, for what is done here."""
    parent_id: str
    """16, of the caller; empty where the trace begins here."""
    is_sampled: bool
    """Whether the caller keeps the trace, or, where it begins here, whether the service does."""

    @property
    def traceparent(self) -> bytes:
        """The header that says so to others."""
        return f"00-{self.trace_id}-{self.span_id}-0{self.is_sampled:d}".encode()


def continue_trace(traceparent: bytes, *, keeps_own: bool = False) -> Trace:
    """The trace that a request goes on with, under a span id of its own.

    Args:
        traceparent: the value of the header; empty where there is none. One that is malformed begins a new trace.
        keeps_own: whether a trace that begins here is sampled.
    """
    span_id = random_id(64)
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if found is None or not _is_valid(found):
        return Trace(random_id(128), span_id, "", keeps_own)
    _, trace_id, parent_id, flags, _ = found.groups()
    return Trace(trace_id.decode(), span_id, parent_id.decode(), bool(int(flags, 16) & _SAMPLED))


def _is_valid(found: re.Match[bytes]) -> bool:
    version, trace_id, parent_id, _, more = found.groups()
    # Versions to come may say more at the end; this one may not.
    is_known = version != b"ff" and (version != b"00" or more is None)
    return is_known and trace_id != _NO_TRACE and parent_id != _NO_SPAN

"""What is known of one request, for those who watch the service: counts and names from closed lists, never content."""

from dataclasses import dataclass

from fastapi import Request

from goodcall.web.traces import Trace

STATE = "record"
OTHER = "other"
"""In place of a path that does not exist, so that no path that somebody made up is shown."""


@dataclass(slots=True)
class RequestRecord:
    """One request; what it does not get to stays as it is here."""

    request_id: str
    trace: Trace
    status: int | None = None
    """None until the answer begins."""
    problem: str = ""
    """The code of the problem that it was answered with."""
    reward: str = ""
    items: int = 0
    completions: int = 0
    nulls: int = 0
    """Of the completions, those without a verdict."""
    body_bytes: int = 0
    wait_s: float = 0.0
    """Seconds lined up for the first turn to score."""


def record_of(request: Request) -> RequestRecord:
    """The record of a request."""
    record: RequestRecord = request.scope["state"][STATE]
    return record

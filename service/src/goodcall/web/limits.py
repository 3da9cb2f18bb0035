"""What one request may hold."""

from dataclasses import fields

from fastapi import Request
from pydantic import BaseModel, Field

from goodcall.schema_bounds import SchemaBounds
from goodcall.web.problems import ProblemCode, RequestProblem
from goodcall.web.settings import Settings
from goodcall.web.wire import ScoreRequest

_MOST_DIGITS = 18
"""Of a Content-Length; one of more is not worth reading."""


class Limits(BaseModel):
    """The limits in force, as ``GET /limits`` shows them."""

    max_body_bytes: int = Field(description="Bytes of a request body; more is refused with 413.")
    max_bytes_in_flight: int = Field(
        description="Bytes of request bodies in flight in one worker, shared by the teams; more is refused with 429."
    )
    max_requests_in_flight: int = Field(
        description="Scoring requests in flight in one worker, shared by the teams; more is refused with 429."
    )
    max_headers: int = Field(description="Headers of a request; more is refused with 431.")
    max_header_bytes: int = Field(description="Bytes of a request's head, its URL included; more is refused with 431.")
    header_timeout_s: float = Field(description="Seconds that a head may take to come; longer is refused with 408.")
    body_timeout_s: float = Field(
        description="Seconds that a body may take to come, and an answer to be taken; of lines, the next piece of "
        "either. A body that takes longer is refused with 408."
    )
    max_json_depth: int = Field(
        description="Brackets that may be open at once in `context.execution`; more is refused with 400. Completions, "
        "tools and ground truths are bounded by the verdict itself."
    )
    key_check_bytes: int = Field(
        description="Bytes of a JSON body up to which a key that an object of the request repeats is refused with 400; "
        "in longer bodies the last one counts."
    )
    max_items: int = Field(description="Items in one request; more is refused with 422.")
    max_completions: int = Field(description="Completions in one request, all items together; more is refused.")
    max_completions_in_flight: int = Field(
        description="Completions in flight in one worker, shared by the teams; more is refused with 429."
    )
    max_expected_wait_s: float = Field(
        description="Seconds within which all completions in flight in one worker should be scored, as fast as it "
        "went lately; beyond it more is refused with 429, from 4,096 on."
    )
    max_completion_bytes: int = Field(description="Bytes of UTF-8 in one completion; a longer one scores 0 unread.")
    max_tools: int = Field(description="Tools of one task; with more it has no verdict.")
    max_tool_bytes: int = Field(description="Bytes of JSON of one tool; with more its task has no verdict.")
    max_schema_nodes: int = Field(
        description="JSON values in the parameters of one tool; with more its task has no verdict."
    )
    max_schema_depth: int = Field(
        description="Brackets open at once in the parameters of one tool; with more its task has no verdict."
    )
    max_schema_checks: int = Field(
        description="Checks of one value by the parameters of one tool, references followed; with more its task has no "
        "verdict."
    )

    request_deadline_s: float = Field(
        description="Seconds from the headers of a request to its last verdict, or of a line to its own; what takes "
        "longer is refused with 503."
    )

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings set."""
        return cls(**{field: getattr(settings, field) for field in cls.model_fields})

    def schema_bounds(self) -> SchemaBounds:
        """Those of the tools of a task."""
        return SchemaBounds(**{field.name: getattr(self, field.name) for field in fields(SchemaBounds)})


def declared_bytes(request: Request, limits: Limits) -> int | None:
    """How long the body of a request will be, by its headers; None when they don't say.

    Raises:
        RequestProblem: it will be larger than the limit.
    """
    declared = request.headers.get("content-length", "")
    if not (declared.isascii() and declared.isdigit()):
        return None
    if len(declared) > _MOST_DIGITS or int(declared) > limits.max_body_bytes:
        raise body_too_large(limits)
    return int(declared)


def media_type(request: Request) -> str:
    """What the body of a request is declared as, in lower case and without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def body_too_large(limits: Limits) -> RequestProblem:
    """The problem of a body that is larger than it may be."""
    return RequestProblem(
        ProblemCode.BODY_TOO_LARGE,
        f"A body may have {limits.max_body_bytes} bytes; split the batch into several requests.",
    )


def refuse_beyond(score_request: ScoreRequest, limits: Limits) -> None:
    """Lets a request pass that holds no more than it may.

    Raises:
        RequestProblem: it holds too many items or completions.
    """
    if len(score_request.items) > limits.max_items:
        raise _too_many("items", limits.max_items)
    refuse_completions_beyond(sum([len(item.completions) for item in score_request.items]), limits)


def refuse_completions_beyond(completions: int, limits: Limits) -> None:
    """Lets a request pass, or a line of one, that has no more completions than it may.

    Raises:
        RequestProblem: it has more.
    """
    if completions > limits.max_completions:
        raise _too_many("completions", limits.max_completions)


def _too_many(what: str, limit: int) -> RequestProblem:
    return RequestProblem(
        ProblemCode.LIMIT_EXCEEDED,
        f"A request may hold {limit} {what}; split the batch into several requests.",
        "/items",
    )

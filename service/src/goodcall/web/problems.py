"""What goes wrong with a request, as ``application/problem+json`` (RFC 9457).

The codes are a closed list. No problem ever repeats what was sent.
"""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Self

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from goodcall.web.request_record import record_of

PROBLEM_JSON = "application/problem+json"


class ProblemCode(StrEnum):
    """The closed list of what can be wrong. ``code.status`` is the HTTP status; ``code.headline`` says it in short."""

    status: HTTPStatus
    headline: str

    def __new__(cls, code: str, status: HTTPStatus, headline: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.status = status
        member.headline = headline
        return member

    MALFORMED_REQUEST = "malformed_request", HTTPStatus.BAD_REQUEST, "The request is not HTTP as it has to be"
    HEADERS_TOO_LARGE = (
        "headers_too_large",
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The head of the request is too large",
    )
    REQUEST_TIMEOUT = "request_timeout", HTTPStatus.REQUEST_TIMEOUT, "The request took too long to come"
    INVALID_ENCODING = "invalid_encoding", HTTPStatus.BAD_REQUEST, "The body can't be inflated"
    INVALID_JSON = "invalid_json", HTTPStatus.BAD_REQUEST, "The body is not valid JSON"
    INVALID_REQUEST = (
        "invalid_request",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The body does not have the form of a request",
    )
    UNKNOWN_FIELD = "unknown_field", HTTPStatus.UNPROCESSABLE_ENTITY, "The body has a field that is not known"
    UNKNOWN_REWARD = (
        "unknown_reward",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The catalogue holds no such reward",
    )
    UNSUPPORTED_COMPLETION = (
        "unsupported_completion",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The reward does not judge completions of this kind",
    )
    LIMIT_EXCEEDED = (
        "limit_exceeded",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The request holds more than one request may",
    )
    BODY_TOO_LARGE = "body_too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large"
    UNSUPPORTED_MEDIA_TYPE = (
        "unsupported_media_type",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is of a type or an encoding that is not accepted",
    )
    UNAUTHORIZED = "unauthorized", HTTPStatus.UNAUTHORIZED, "The request shows no key that is in force"
    FORBIDDEN = "forbidden", HTTPStatus.FORBIDDEN, "The key is for other things"
    TOO_MANY_IN_FLIGHT = (
        "too_many_in_flight",
        HTTPStatus.TOO_MANY_REQUESTS,
        "The team has as much in flight as it may have",
    )
    SERVICE_FULL = "service_full", HTTPStatus.SERVICE_UNAVAILABLE, "The service has no room left"
    DEADLINE_EXCEEDED = (
        "deadline_exceeded",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The request took longer than one may take",
    )
    REWARD_NOT_FOUND = "reward_not_found", HTTPStatus.NOT_FOUND, "The catalogue holds no such reward"
    NOT_FOUND = "not_found", HTTPStatus.NOT_FOUND, "There is nothing at this path"
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "This path does not answer to this method",
    )
    HTTP_ERROR = "http_error", HTTPStatus.BAD_REQUEST, "The request could not be served"
    NOT_READY = "not_ready", HTTPStatus.SERVICE_UNAVAILABLE, "The service does not take requests now"
    INTERNAL = "internal", HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; the request may be repeated"


class Problem(BaseModel):
    """The body of every answer that is not a success."""

    type: str = Field(description="A URI that names the kind of problem: `urn:goodcall:problem:` and the code.")
    title: str = Field(description="The kind of problem in a short sentence.")
    status: int = Field(description="The HTTP status, repeated.")
    code: ProblemCode = Field(description="The machine-readable kind of problem, from a closed list.")
    detail: str = Field(description="What is wrong with this request and what to do.")
    pointer: str | None = Field(None, description="JSON Pointer (RFC 6901) to the place in the body.")
    request_id: str = Field(description="The id under which the service logs this request.")

    @classmethod
    def of(cls, problem: "RequestProblem", request_id: str, *, status: int | None = None) -> "Problem":
        """What to answer to a request with a problem; the status is that of its code unless another is given."""
        code = problem.code
        return cls(
            type=f"urn:goodcall:problem:{code}",
            title=code.headline,
            status=status or code.status,
            code=code,
            detail=problem.detail,
            pointer=problem.pointer,
            request_id=request_id,
        )


class RequestProblem(Exception):
    """A request that can't be served as it is, and why; ``headers`` are for the answer."""

    def __init__(
        self,
        code: ProblemCode,
        detail: str,
        pointer: str | None = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.headers = headers


FAILURE = RequestProblem(ProblemCode.INTERNAL, "Repeat the request; if it fails again, report its request_id.")
"""What is said of every failure of ours, whatever it was."""


def problem_response(request: Request, problem: RequestProblem, *, status: int | None = None) -> Response:
    """The answer that reports a problem; the request's record has its code from then on."""
    record = record_of(request)
    record.problem = problem.code
    body = Problem.of(problem, record.request_id, status=status)
    return Response(
        body.model_dump_json(exclude_none=True),
        status_code=body.status,
        media_type=PROBLEM_JSON,
        headers=problem.headers,
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Makes what the app raises on purpose a problem. The rest is ``Observer``'s."""
    app.exception_handler(RequestProblem)(_on_request_problem)
    app.exception_handler(HTTPException)(_on_http_exception)
    app.exception_handler(ClientDisconnect)(_on_disconnect)


async def _on_request_problem(request: Request, error: RequestProblem) -> Response:
    return problem_response(request, error)


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    code, detail = {
        404: (ProblemCode.NOT_FOUND, "See /openapi.json for the paths."),
        405: (ProblemCode.METHOD_NOT_ALLOWED, "The Allow header lists the methods of this path."),
    }.get(error.status_code, (ProblemCode.HTTP_ERROR, "The request could not be served."))
    response = problem_response(request, RequestProblem(code, detail), status=error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    """Nobody is left to read this; the status is what logs and metrics of proxies use for it."""
    return Response(status_code=499)

"""What a response means: an answer, a failed attempt that another may mend, or a refusal that nothing will.

It reads the status and the headers; `_answer` reads the bodies.
"""

from collections.abc import Callable

import httpx

from ._answer import Problem, read_catalogue, read_problem
from ._errors import AuthenticationFailed, RequestRejected, UnknownReward
from ._retry import AnswerUnusable, AttemptFailed, asked_to_wait_s
from ._types import RewardCatalogue

_RETRIED_4XX = frozenset({408, 425, 429})


def raise_for_status(
    response: httpx.Response, in_call: Callable[[str | None], str | None] = lambda pointer: pointer
) -> None:
    if response.is_success:
        return
    problem = read_problem(response.content)
    status = response.status_code
    detail = problem.detail or response.reason_phrase or "no reason was given"
    if status >= 500 or status in _RETRIED_4XX:
        asked_s = asked_to_wait_s(response.headers)
        patience = f" (asks to wait {asked_s:g} s)" if asked_s else ""
        cause = f"{status} {problem.code or ''}".rstrip() + f": {detail}{patience}"
        raise AttemptFailed(cause, asked_s=asked_s, alive=status < 500)
    raise _rejection(status, problem)(
        url=str(response.url),
        status=status,
        code=problem.code,
        pointer=in_call(problem.pointer),
        detail=detail,
        request_id=problem.request_id or response.headers.get("x-request-id"),
    )


def _rejection(status: int, problem: Problem) -> type[RequestRejected]:
    if status in {401, 403}:
        return AuthenticationFailed
    return UnknownReward if problem.code == "unknown_reward" else RequestRejected


def json_body(response: httpx.Response) -> bytes:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200 or media_type != "application/json":
        said = f"status {response.status_code} with content type {media_type or 'none'}"
        raise AnswerUnusable(f"{said}; 200 with application/json is wanted")
    return response.content


def catalogue(response: httpx.Response) -> RewardCatalogue:
    return read_catalogue(json_body(response))


def ready(response: httpx.Response) -> None:
    """Any success will do; the body is for people."""

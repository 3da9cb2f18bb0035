"""The client: everything that `goodcall_client` does, it does here; `Client` runs one of these on a thread.

A `score` call is planned as requests (`_request`), which are sent side by side, each repeated until it is
answered (`_retry`), read and merged (`_answer`). It caches no verdicts, logs nothing and reads nothing from
the environment: proxies and certificate paths set there are ignored, because a reward service on localhost
behind HTTP_PROXY is a trap. Whoever needs either passes `transport=httpx.AsyncHTTPTransport(proxy=…,
verify=…)`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from ._answer import Problem, ScoreAnswer, merge, read_answer, read_catalogue, read_problem
from ._errors import AuthenticationFailed, RequestRejected, RewardChanged, ServiceUnavailable, UnknownReward
from ._request import ScoreRequest, plan
from ._retry import AnswerUnusable, AttemptFailed, Backoff, Deadline, Retry, asked_to_wait_s
from ._types import Item, RewardCatalogue, ScoreResult

__version__ = "0.1.0"

_RETRIED_4XX = frozenset({408, 425, 429})
_SCORING = Backoff(first_s=0.25, cap_s=8.0)
_STARTING = Backoff(first_s=0.05, cap_s=1.0)

T = TypeVar("T")


class AsyncClient:
    """Scores completions through a Goodcall service.

    One instance keeps one connection pool and belongs to the event loop that first uses it. It may be shared
    by any number of tasks; `max_in_flight` holds for all of them together.

    Args:
        base_url: Where the service is, with the path that a proxy may put before it: `http://127.0.0.1:8000`.
        api_key: Sent as `Authorization: Bearer …`; never shown.
        deadline_s: The longest that a call may take in all, retries included, unless the call says otherwise.
        attempt_timeout_s: The longest that one request may go unanswered before it is sent again.
        connect_timeout_s: The same for opening a connection.
        max_completions_per_request: Larger calls are split; the service's own limit is in `GET /limits`.
        max_in_flight: The most requests under way at once.
        transport: Replaces the network: an `httpx.ASGITransport` in tests, a proxy, other certificates.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        deadline_s: float = 120.0,
        attempt_timeout_s: float = 30.0,
        connect_timeout_s: float = 5.0,
        max_completions_per_request: int = 1024,
        max_in_flight: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
        _rng: random.Random | None = None,
    ) -> None:
        url = _checked_url(base_url)
        _at_least_one(max_completions_per_request=max_completions_per_request, max_in_flight=max_in_flight)
        _above_zero(deadline_s=deadline_s, attempt_timeout_s=attempt_timeout_s, connect_timeout_s=connect_timeout_s)
        self._url = str(url).rstrip("/")
        self._deadline_s = deadline_s
        self._attempt_timeout_s = attempt_timeout_s
        self._limit = max_completions_per_request
        self._max_in_flight = max_in_flight
        self._slots = asyncio.Semaphore(max_in_flight)
        self._rng = _rng or random.Random()
        self._headers = _headers(api_key)
        # Attempts are timed from outside, as a whole; httpx's read timeout starts anew with every byte.
        self._timeouts = httpx.Timeout(None, connect=connect_timeout_s).as_dict()
        self._closed = False
        # A transport alone: what httpx.AsyncClient adds to one (redirects, cookies, lines of log) is not wanted here,
        # and is a tenth of what a request costs.
        self._transport = transport or httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=max_in_flight),
            # Loading the certificate bundle costs tens of milliseconds. Redirects are not followed, so a
            # client of an http:// URL never meets TLS.
            verify=url.scheme == "https",
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections. The client cannot be used after it."""
        self._closed = True
        await self._transport.aclose()

    async def score(
        self,
        items: Iterable[Item],
        *,
        reward: str | None = None,
        assistant_prefix: str = "",
        explain: bool = False,
        deadline_s: float | None = None,
    ) -> ScoreResult:
        """Exactly one verdict for each completion, in the order given, all from one version of one reward.

        The items are encoded before the first request is sent; changing them meanwhile changes nothing. Where
        one of the requests of a call fails for good, the others are cancelled and its error is raised.

        Args:
            items: Any number, also none: then the result still names the reward and its digest.
            reward: `family/variant@version`; without version the newest; None takes the service's default.
            assistant_prefix: Text that the chat template put before every completion, `<think>` for example.
            explain: Asks for `Verdict.detail`: where and why.
            deadline_s: Overrides the client's; `math.inf` waits for ever.

        Raises:
            TypeError: An argument or an item has the wrong type; nothing was sent.
            ValueError: `deadline_s` is not above 0.
            InvalidItem: An item cannot be written as JSON; nothing was sent.
            RequestRejected: The service refused it (`AuthenticationFailed`, `UnknownReward`, any other 4xx).
            ServiceUnavailable: No answer came before the deadline.
            InvalidResponse: The same, and the last answer could not be used.
            RewardChanged: The service was upgraded in the middle of the call.
        """
        deadline = self._deadline(deadline_s)
        requests = plan(
            tuple(items), limit=self._limit, reward=reward, assistant_prefix=assistant_prefix, explain=explain
        )
        answers = await _gather(self._score_one(request, deadline) for request in requests)
        seen = tuple(dict.fromkeys((answer.reward, answer.digest) for answer in answers))
        if len(seen) > 1:
            raise RewardChanged(f"{self._url}/score", seen)
        return merge(requests, answers)

    async def rewards(self, *, deadline_s: float | None = None) -> RewardCatalogue:
        """The rewards that the service offers, and its default. Raises as `score` does."""
        return await self._get("/rewards", self._deadline(deadline_s), _SCORING, _catalogue)

    async def wait_until_ready(self, *, deadline_s: float = 30.0) -> None:
        """Returns when `GET /readyz` answers 200: a service that was just started, or is being restarted.

        Raises:
            ServiceUnavailable: It did not before the deadline.
            RequestRejected: Something at `base_url` answers, and has no such path.
        """
        await self._get("/readyz", self._deadline(deadline_s), _STARTING, _ready)

    def _deadline(self, span_s: float | None) -> Deadline:
        return Deadline.after(self._deadline_s if span_s is None else span_s)

    async def _score_one(self, request: ScoreRequest, deadline: Deadline) -> ScoreAnswer:
        url = f"{self._url}/score"

        async def attempt() -> ScoreAnswer:
            response = await self._exchange("POST", url, request.body)
            _raise_for_status(response, request.pointer_in_call)
            return read_answer(_json_body(response), request)

        async with self._slot(url, deadline):
            return await self._retry(_SCORING).until(deadline, url, attempt)

    async def _get(self, path: str, deadline: Deadline, backoff: Backoff, read: Callable[[httpx.Response], T]) -> T:
        url = f"{self._url}{path}"

        async def attempt() -> T:
            response = await self._exchange("GET", url)
            _raise_for_status(response)
            return read(response)

        return await self._retry(backoff).until(deadline, url, attempt)

    def _retry(self, backoff: Backoff) -> Retry:
        return Retry(backoff=backoff, attempt_timeout_s=self._attempt_timeout_s, rng=self._rng)

    async def _exchange(self, method: str, url: str, body: bytes | None = None) -> httpx.Response:
        if self._closed:
            raise RuntimeError(f"{self!r} was closed. Make a new one.")
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        timeouts = {"timeout": self._timeouts}
        request = httpx.Request(method, url, headers=headers, content=body, extensions=timeouts)
        try:
            response = await self._transport.handle_async_request(request)
            try:
                await response.aread()
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            raise AttemptFailed(f"{type(error).__name__}: {error}".removesuffix(": ")) from error
        response.request = request
        return response

    @asynccontextmanager
    async def _slot(self, url: str, deadline: Deadline) -> AsyncIterator[None]:
        """One of the `max_in_flight` places, kept between attempts: an outage must not draw more requests."""
        try:
            async with asyncio.timeout_at(deadline.at):
                await self._slots.acquire()
        except TimeoutError:
            cause = f"{self._max_in_flight} other requests (max_in_flight) were under way all the time"
            raise ServiceUnavailable(url, 0, deadline.elapsed_s(), deadline.span_s, cause) from None
        try:
            yield
        finally:
            self._slots.release()


async def _gather(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order; or the error of the first to fail, after the others were cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failures:
        first = failures.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise first


def _raise_for_status(
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
        raise AttemptFailed(f"{status} {problem.code or ''}".rstrip() + f": {detail}{patience}", asked_s=asked_s)
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


def _json_body(response: httpx.Response) -> bytes:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200 or media_type != "application/json":
        said = f"status {response.status_code} with content type {media_type or 'none'}"
        raise AnswerUnusable(f"{said}; 200 with application/json is wanted")
    return response.content


def _catalogue(response: httpx.Response) -> RewardCatalogue:
    return read_catalogue(_json_body(response))


def _ready(response: httpx.Response) -> None:
    """Any success will do; the body is for people."""


def _headers(api_key: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": f"goodcall-client/{__version__}"}
    if api_key is None:
        return headers
    # Refused here, because an HTTP library that refuses it later quotes it.
    if not api_key or not all("!" <= character <= "~" for character in api_key):
        raise ValueError("api_key must be visible ASCII characters without spaces, and at least one")
    return {**headers, "Authorization": f"Bearer {api_key}"}


def _checked_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"base_url is no URL: {error}") from error
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must have no user name, query or fragment; a key is passed as api_key")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"base_url is {base_url!r}: http:// or https:// and a host are wanted")
    return url


def _at_least_one(**settings: int) -> None:
    for name, value in settings.items():
        if value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")


def _above_zero(**settings: float) -> None:
    for name, value in settings.items():
        if not value > 0:  # written this way round, NaN is refused too
            raise ValueError(f"{name} is {value}: it must be above 0 seconds")

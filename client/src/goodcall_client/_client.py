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
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from ._answer import ScoreAnswer, mask, merge, read_answer
from ._budget import RetryBudget
from ._circuit import Circuit
from ._errors import InvalidResponse, RewardChanged, ServiceUnavailable
from ._request import ScoreRequest, plan
from ._response import catalogue, json_body, raise_for_status, ready
from ._retry import AttemptFailed, Backoff, Deadline, Retry
from ._settings import above_zero, at_least_one, checked_url, headers, one_of_the_choices
from ._types import Item, OnUnavailable, RewardCatalogue, ScoreResult

__version__ = "0.1.0"

_SCORING = Backoff(first_s=0.25, cap_s=8.0)
_STARTING = Backoff(first_s=0.05, cap_s=1.0)

T = TypeVar("T")


class AsyncClient:
    """Scores completions through a Goodcall service.

    One instance keeps one connection pool and belongs to the event loop that first uses it. It may be shared
    by any number of tasks; `max_in_flight` holds for all of them together, and so do the retry budget (those that come
    to nothing are at most a fifth of the requests, and ten, and one a second) and the circuit (after five failures in
    a row one request at a time asks, until there is an answer). Both delay requests; only the deadline ends a call.

    Args:
        base_url: Where the service is, with the path that a proxy may put before it: `http://127.0.0.1:8000`.
        api_key: Sent as `Authorization: Bearer …`; never shown.
        deadline_s: The longest that a call may take in all, retries included, unless the call says otherwise.
        attempt_timeout_s: The longest that one request may go unanswered before it is sent again.
        connect_timeout_s: The same for opening a connection.
        max_completions_per_request: Larger calls are split; the service's own limit is in `GET /limits`.
        max_in_flight: The most requests under way at once.
        on_unavailable: What becomes of completions that got no usable answer before the deadline, unless the call
            says otherwise: `"raise"` an error, or `"mask"` them with the score None.
        transport: Replaces the network: an `httpx.ASGITransport` in tests, a proxy, other certificates.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(  # noqa: PLR0913 - settings
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        deadline_s: float = 120.0,
        attempt_timeout_s: float = 30.0,
        connect_timeout_s: float = 5.0,
        max_completions_per_request: int = 1024,
        max_in_flight: int = 4,
        on_unavailable: OnUnavailable = "raise",
        transport: httpx.AsyncBaseTransport | None = None,
        _rng: random.Random | None = None,
    ) -> None:
        url = checked_url(base_url)
        at_least_one(max_completions_per_request=max_completions_per_request, max_in_flight=max_in_flight)
        above_zero(deadline_s=deadline_s, attempt_timeout_s=attempt_timeout_s, connect_timeout_s=connect_timeout_s)
        one_of_the_choices(on_unavailable)
        self._url = str(url).rstrip("/")
        self._deadline_s = deadline_s
        self._limit = max_completions_per_request
        self._max_in_flight = max_in_flight
        self._on_unavailable = on_unavailable
        self._slots = asyncio.Semaphore(max_in_flight)
        self._circuit = Circuit()
        self._retry = Retry(
            backoff=_SCORING,
            attempt_timeout_s=attempt_timeout_s,
            rng=_rng or random.Random(),
            circuit=self._circuit,
            budget=RetryBudget(),
        )
        self._headers = headers(__version__, api_key)
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
        on_unavailable: OnUnavailable | None = None,
    ) -> ScoreResult:
        """Exactly one verdict for each completion, in the order given, all from one version of one reward.

        The items are encoded before the first request is sent; changing them meanwhile changes nothing. Where
        one of the requests of a call fails for good, the others are cancelled and its error is raised. Where failures
        are masked, the others go on, and a completion without an answer gets a verdict of the client's own: score
        None, reason `service_unavailable`, and the error's words as the hint of its detail. It is never a number.

        Args:
            items: Any number, also none: then the result still names the reward and its digest.
            reward: `family/variant@version`; without version the newest; None takes the service's default.
            assistant_prefix: Text that the chat template put before every completion, `<think>` for example.
            explain: Asks for `Verdict.detail`: where and why.
            deadline_s: Overrides the client's; `math.inf` waits for ever.
            on_unavailable: Overrides the client's: `"mask"` instead of ServiceUnavailable and InvalidResponse. All
                other errors are raised all the same.

        Raises:
            TypeError: An argument or an item has the wrong type; nothing was sent.
            ValueError: `deadline_s` is not above 0, or `on_unavailable` is something else.
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
        score_one = self._score_or_mask if self._masks(on_unavailable) else self._score_one
        answers = await _gather(score_one(request, deadline) for request in requests)
        seen = tuple(dict.fromkeys((answer.reward, answer.digest) for answer in answers if not answer.masked))
        if len(seen) > 1:
            raise RewardChanged(f"{self._url}/score", seen)
        return merge(requests, answers)

    async def rewards(self, *, deadline_s: float | None = None) -> RewardCatalogue:
        """The rewards that the service offers, and its default. Raises as `score` does."""
        return await self._get("/rewards", self._deadline(deadline_s), self._retry, catalogue)

    async def wait_until_ready(self, *, deadline_s: float = 30.0) -> None:
        """Returns when `GET /readyz` answers 200: a service that was just started, or is being restarted.

        Raises:
            ServiceUnavailable: It did not before the deadline.
            RequestRejected: Something at `base_url` answers, and has no such path.
        """
        # This asks on its own account, and does not wait for the circuit: its answer is what closes it.
        retry = replace(self._retry, backoff=_STARTING, circuit=Circuit(), budget=RetryBudget(per_s=10.0))
        await self._get("/readyz", self._deadline(deadline_s), retry, ready)
        self._circuit.answered()

    def _deadline(self, span_s: float | None) -> Deadline:
        return Deadline.after(self._deadline_s if span_s is None else span_s)

    def _masks(self, chosen: OnUnavailable | None) -> bool:
        if chosen is not None:
            one_of_the_choices(chosen)
        return (chosen or self._on_unavailable) == "mask"

    async def _score_or_mask(self, request: ScoreRequest, deadline: Deadline) -> ScoreAnswer:
        try:
            return await self._score_one(request, deadline)
        except (ServiceUnavailable, InvalidResponse) as error:
            return mask(request, error)

    async def _score_one(self, request: ScoreRequest, deadline: Deadline) -> ScoreAnswer:
        url = f"{self._url}/score"

        async def attempt() -> ScoreAnswer:
            response = await self._exchange("POST", url, request.body)
            raise_for_status(response, request.pointer_in_call)
            return read_answer(json_body(response), request)

        async with self._slot(url, deadline):
            return await self._retry.until(deadline, url, attempt)

    async def _get(self, path: str, deadline: Deadline, retry: Retry, read: Callable[[httpx.Response], T]) -> T:
        url = f"{self._url}{path}"

        async def attempt() -> T:
            response = await self._exchange("GET", url)
            raise_for_status(response)
            return read(response)

        return await retry.until(deadline, url, attempt)

    async def _exchange(self, method: str, url: str, body: bytes | None = None) -> httpx.Response:
        if self._closed:
            raise RuntimeError(f"{self!r} was closed. Make a new one.")
        fields = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        timeouts = {"timeout": self._timeouts}
        request = httpx.Request(method, url, headers=fields, content=body, extensions=timeouts)
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
            cause += f"; {self._circuit.why()}" if self._circuit.is_open else ""
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

"""Every way in which a call can end without scores, and whose fault it was.

    GoodcallError
    ├── InvalidItem              caller: an item that JSON cannot carry (also a ValueError)
    ├── RequestRejected          caller: the service refused the request (3xx, 4xx)
    │   ├── AuthenticationFailed     401, 403
    │   └── UnknownReward            code `unknown_reward`
    ├── ServiceUnavailable       service or network: no answer before the deadline
    ├── InvalidResponse          service: it answers, but what it says cannot be used
    └── RewardChanged            service: it was upgraded in the middle of the call

A bad completion is a verdict, never one of these; and none of these ever becomes a score. Wrong argument
types are a plain TypeError, impossible settings a plain ValueError. No message holds the API key.

    try:
        result = await client.score(items)
    except GoodcallError as error:
        ...  # no scores at all: wait or stop; a run that must go on passes on_unavailable="mask"
"""


class GoodcallError(Exception):
    """The call gave no scores. Base of every error that this distribution defines."""


class InvalidItem(GoodcallError, ValueError):
    """An item cannot be written as JSON, so nothing was sent.

    `position` counts the items of the call from 0; `field` names the part of it.
    """

    def __init__(self, position: int, field: str, problem: str) -> None:
        super().__init__(position, field, problem)
        self.position = position
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return f"items[{self.position}].{self.field} cannot be sent as JSON: {self.problem}. Nothing was sent."


class RequestRejected(GoodcallError):
    """The service refused the request, and would refuse it again, so it was not retried.

    `code` and `pointer` are those of the service's problem document; None where something else answered, a
    proxy for example. `pointer` leads into the items of this call, however it was split into requests.
    """

    def __init__(
        self,
        url: str,
        status: int,
        code: str | None,
        pointer: str | None,
        detail: str,
        request_id: str | None,
    ) -> None:
        super().__init__(url, status, code, pointer, detail, request_id)
        self.url = url
        self.status = status
        self.code = code
        self.pointer = pointer
        self.detail = detail
        self.request_id = request_id

    def __str__(self) -> str:
        what = " ".join(str(word) for word in (self.status, self.code) if word)
        where = f" at {self.pointer}" if self.pointer else ""
        request = f" (request {self.request_id})" if self.request_id else ""
        said = f"{self.url} refused the request: {what}{where}: {self.detail.rstrip('.')}{request}."
        return f"{said} {self._hint()}".rstrip()

    def _hint(self) -> str:
        if 300 <= self.status < 400:
            return "Redirects are not followed: set base_url to the place it leads to."
        if self.status == 413:
            return "Send less at once: lower max_completions_per_request."
        # A problem with a code is the service's own, so base_url is right.
        return "" if self.code else "Check base_url."


class AuthenticationFailed(RequestRejected):
    """The service does not accept the API key, or wants one and got none."""

    def _hint(self) -> str:
        return "Check api_key."


class UnknownReward(RequestRejected):
    """The service has no reward of that name or version; `rewards()` lists those it has."""

    def _hint(self) -> str:
        return "GET /rewards lists what it has."


class ServiceUnavailable(GoodcallError):
    """No answer came before the deadline. `cause` is what the last attempt met, and what kept it from another."""

    def __init__(self, url: str, attempts: int, elapsed_s: float, deadline_s: float, cause: str) -> None:
        super().__init__(url, attempts, elapsed_s, deadline_s, cause)
        self.url = url
        self.attempts = attempts
        self.elapsed_s = elapsed_s
        self.deadline_s = deadline_s
        self.cause = cause

    def __str__(self) -> str:
        tried = _tried(self.attempts, self.elapsed_s, self.deadline_s)
        return f"No answer from {self.url}: {tried}. The last: {self.cause}. Is the service up, and is base_url right?"


class InvalidResponse(GoodcallError):
    """The last answer before the deadline came with status 200 and was no answer to the question.

    Cut off, not JSON, another content type, a list too short or too long, ids in another order, a score that
    is neither a finite number nor null. `problem` says what and where.
    """

    def __init__(self, url: str, attempts: int, elapsed_s: float, deadline_s: float, problem: str) -> None:
        super().__init__(url, attempts, elapsed_s, deadline_s, problem)
        self.url = url
        self.attempts = attempts
        self.elapsed_s = elapsed_s
        self.deadline_s = deadline_s
        self.problem = problem

    def __str__(self) -> str:
        tried = _tried(self.attempts, self.elapsed_s, self.deadline_s)
        return (
            f"Unusable answer from {self.url}: {tried}. "
            f"The last: {self.problem}. Does base_url lead to a Goodcall service?"
        )


class RewardChanged(GoodcallError):
    """The requests of one call were answered by different versions of the reward, so none was used.

    `seen` holds each `(reward, digest)` in the order met. A roll-out in progress does this; a new call after
    it is scored by one version again.
    """

    def __init__(self, url: str, seen: tuple[tuple[str, str], ...]) -> None:
        super().__init__(url, seen)
        self.url = url
        self.seen = seen

    def __str__(self) -> str:
        versions = " and ".join(f"{reward} ({digest})" for reward, digest in self.seen)
        return (
            f"{self.url} scored one call with different rewards: {versions}. No score was taken. "
            "Call again when the roll-out of the service is over."
        )


def _tried(attempts: int, elapsed_s: float, deadline_s: float) -> str:
    plural = "" if attempts == 1 else "s"
    return f"gave up after {attempts} attempt{plural} in {elapsed_s:.1f} s (deadline {deadline_s:g} s)"

"""The client for code that is not async. It adds a thread and no behaviour."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import httpx

from ._client import AsyncClient
from ._types import Item, OnUnavailable, RewardCatalogue, ScoreResult

P = ParamSpec("P")
T = TypeVar("T")


class Client:
    """The same for code that is not async; arguments, results and errors are those of `AsyncClient`.

    It works inside a running event loop too, in a notebook for example, because an event-loop thread of its
    own does the work. Threads may share it. It does not survive a fork: make one in each process.
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
    ) -> None:
        self._client = AsyncClient(
            base_url,
            api_key=api_key,
            deadline_s=deadline_s,
            attempt_timeout_s=attempt_timeout_s,
            connect_timeout_s=connect_timeout_s,
            max_completions_per_request=max_completions_per_request,
            max_in_flight=max_in_flight,
            on_unavailable=on_unavailable,
            transport=transport,
        )
        # With a factory of its own the runner leaves the calling thread's event loop alone.
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = runner.get_loop()
        self._thread = threading.Thread(target=_run_loop, args=(runner,), name="goodcall-client", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return repr(self._client).replace("AsyncClient", type(self).__name__, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections and ends the thread; calls still under way are cancelled. Twice is once."""
        if self._thread.is_alive():
            self._run(self._client.aclose)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def score(
        self,
        items: Iterable[Item],
        *,
        reward: str | None = None,
        assistant_prefix: str = "",
        explain: bool = False,
        deadline_s: float | None = None,
        on_unavailable: OnUnavailable | None = None,
    ) -> ScoreResult:
        """See `AsyncClient.score`."""
        return self._run(
            self._client.score,
            items,
            reward=reward,
            assistant_prefix=assistant_prefix,
            explain=explain,
            deadline_s=deadline_s,
            on_unavailable=on_unavailable,
        )

    def rewards(self, *, deadline_s: float | None = None) -> RewardCatalogue:
        """See `AsyncClient.rewards`."""
        return self._run(self._client.rewards, deadline_s=deadline_s)

    def wait_until_ready(self, *, deadline_s: float = 30.0) -> None:
        """See `AsyncClient.wait_until_ready`."""
        self._run(self._client.wait_until_ready, deadline_s=deadline_s)

    def _run(self, method: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._thread.is_alive():
            raise RuntimeError(f"{self!r} was closed, or made before this process was forked. Make a new one.")
        future = asyncio.run_coroutine_threadsafe(method(*args, **kwargs), self._loop)
        try:
            return future.result()
        finally:
            future.cancel()  # a Ctrl-C here must not leave the request running


def _run_loop(runner: asyncio.Runner) -> None:
    with runner:
        runner.get_loop().run_forever()

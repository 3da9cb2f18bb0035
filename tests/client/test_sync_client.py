"""`Client`: the same as `AsyncClient`, on a thread of its own."""

import asyncio
import inspect
import os
import signal
import sys
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from goodcall_client import AsyncClient, Client, Item, RequestRejected

ITEMS = [Item(id="a", completions=["one", "two"], ground_truth=[])]


def client_of(app: Any, **settings: Any) -> Client:
    return Client("http://service.test", transport=httpx.ASGITransport(app), **settings)


async def scores_of(app: Any) -> Any:
    async with AsyncClient("http://service.test", transport=httpx.ASGITransport(app)) as client:
        return await client.score(ITEMS)


def test_its_methods_and_settings_are_those_of_the_async_client() -> None:
    def parameters(function: Any) -> list[Any]:
        signature = inspect.signature(function)
        return [value for name, value in signature.parameters.items() if name != "_rng"]

    for name in ("__init__", "score", "rewards", "wait_until_ready"):
        assert parameters(getattr(Client, name)) == parameters(getattr(AsyncClient, name))
        assert getattr(Client, name).__annotations__["return"] == getattr(AsyncClient, name).__annotations__["return"]


def test_it_gives_what_the_async_client_gives(fake_service: Any) -> None:
    with client_of(fake_service()) as client:
        client.wait_until_ready()
        assert client.rewards().default == "test/default@1"
        assert client.score(ITEMS) == asyncio.run(scores_of(fake_service()))


async def test_it_works_inside_a_running_event_loop(fake_service: Any) -> None:
    with client_of(fake_service()) as client:
        assert client.score(ITEMS) == await scores_of(fake_service())


def test_it_leaves_the_event_loop_of_its_caller_alone(fake_service: Any) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        with client_of(fake_service()) as client:
            client.score(ITEMS)
        assert runner.run(_running_loop()) is loop


async def _running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_it_raises_what_the_async_client_raises(fake_service: Any, faults: Any) -> None:
    with client_of(fake_service([faults.status(400)])) as client, pytest.raises(RequestRejected):
        client.score(ITEMS)


def test_threads_may_share_it(fake_service: Any) -> None:
    wanted = asyncio.run(scores_of(fake_service()))
    with client_of(fake_service()) as client, ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: client.score(ITEMS), range(40)))
    assert results == [wanted] * 40


def test_closing_ends_its_thread_and_twice_is_once(fake_service: Any) -> None:
    client = client_of(fake_service())
    assert "goodcall-client" in {thread.name for thread in threading.enumerate()}
    client.close()
    client.close()
    assert "goodcall-client" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(RuntimeError, match="was closed"):
        client.score(ITEMS)


def test_closing_ends_a_call_of_another_thread(fake_service: Any, faults: Any) -> None:
    arrived = threading.Event()

    async def hang(send: Any, right: bytes) -> None:
        arrived.set()
        await faults.hang()(send, right)

    client = client_of(fake_service([hang]))
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.score, ITEMS)
        arrived.wait()
        client.close()
        with pytest.raises(CancelledError):
            call.result()


def test_closing_ends_a_call_over_a_real_connection(fake_service: Any, faults: Any, live: Any) -> None:
    arrived = threading.Event()

    async def hang(send: Any, right: bytes) -> None:
        arrived.set()
        await faults.hang(0.5)(send, right)

    with live(fake_service([hang])) as url, ThreadPoolExecutor(1) as threads:
        client = Client(url)
        call = threads.submit(client.score, ITEMS)
        arrived.wait()
        client.close()
        with pytest.raises(CancelledError):
            call.result()


def test_an_interrupt_ends_the_call_and_its_request(fake_service: Any) -> None:
    main = threading.main_thread().ident or 0
    cancelled = threading.Event()

    async def interrupted(_: Any, __: bytes) -> None:
        while sys._current_frames()[main].f_code.co_name != "wait":  # noqa: ASYNC110 - a thread has no event
            await asyncio.sleep(0)
        signal.pthread_kill(main, signal.SIGINT)
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    with client_of(fake_service([interrupted]), attempt_timeout_s=3600, deadline_s=3600) as client:
        with pytest.raises(KeyboardInterrupt):
            client.score(ITEMS)
        assert cancelled.wait(timeout=30)
        assert len(client.score(ITEMS).scores) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_in_a_forked_process_it_says_so_and_does_not_hang(fake_service: Any) -> None:
    with client_of(fake_service()) as client:
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            try:
                client.score(ITEMS)
            except RuntimeError:
                os._exit(42)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42

"""Load that does not wait for answers: so many requests a second, however long each takes. In a process of its own."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

from benchmarks.corpus_statistics import percentile

_SPAWN = get_context("spawn")

TIMEOUT_S = 30
"""Whoever waits longer has got no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent, how often and for how long."""

    body: bytes
    per_s: float
    seconds: float
    token: str | None = None


@dataclass(slots=True, kw_only=True)
class Answers:
    """What became of a load."""

    accepted_s: list[float] = field(default_factory=list)
    """How long each answer with 200 took."""
    refused_s: list[float] = field(default_factory=list)
    """The same of those with 429 and a Retry-After."""
    others: int = 0
    """Anything else, no answer included."""
    sending_s: float = 0.0
    """How long the sending took; more than it should where this machine is too slow for the load."""

    @property
    def sent(self) -> int:
        """All requests."""
        return len(self.accepted_s) + len(self.refused_s) + self.others

    def accepted_ms(self, percent: float) -> float:
        """A percentile of what accepted requests waited."""
        return percentile(self.accepted_s, percent) * 1e3


class Sending:
    """A load that falls on a service from another process."""

    def __init__(self, connection: "Connection[None, Answers | None]") -> None:
        self._connection = connection

    def wait_s(self, seconds: float) -> bool:
        """Waits so long, or until everything was sent; whether it was."""
        return self._connection.poll(seconds)

    def answers(self) -> Answers:
        """What became of it, once everything was answered."""
        answers = None
        while answers is None:
            answers = self._connection.recv()
        return answers


@contextmanager
def sending(url: str, load: Load) -> Iterator[Sending]:
    """The load falls on a service from now on."""
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_send, args=(theirs, url, load))
    process.start()
    ours.recv()  # it has started
    try:
        yield Sending(ours)
    finally:
        process.join()


def answers_to(url: str, load: Load) -> Answers:
    """What became of a load that falls on a service while nothing else happens here."""
    with sending(url, load) as sent:
        return sent.answers()


def _send(connection: "Connection[Answers | None, None]", url: str, load: Load) -> None:
    connection.send(None)
    connection.send(asyncio.run(_OpenLoop(url, load, lambda: connection.send(None)).run()))


class _OpenLoop:
    def __init__(self, url: str, load: Load, tell_sent: Callable[[], None]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        key = f"Authorization: Bearer {load.token}\r\n" if load.token else ""
        head = f"POST /score HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n{key}"
        self._request = f"{head}Content-Length: {len(load.body)}\r\n\r\n".encode() + load.body
        self._load = load
        self._tell_sent = tell_sent
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._answers = Answers()

    async def run(self) -> Answers:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(self._load.per_s * self._load.seconds)):
                await asyncio.sleep(max(0.0, started + number / self._load.per_s - time.perf_counter()))
                tasks.create_task(self._exchange())
            self._answers.sending_s = time.perf_counter() - started
            self._tell_sent()
        for _, writer in self._idle:
            writer.close()
        return self._answers

    async def _exchange(self) -> None:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                head = await self._ask()
        except (OSError, asyncio.IncompleteReadError):
            head = b""
        ended = time.perf_counter()
        if head.startswith(b"http/1.1 200"):
            self._answers.accepted_s.append(ended - started)
        elif head.startswith(b"http/1.1 429") and b"\r\nretry-after: " in head:
            self._answers.refused_s.append(ended - started)
        else:
            self._answers.others += 1

    async def _ask(self) -> bytes:
        """The head of the answer, in lower case."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"\r\ncontent-length: ")[2].split(b"\r\n")[0]))
        if b"\r\nconnection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return head


def concatenated(parts: Sequence[Answers]) -> Answers:
    """Several answers as one."""
    return Answers(
        accepted_s=[wait for part in parts for wait in part.accepted_s],
        refused_s=[wait for part in parts for wait in part.refused_s],
        others=sum(part.others for part in parts),
        sending_s=sum(part.sending_s for part in parts),
    )

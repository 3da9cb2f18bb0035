"""A balancer as clusters have it: each new connection goes to the next service that says that it is ready."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from urllib.parse import urlsplit

from loopback import listening

POLL_S = 0.05
READY = b"GET /readyz HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n"
CHUNK = 1 << 16


class RoundRobin:
    """A balancer over some services; ``url`` is where clients find it, ``dealt`` counts the connections of each."""

    def __init__(self) -> None:
        self.url = ""
        self.dealt: Counter[str] = Counter()
        self._ready: deque[str] = deque()
        self._known: set[str] = set()
        self._changed = asyncio.Condition()

    def add(self, service_url: str) -> None:
        """From now on, asks this service too whether it is ready."""
        self._known.add(service_url)

    def remove(self, service_url: str) -> None:
        """Forgets a service; the connections that it has go on."""
        self._known.discard(service_url)

    async def until_ready(self, services: int) -> None:
        """Returns when so many services are ready."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._ready) >= services)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["RoundRobin"]:
        """The balancer, listening on a port of its own."""
        polling = asyncio.create_task(self._poll())
        try:
            async with listening(self._serve) as self.url:
                yield self
        finally:
            polling.cancel()

    async def _poll(self) -> None:
        while True:
            for url in self._known | set(self._ready):
                ready = url in self._known and await is_ready(url)
                if ready and url not in self._ready:
                    self._ready.append(url)
                elif not ready and url in self._ready:
                    self._ready.remove(url)
            async with self._changed:
                self._changed.notify_all()
            await asyncio.sleep(POLL_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The connection of one client, with one to the service whose turn it is, until either ends it."""
        with closing(writer), suppress(OSError, IndexError):
            url = self._ready[0]
            self._ready.rotate(-1)
            self.dealt[url] += 1
            from_service, to_service = await connect(url)
            with closing(to_service):
                ways = [asyncio.create_task(passed_on(reader, to_service))]
                ways.append(asyncio.create_task(passed_on(from_service, writer)))
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()


async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Writes what is read until there is no more."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


async def is_ready(url: str) -> bool:
    """Whether a service answers that it is ready."""
    try:
        reader, writer = await connect(url)
    except OSError:
        return False
    with closing(writer), suppress(OSError):
        writer.write(READY)
        return (await reader.readline()).startswith(b"HTTP/1.1 200")
    return False


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a service."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)

"""A bad network: a proxy between a client and a service that spoils answers on their way back.

It reads the requests and answers of HTTP/1.1 whole, as long as they say how long they are, so that it can spoil one
answer and no other. What it does to each is drawn from a seed, in the order in which the answers arrive.
"""

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from enum import StrEnum
from urllib.parse import urlsplit

from loopback import listening

DELAY_S = 0.4


class Fate(StrEnum):
    """What becomes of an answer. Each of the faults meets one in ten."""

    ABORTED = "aborted"
    DELAYED = "delayed"
    TRUNCATED = "truncated"
    DELIVERED = "delivered"


class FaultProxy:
    """One proxy to one service; `url` is where clients find it, `met` counts what became of the answers."""

    def __init__(self, service_url: str, *, seed: int) -> None:
        target = urlsplit(service_url)
        self.url = ""
        self.met: Counter[Fate] = Counter()
        self._host, self._port = target.hostname, target.port
        self._rng = random.Random(seed)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FaultProxy"]:
        """The proxy, listening on a port of its own."""
        async with listening(self._serve) as self.url:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The connection of one client, with one of its own to the service, until either ends it."""
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            from_service, to_service = await asyncio.open_connection(self._host, self._port)
            with closing(to_service):
                while True:
                    to_service.write(await read_message(reader))
                    answer = await read_message(from_service)
                    if not await self._pass_on(answer, writer):
                        return

    async def _pass_on(self, answer: bytes, writer: asyncio.StreamWriter) -> bool:
        """Gives the client of an answer what fate leaves of it; whether its connection lives on."""
        fate, cut = self._draw(), self._rng.randrange(len(answer))
        self.met[fate] += 1
        if fate is Fate.ABORTED:
            abort(writer)
            return False
        if fate is Fate.DELAYED:
            await asyncio.sleep(DELAY_S)
        writer.write(answer[:cut] if fate is Fate.TRUNCATED else answer)
        await writer.drain()
        return fate is not Fate.TRUNCATED

    def _draw(self) -> Fate:
        faults = (Fate.ABORTED, Fate.DELAYED, Fate.TRUNCATED)
        drawn = int(self._rng.random() * 10)
        return faults[drawn] if drawn < len(faults) else Fate.DELIVERED


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """One request or answer, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + (await reader.readexactly(int(lengths[0].partition(b":")[2])) if lengths else b"")


def abort(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with a reset, which is what lingering for 0 seconds makes of closing it."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

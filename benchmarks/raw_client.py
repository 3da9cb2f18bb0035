"""A client that costs next to nothing, for figures of servers alone: prepared bytes over plain sockets."""

import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

TIMEOUT_S = 120


class RawClient:
    """Keeps some connections to a server open and sends them prepared bodies. Not thread-safe."""

    def __init__(self, url: str, connections: int = 1, *, token: str | None = None) -> None:
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or 80)
        key = f"Authorization: Bearer {token}\r\n" if token else ""
        self._fields = f"Host: {parts.netloc}\r\n{key}"
        self._sockets = [socket.create_connection(address, timeout=TIMEOUT_S) for _ in range(connections)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for connection in self._sockets:
            connection.close()

    def post(self, body: bytes) -> bytes:
        """The answer to one body posted to ``/score``.

        Raises:
            RuntimeError: the server did not answer with 200.
        """
        [answer] = self.post_together([body])
        return answer

    def get(self, path: str) -> bytes:
        """The answer to a GET.

        Raises:
            RuntimeError: the server did not answer with 200.
        """
        self._sockets[0].sendall(f"GET {path} HTTP/1.1\r\n{self._fields}\r\n".encode())
        return _read_answer(self._sockets[0])

    def post_together(self, bodies: Sequence[bytes]) -> list[bytes]:
        """The answers to as many bodies as there are connections at most: all are sent before any answer is read."""
        connections = self._sockets[: len(bodies)]
        for connection, body in zip(connections, bodies, strict=True):
            head = f"POST /score HTTP/1.1\r\n{self._fields}Content-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return [_read_answer(connection) for connection in connections]


def _read_answer(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _receive(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the server answered {head[:12].decode()}: {body[:500].decode()}")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    parts, missing = [body], length - len(body)
    while missing > 0:
        parts.append(_receive(connection))
        missing -= len(parts[-1])
    return b"".join(parts)


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 18)
    if not data:
        raise RuntimeError("the server closed the connection")
    return data

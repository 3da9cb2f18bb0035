"""What a supervisor and a worker say to each other, over one pair of connected sockets.

The supervisor writes words of one byte, a connection's descriptor travelling beside its word; the worker writes
``READY`` once. The end of the stream is news too: each end learns so that the other process is gone, however it went.
"""

import socket
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from goodcall.web.settings import Settings


class Word(bytes, Enum):
    """All that is said."""

    READY = b"r"
    CONNECTION = b"c"
    DRAIN = b"d"
    FINISH = b"f"
    GONE = b""
    """What is read at the end of the stream."""


class Assignment(BaseModel):
    """What a worker is told before it starts, on standard input."""

    number: int
    """Its place among the workers; a replacement gets the number of the one that it replaces."""
    metrics_directory: Path
    settings: Settings


def send_connection(channel: socket.socket, connection: socket.socket) -> None:
    """Gives a worker a connection; the caller closes its own descriptor.

    Raises:
        BlockingIOError: the channel is full.
        OSError: the worker is gone.
    """
    socket.send_fds(channel, [Word.CONNECTION], [connection.fileno()])


def receive(channel: socket.socket) -> tuple[Word, socket.socket | None]:
    """The next word, and the connection that came with it: none if this process may open no more files.

    Raises:
        BlockingIOError: nothing was said since.
    """
    try:
        # One byte at a time: a longer read could take words without the descriptors that belong to them.
        word, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    except ConnectionResetError:
        return Word.GONE, None
    return Word(word), socket.socket(fileno=descriptors[0]) if descriptors else None

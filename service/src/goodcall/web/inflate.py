"""Compressed bodies, inflated a piece at a time.

A piece is at most ``PIECE_BYTES`` long, whatever its body claims, and the event loop turns between two pieces. So who
counts the bytes that come out of here can stop in time. Beyond that count, for bodies that are read line by line and
have no end, what comes out is bounded by ``MAX_RATIO`` times what goes in.
"""

import asyncio
import importlib
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from types import ModuleType
from typing import Any, Protocol, TypeAlias

from goodcall.web.problems import ProblemCode, RequestProblem

PIECE_BYTES = 1 << 18
MAX_RATIO = 100
_ZSTD_WINDOW_LOG = 23
"""A window of 8 MiB, which is the most that RFC 9659 lets a sender ask for; a frame can ask for gigabytes."""


class Decompressor(Protocol):
    """Inflates one member or frame, as the classes of the standard library do."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """So many bytes at most. Fewer mean that all of the input was used."""

    @property
    def eof(self) -> bool:
        """Whether the member ended."""

    @property
    def unused_data(self) -> bytes:
        """What followed its end."""


Coding: TypeAlias = Callable[[], Decompressor]
"""Makes the decompressor of one member."""


class _Gzip:
    """zlib's decompressor keeps no input for the next call; this one does, like all the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


def _zstd_module() -> ModuleType | None:
    """The standard library's module, or the one that brings it to older Pythons; None where there is neither."""
    try:
        return importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    except ImportError:
        return None


def _codings() -> tuple[dict[str, Coding], tuple[type[Exception], ...]]:
    codings: dict[str, Coding] = {"gzip": _Gzip, "x-gzip": _Gzip}
    zstd: Any = _zstd_module()
    if zstd is None:
        return codings, (zlib.error,)
    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    codings["zstd"] = lambda: zstd.ZstdDecompressor(options=options)
    return codings, (zlib.error, zstd.ZstdError)


CODINGS: Mapping[str, Coding]
"""The known ones, by the name that ``Content-Encoding`` has for them."""
CODINGS, _FAULTS = _codings()
ACCEPTED = ", ".join(coding for coding in CODINGS if not coding.startswith("x-"))
"""For the ``Accept-Encoding`` header of an answer."""


async def inflate(chunks: AsyncIterator[bytes], coding: Coding, max_bytes: int) -> AsyncIterator[bytes]:
    """What a compressed body holds; any number of members, one after the other.

    Args:
        chunks: the body as it comes.
        coding: one of ``CODINGS``.
        max_bytes: what may come out however little goes in.

    Raises:
        RequestProblem: the body is broken or ends too soon, or more comes out than may.
    """
    left, member = max_bytes, coding()
    async for chunk in chunks:
        left += MAX_RATIO * len(chunk)
        rest, is_full = chunk, False
        while rest or is_full:
            if member.eof:
                member = coding()
            piece = _piece(member, rest)
            rest, is_full = member.unused_data if member.eof else b"", len(piece) == PIECE_BYTES and not member.eof
            left -= len(piece)
            if left < 0:
                raise RequestProblem(
                    ProblemCode.BODY_TOO_LARGE,
                    f"A compressed body that goes on for long may hold {MAX_RATIO} times its own bytes.",
                )
            yield piece
            await asyncio.sleep(0)
    if not member.eof:
        raise _broken("It ends too soon.")


def _piece(member: Decompressor, data: bytes) -> bytes:
    try:
        return member.decompress(data, PIECE_BYTES)
    except _FAULTS:
        raise _broken("It can't be inflated.") from None


def _broken(what: str) -> RequestProblem:
    return RequestProblem(ProblemCode.INVALID_ENCODING, f"The body is not what its Content-Encoding says. {what}")

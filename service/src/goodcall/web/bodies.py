"""The body of a request as it comes: within its time, within its bounds, and inflated where it is compressed."""

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi import Request

from goodcall.web.inflate import ACCEPTED, CODINGS, Coding, inflate
from goodcall.web.limits import Limits, body_too_large
from goodcall.web.problems import ProblemCode, RequestProblem


def content_coding(request: Request) -> Coding | None:
    """How the body of a request is compressed; None when it is not.

    Raises:
        RequestProblem: in a way that is not known here.
    """
    name = request.headers.get("content-encoding", "identity").lower()
    if name == "identity":
        return None
    if name not in CODINGS:
        raise RequestProblem(
            ProblemCode.UNSUPPORTED_MEDIA_TYPE,
            f"Send the body uncompressed, or with Content-Encoding one of {ACCEPTED}.",
            headers={"Accept-Encoding": ACCEPTED},
        )
    return CODINGS[name]


async def read_body(request: Request, coding: Coding | None, limits: Limits, hold: Callable[[int], object]) -> bytes:
    """The whole body of a request, never holding more of it than the limit.

    Args:
        request: its body is read.
        coding: how it is compressed.
        limits: bound the body, and the time that it takes to come.
        hold: called with the bytes of every piece before it is kept; may refuse it.

    Raises:
        RequestProblem: the body is larger than the limit, comes too slowly, or is not compressed as it claims.
    """
    chunks: list[bytes] = []
    received = 0
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            async for chunk in _inflated(request.stream(), coding, limits):
                received += len(chunk)
                if received > limits.max_body_bytes:
                    raise body_too_large(limits)
                hold(len(chunk))
                if chunk:
                    chunks.append(chunk)
    except TimeoutError:
        raise _late(limits) from None
    return b"".join(chunks)


def stream_body(request: Request, coding: Coding | None, limits: Limits) -> AsyncIterator[bytes]:
    """The body of a request piece by piece, however long it is.

    Raises:
        RequestProblem: while it is read: the next piece comes too slowly, the body is not compressed as it claims, or
            holds far more than its own bytes.
    """
    return _inflated(_in_time(request.stream(), limits), coding, limits)


def _inflated(chunks: AsyncIterator[bytes], coding: Coding | None, limits: Limits) -> AsyncIterator[bytes]:
    return chunks if coding is None else inflate(chunks, coding, limits.max_body_bytes)


async def _in_time(chunks: AsyncIterator[bytes], limits: Limits) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(limits.body_timeout_s):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _late(limits) from None
        yield chunk


def _late(limits: Limits) -> RequestProblem:
    return RequestProblem(
        ProblemCode.REQUEST_TIMEOUT,
        f"A body, or the next piece of one of lines, must come within {limits.body_timeout_s:g} seconds.",
        headers={"Connection": "close"},
    )

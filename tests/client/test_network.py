"""Real connections on loopback: refused, reset, cut off, dropped, answered with noise."""

import asyncio
import contextlib
import json
import logging
import random
import socket
import struct
from typing import Any

import httpx
import pytest

from goodcall_client import AsyncClient, Item, ServiceUnavailable

ITEMS = [Item(id="a", completions=["one", "two"], ground_truth=[])]
ANSWER = json.dumps(
    {
        "reward": "test/default@1",
        "digest": "sha256:0",
        "request_id": "r",
        "items": [{"id": "a", "verdicts": [{"score": 1.0, "reason": "ok"}, {"score": 0.0, "reason": "no"}]}],
    }
).encode()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(lengths[0].split(b":")[1]))


def head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: application/json", *lines, "", ""]).encode()


async def well(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(head(f"Content-Length: {len(ANSWER)}", "Connection: close") + ANSWER)


async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(head(f"Content-Length: {len(ANSWER)}") + ANSWER[:-20])


async def cut_off_in_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(head("Transfer-Encoding: chunked") + b"10\r\n" + ANSWER[:16] + b"\r\n")


async def cut_off_but_ended_properly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(head("Connection: close") + ANSWER[:-20])


async def dropped_before_reading(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(10)


async def dropped_without_an_answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(head(f"Content-Length: {len(ANSWER)}"))
    await writer.drain()
    # Lingering for 0 seconds makes closing send a reset.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"\x16\x03\x01 not HTTP at all\r\n\r\n")


async def broken_gzip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(head("Content-Encoding: gzip", f"Content-Length: {len(ANSWER)}") + ANSWER)


FAULTS = [
    cut_off,
    cut_off_in_chunks,
    cut_off_but_ended_properly,
    dropped_before_reading,
    dropped_without_an_answer,
    reset,
    noise,
    broken_gzip,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_broken_connection_is_opened_again_and_gives_the_right_scores(
    fault: Any, listening: Any, no_jitter: Any
) -> None:
    async with listening(fault, fault, well) as url, AsyncClient(url, _rng=no_jitter) as client:
        result = await client.score(ITEMS)
    assert result.scores == (1.0, 0.0)


class Impatient(random.Random):
    """Draws pauses that no deadline allows, so that the first failure is the last."""

    def uniform(self, a: float, b: float) -> float:
        return a + b + 1e9


async def test_nobody_listening_is_an_error_that_names_the_url() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with AsyncClient(url, _rng=Impatient()) as client:
        with pytest.raises(ServiceUnavailable, match=f"{url}/score.*ConnectError") as caught:
            await client.score(ITEMS)
    assert caught.value.attempts == 1


async def test_a_server_that_reads_and_never_answers_is_left_at_the_deadline(listening: Any) -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        try:
            await reader.read(-1)
        finally:
            left.set()

    async with listening(silent) as url, AsyncClient(url) as client:
        with pytest.raises(ServiceUnavailable, match="no answer within"):
            await client.score(ITEMS, deadline_s=0.2)
        await left.wait()


async def test_a_server_that_answers_byte_by_byte_cannot_outlast_the_attempt(listening: Any, no_jitter: Any) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head(f"Content-Length: {len(ANSWER)}"))
        while not reader.at_eof():
            writer.write(b" ")
            await asyncio.wait([asyncio.ensure_future(reader.read(1))], timeout=0.01)

    async with (
        listening(trickle, well) as url,
        AsyncClient(url, attempt_timeout_s=0.1, _rng=no_jitter) as client,
    ):
        assert (await client.score(ITEMS)).scores == (1.0, 0.0)


async def test_a_proxy_in_the_environment_is_not_asked(listening: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with listening(well) as url, AsyncClient(url) as client:
        assert (await client.score(ITEMS)).scores == (1.0, 0.0)


async def test_calls_share_a_connection_and_log_nothing(listening: Any, caplog: pytest.LogCaptureFixture) -> None:
    connections = 0

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):  # the client closes
            while True:
                await read_request(reader)
                writer.write(head(f"Content-Length: {len(ANSWER)}") + ANSWER)

    with caplog.at_level(logging.INFO):
        async with listening(patient) as url, AsyncClient(url) as client:
            for _ in range(3):
                assert (await client.score(ITEMS)).scores == (1.0, 0.0)
    assert connections == 1
    assert caplog.records == []


def test_eight_thousand_completions_through_a_real_server(fake_service: Any, live: Any) -> None:
    items = [Item(id=str(row), completions=[f"{row}.{n}" for n in range(8)], ground_truth=row) for row in range(1024)]
    service = fake_service()

    async def main(url: str) -> None:
        async with AsyncClient(url) as client:
            over_http = await client.score(items)
        async with AsyncClient("http://service.test", transport=httpx.ASGITransport(service)) as client:
            in_process = await client.score(items)
        assert over_http == in_process
        assert len(over_http.scores) == 8192
        assert len(over_http.request_ids) == 8

    with live(service) as url:
        asyncio.run(main(url))

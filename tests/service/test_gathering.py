"""How bodies reach the app: whole where they are read whole, as they come where each part of them is answered."""

import asyncio
import socket

import pytest
import uvicorn

from goodcall.web.gathering import PIECE_BYTES, GatheringProtocol

JSON, LINES = b"application/json", b"application/x-ndjson"
PATIENCE_S = 20


class Recorder:
    """An app that notes the sizes in which bodies come, and answers with their bytes, or before it has read them."""

    def __init__(self):
        self.sizes = []
        self.came = asyncio.Event()

    async def __call__(self, scope, receive, send):
        more = scope["path"] != "/refuse"
        whole = b""
        while more:
            message = await receive()
            whole += message["body"]
            more = message["more_body"]
            self.sizes.append(len(message["body"]))
            self.came.set()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(whole))]})
        await send({"type": "http.response.body", "body": whole})


@pytest.fixture
async def recorder():
    """The app and a connection to it."""
    app = Recorder()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, http=GatheringProtocol, ws="none", lifespan="off", log_config=None, access_log=False)
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        yield app, reader, writer
        writer.close()
        server.should_exit = True
        await serving


def head(media, length, path=b"/", more=b""):
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n" % (
        path,
        media,
        length,
        more,
    )


async def answer(reader):
    """The body of the next answer."""
    async with asyncio.timeout(PATIENCE_S):
        received = await reader.readuntil(b"\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 200")
        length = int(received.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        return await reader.readexactly(length)


@pytest.mark.parametrize("media", [JSON, JSON + b"; charset=utf-8"])
async def test_a_body_that_is_read_whole_comes_in_one_piece(recorder, media):
    app, reader, writer = recorder
    body = bytes(range(256)) * 8000
    writer.write(head(media, len(body)))
    for start in range(0, len(body), 100_000):
        writer.write(body[start : start + 100_000])
        await writer.drain()
        await asyncio.sleep(0)
    assert await answer(reader) == body
    assert app.sizes == [len(body)]


async def test_a_larger_one_comes_in_large_pieces(recorder):
    app, reader, writer = recorder
    body = bytes(range(256)) * (3 * PIECE_BYTES // 256) + b"rest"
    writer.write(head(JSON, len(body)) + body)
    assert await answer(reader) == body
    assert [size for size in app.sizes if size] == app.sizes
    assert min(app.sizes[:-1]) >= PIECE_BYTES


async def test_a_body_of_lines_comes_as_it_comes(recorder):
    app, reader, writer = recorder
    writer.write(head(LINES, 4) + b"1\n")
    await app.came.wait()
    assert app.sizes == [2]
    writer.write(b"2\n")
    assert await answer(reader) == b"1\n2\n"


async def test_requests_that_come_together_keep_their_bodies(recorder):
    _, reader, writer = recorder
    writer.write(b"".join(head(media, 2) + body for media, body in ((JSON, b"ab"), (LINES, b"cd"), (JSON, b"ef"))))
    assert [await answer(reader) for _ in range(3)] == [b"ab", b"cd", b"ef"]


async def test_a_body_without_a_length_is_gathered_too(recorder):
    app, reader, writer = recorder
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
    assert await answer(reader) == b"abcde"
    assert app.sizes == [5]


async def test_what_comes_after_an_answer_is_thrown_away(recorder):
    _, reader, writer = recorder
    writer.write(head(JSON, 2 * PIECE_BYTES, b"/refuse"))
    assert await answer(reader) == b""
    writer.write(b"x" * 2 * PIECE_BYTES)
    writer.write(head(JSON, 2) + b"ab")
    assert await answer(reader) == b"ab"


async def test_who_asks_whether_to_go_on_is_told(recorder):
    _, reader, writer = recorder
    writer.write(head(JSON, 2, more=b"Expect: 100-continue\r\n"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"ab")
    assert await answer(reader) == b"ab"


async def test_nobody_is_upgraded_to_another_protocol(recorder):
    _, reader, writer = recorder
    more = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n"
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%b\r\n" % more)
    assert await answer(reader) == b""

"""Compressed bodies: what they hold, and no more of it than a body may hold."""

import gzip
import json
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall.web.inflate import CODINGS, MAX_RATIO, PIECE_BYTES, inflate
from goodcall.web.problems import Problem, RequestProblem
from goodcall.web.settings import Settings

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESS = {"gzip": gzip.compress, "zstd": zstd.compress}
ITEM = {"ground_truth": [], "completions": ["<think>t</think>No."]}
RIGHT = [{"score": 1.0, "reason": "ok"}]
JSON_TYPE = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}

codings = pytest.mark.parametrize("coding", COMPRESS)


async def in_pieces(body, size):
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def inflated(body, coding, size=1 << 16, max_bytes=1 << 20):
    return [piece async for piece in inflate(in_pieces(body, size), CODINGS[coding], max_bytes)]


@codings
@given(members=st.lists(st.binary(max_size=400), min_size=1, max_size=4), size=st.integers(1, 50))
async def test_what_was_compressed_comes_out_whatever_the_members_and_the_pieces(coding, members, size):
    body = b"".join(map(COMPRESS[coding], members))
    assert b"".join(await inflated(body, coding, size)) == b"".join(members)


@codings
async def test_no_piece_is_longer_than_it_may_be(coding):
    body = COMPRESS[coding](bytes(3 * PIECE_BYTES)) + COMPRESS[coding](b"a" * PIECE_BYTES)
    pieces = await inflated(body, coding)
    assert b"".join(pieces) == bytes(3 * PIECE_BYTES) + b"a" * PIECE_BYTES
    assert max(map(len, pieces)) <= PIECE_BYTES


@codings
@given(st.data())
async def test_a_body_that_ends_too_soon_is_refused(coding, data):
    body = COMPRESS[coding](b"something" * 9)
    with pytest.raises(RequestProblem) as refused:
        await inflated(body[: data.draw(st.integers(0, len(body) - 1))], coding)
    assert refused.value.code == "invalid_encoding"


@codings
@given(st.binary(min_size=1))
async def test_what_is_not_compressed_is_refused(coding, body):
    with pytest.raises(RequestProblem) as refused:
        await inflated(COMPRESS[coding](b"") + b"canary" + body, coding)
    assert refused.value.code == "invalid_encoding"
    assert "canary" not in refused.value.detail


@codings
async def test_a_body_without_end_may_hold_so_many_times_its_own_bytes(coding):
    body, came = COMPRESS[coding](bytes(100 << 20)), 0

    async def count():
        nonlocal came
        async for piece in inflate(in_pieces(body, 1000), CODINGS[coding], 1 << 20):
            came += len(piece)

    with pytest.raises(RequestProblem) as refused:
        await count()
    assert refused.value.code == "body_too_large"
    assert (1 << 20) - PIECE_BYTES <= came <= (1 << 20) + MAX_RATIO * len(body)


async def test_a_window_larger_than_senders_may_ask_for_is_refused():
    wide = zstd.compress(bytes(100), options={zstd.CompressionParameter.window_log: 27})
    streamed = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    endless = streamed.compress(b"a") + streamed.flush()
    assert b"".join(await inflated(wide, "zstd")) == bytes(100)
    with pytest.raises(RequestProblem) as refused:
        await inflated(endless, "zstd")
    assert refused.value.code == "invalid_encoding"


@codings
async def test_a_compressed_body_gets_its_verdicts(service, coding):
    body = COMPRESS[coding](json.dumps({"items": [ITEM]}).encode())
    response = await service.post("/score", content=body, headers={**JSON_TYPE, "content-encoding": coding.upper()})
    assert response.json()["items"][0]["verdicts"] == RIGHT


@codings
async def test_compressed_lines_get_their_verdicts(service, coding):
    lines = [COMPRESS[coding](json.dumps(ITEM).encode() + b"\n") for _ in range(3)]
    response = await service.post("/score", content=b"".join(lines), headers={**NDJSON, "content-encoding": coding})
    assert [json.loads(line)["verdicts"] for line in response.content.splitlines()] == [RIGHT] * 3


@codings
@pytest.mark.parametrize("body", [b"", b"canary", json.dumps({"items": []}).encode()])
async def test_a_body_that_is_not_compressed_as_it_claims_is_a_problem(service, coding, body):
    response = await service.post("/score", content=body, headers={**JSON_TYPE, "content-encoding": coding})
    assert Problem.model_validate_json(response.content).code == "invalid_encoding"
    assert (response.status_code, b"canary" in response.content) == (400, False)


class TestSmallLimits:
    """The same service with limits that a test can reach."""

    @pytest.fixture
    def settings(self):
        return Settings(max_body_bytes=1 << 20)

    @codings
    async def test_a_bomb_is_refused_where_it_passes_the_limit(self, service, coding):
        body = COMPRESS[coding](b" " * (50 << 20))
        assert len(body) < 60_000
        response = await service.post("/score", content=body, headers={**JSON_TYPE, "content-encoding": coding})
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    @codings
    async def test_a_bomb_in_a_line_is_a_line_that_is_too_long(self, service, coding):
        body = COMPRESS[coding](b"a" * (3 << 20) + b"\n" + json.dumps(ITEM).encode())
        response = await service.post("/score", content=body, headers={**NDJSON, "content-encoding": coding})
        answers = [json.loads(line) for line in response.content.splitlines()]
        assert answers[0]["problem"]["code"] == "body_too_large"

    @codings
    async def test_bombs_leave_nothing_in_flight(self, service, coding):
        body = COMPRESS[coding](b" " * (3 << 20))
        for media in (JSON_TYPE, NDJSON):
            await service.post("/score", content=body, headers={**media, "content-encoding": coding})
        metrics = (await service.get("/metrics")).text
        assert "goodcall_bytes_in_flight 0.0" in metrics
        assert "goodcall_completions_in_flight 0.0" in metrics


def test_gzip_is_read_as_the_standard_library_reads_it():
    decompressor = CODINGS["x-gzip"]()
    assert decompressor.decompress(gzip.compress(b"abc") + b"rest", 2) == b"ab"
    assert decompressor.decompress(b"", 2) == b"c"
    assert (decompressor.eof, decompressor.unused_data) == (True, b"rest")
    with pytest.raises(zlib.error):
        CODINGS["gzip"]().decompress(b"no gzip", 2)

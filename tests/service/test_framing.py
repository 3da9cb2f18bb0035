"""Bytes that are no request, or that another reader could take for another one: a problem, and then the end."""

import json

import pytest

from raw_http import CHUNKED, GET, JSON_HEAD, LINES_HEAD, Caller, exchange, problem_of
from serving import ask, serving, until

ITEM = {"ground_truth": [], "completions": ["<think>t</think>No."]}
BODY = json.dumps({"items": [ITEM]}).encode()
SMUGGLED = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module", params=["1", "2"])
def url(request):
    with serving("--workers", request.param) as (_, url):
        yield url


BARE = b"GET /livez HTTP/1.1\r\n"
HEADS = {
    "length beside chunks": JSON_HEAD + b"Content-Length: 5\r\n" + CHUNKED + b"0\r\n\r\n",
    "chunks beside length": JSON_HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two equal lengths": JSON_HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "two lengths": JSON_HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "list of lengths": JSON_HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "length below zero": JSON_HEAD + b"Content-Length: -5\r\n\r\nhello",
    "length with a sign": JSON_HEAD + b"Content-Length: +5\r\n\r\nhello",
    "hexadecimal length": JSON_HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "no length in its header": JSON_HEAD + b"Content-Length:\r\n\r\nhello",
    "length without end": JSON_HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "space in the name of the length": JSON_HEAD + b"Content-Length : 5\r\n\r\nhello",
    "unknown coding": JSON_HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity coding": JSON_HEAD + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunks not last": JSON_HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": JSON_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding twice": JSON_HEAD + b"Transfer-Encoding: chunked\r\n" + CHUNKED + b"0\r\n\r\n",
    "coding behind a control": JSON_HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "space in the name of the coding": JSON_HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded coding": JSON_HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "quoted coding": JSON_HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "chunks before HTTP/1.1": JSON_HEAD.replace(b"1.1", b"1.0") + CHUNKED + b"0\r\n\r\n",
    "upgrade beside a body": JSON_HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello",
    "upgrade beside chunks": JSON_HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\n" + CHUNKED + b"0\r\n\r\n",
    "no host": BARE + b"\r\n",
    "two hosts": BARE + b"Host: x\r\nHost: y\r\n\r\n",
    "folded header": BARE + b"Host: x\r\nX: a\r\n b\r\n\r\n",
    "no carriage return": b"GET /livez HTTP/1.1\nHost: x\n\n",
    "no line feed": BARE + b"Host: x\rX: y\r\n\r\n",
    "null in a header": BARE + b"Host: x\r\nX: a\0b\r\n\r\n",
    "control in a header": BARE + b"Host: x\r\nX: a\x1b[31mb\r\n\r\n",
    "header without a colon": BARE + b"Host: x\r\ncanary\r\n\r\n",
    "header without a name": BARE + b"Host: x\r\n: canary\r\n\r\n",
    "space in a header's name": BARE + b"Host: x\r\nX Y: canary\r\n\r\n",
    "space before the first header": BARE + b" Host: x\r\n\r\n",
    "HTTP/2.0": b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/1.9": b"GET /livez HTTP/1.9\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "the greeting of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "space in the path": b"GET /livez canary HTTP/1.1\r\nHost: x\r\n\r\n",
    "null in the path": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "more than ASCII in the path": "GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "a tunnel": b"CONNECT canary:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "no method": b"CANARY /livez HTTP/1.1\r\nHost: x\r\n\r\n",
}
"""Whole requests with an odd head, by what is odd."""

CHUNKS = {
    "length below zero": b"-5\r\nhello\r\n0\r\n\r\n",
    "length with a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "space behind the length": b"5 \r\nhello\r\n0\r\n\r\n",
    "length without end": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "no carriage return": b"5\nhello\r\n0\r\n\r\n",
    "more than the length": b"5\r\nhello!\r\n0\r\n\r\n",
    "no length": b"canary\r\n",
    "line feed in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "space before a trailer": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
}
"""Chunked bodies that are none, by what is wrong."""


def of_length(body, head=JSON_HEAD):
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunk(body):
    return b"%x\r\n%b\r\n" % (len(body), body)


@pytest.mark.parametrize("oddity", HEADS)
def test_a_head_that_another_reader_could_take_otherwise_is_refused_and_nothing_after_it_is_read(url, oddity):
    answer, rest = exchange(url, HEADS[oddity] + SMUGGLED)
    problem = problem_of(answer)
    assert (problem.status, problem.code, rest) == (400, "malformed_request", b"")
    assert answer.headers["connection"] == "close"
    assert b"canary" not in answer.body.lower()


@pytest.mark.parametrize("oddity", CHUNKS)
def test_chunks_that_are_none_are_refused_and_nothing_after_them_is_read(url, oddity):
    answer, rest = exchange(url, JSON_HEAD + CHUNKED, CHUNKS[oddity] + SMUGGLED)
    problem = problem_of(answer)
    assert (problem.status, problem.code, rest) == (400, "malformed_request", b"")
    assert b"canary" not in answer.body


@pytest.mark.parametrize(
    "request_",
    [
        JSON_HEAD + CHUNKED + chunk(BODY[:9]) + chunk(BODY[9:]) + b"0\r\n\r\n",
        JSON_HEAD + CHUNKED + b"%X;a=b\r\n%b\r\n" % (len(BODY), BODY) + b"0\r\nX: y\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding:\tChunked\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n",
        of_length(BODY, JSON_HEAD.replace(b"/score", b"http://x/score")),
        of_length(BODY, JSON_HEAD + b"Expect: 100-continue\r\n"),
        b"\r\n" + of_length(BODY),
    ],
)
def test_what_is_unusual_and_clear_is_answered(url, request_):
    with Caller(url) as caller:
        caller.send(request_)
        answer = caller.answer()
        assert answer.json()["items"][0]["verdicts"] == [{"score": 1.0, "reason": "ok"}]
        caller.send(SMUGGLED)
        assert "goodcall" in caller.answer().json()


def test_a_trailer_is_no_header(url):
    """One that comes with a request after the id was read must not change it, nor the team."""
    trailer = b"0\r\nX-Request-Id: canary\r\nAuthorization: canary\r\n\r\n"
    with Caller(url) as caller:
        caller.send(JSON_HEAD + CHUNKED + chunk(BODY) + trailer + GET)
        assert caller.answer().headers["x-request-id"] != "canary"
        assert caller.answer().headers["x-request-id"] != "canary"


def test_a_request_to_upgrade_is_answered_as_if_it_had_not_asked_and_is_the_last(url):
    for protocol in (b"h2c", b"websocket"):
        upgrade = GET[:-2] + b"Connection: upgrade\r\nUpgrade: %b\r\n\r\n" % protocol
        answer, rest = exchange(url, upgrade + SMUGGLED)
        assert (answer.status, answer.headers["connection"], rest) == (200, "close", b"")


def test_requests_that_come_at_once_are_answered_in_their_order(url):
    with Caller(url) as caller:
        caller.send(of_length(BODY) + GET + of_length(BODY) + SMUGGLED)
        assert ["items" in caller.answer().json() for _ in range(4)] == [True, False, True, False]


def test_more_requests_at_once_than_may_wait_end_their_connection_after_the_first(url):
    answers = b""
    with Caller(url) as caller:
        caller.send(GET * 10_000)
        answers = caller.rest()
    assert 1 <= answers.count(b"HTTP/1.1 200 OK") <= 20


def test_what_is_malformed_behind_a_request_does_not_spoil_its_answer(url):
    answer, rest = exchange(url, of_length(BODY) + b"canary\r\n\r\n")
    assert (answer.status, rest) == (200, b"")


@pytest.mark.parametrize("head", [JSON_HEAD.replace(b"/score", b"/nowhere"), LINES_HEAD.replace(b"POST", b"PUT")])
def test_a_body_that_turns_out_malformed_after_its_answer_gets_no_second_one(url, head):
    with Caller(url) as caller:
        caller.send(head + CHUNKED)
        assert caller.answer().status in {404, 405}
        caller.send(b"canary\r\n")
        assert caller.rest() == b""


@pytest.mark.parametrize(
    "head",
    [
        GET[:-2] + b"X: %b\r\n\r\n" % (b"a" * 70_000),
        GET[:-2] + b"".join(b"X-%d: a\r\n" % number for number in range(1000)) + b"\r\n",
        GET[:-2] + b"X: a\r\n" * 100 + b"\r\n",
        GET[:-2] + b"".join(b"X-%d: a\r\n" % number for number in range(1_000_000)),
        GET[:-2] + b"%b: a\r\n\r\n" % (b"a" * 70_000),
        b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 70_000),
        b"GET /%b" % (b"a" * 10_000_000),
        GET[:-2] + b"Authorization: Bearer %b\r\n\r\n" % (b"a" * (1 << 20)),
    ],
    ids=lambda head: f"{len(head)} bytes",
)
def test_a_head_that_is_too_large_is_refused_before_it_has_come(url, head):
    answer, rest = exchange(url, head)
    problem = problem_of(answer)
    assert (problem.status, problem.code, rest) == (431, "headers_too_large", b"")
    assert problem.detail == "The head of a request may have 100 headers and 32768 bytes."


def test_a_head_that_just_fits_is_answered(url):
    with Caller(url) as caller:
        caller.send(GET[:-2] + b"X: a\r\n" * 99 + b"\r\n", GET[:-2] + b"X: %b\r\n\r\n" % (b"a" * 32_000))
        assert [caller.answer().status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("endless", [b"0\r\n" + b"X: y\r\n" * 100_000, b"5;%b" % (b"a" * 1_000_000)])
def test_trailers_and_extensions_have_no_more_room_than_heads(url, endless):
    answer, _ = exchange(url, JSON_HEAD + CHUNKED, endless)
    assert problem_of(answer).code == "headers_too_large"


def test_a_request_that_cannot_be_read_is_counted():
    with serving() as (_, url):
        exchange(url, HEADS["length beside chunks"])
        exchange(url, GET[:-2] + b"X: a\r\n" * 100 + b"\r\n")
        metrics = ask(url, "/metrics").text
    for status in (400, 431):
        assert f'goodcall_requests_total{{path="unread",status="{status}"}} 1.0' in metrics


def test_a_refused_body_leaves_nothing_in_flight(url):
    exchange(url, JSON_HEAD + CHUNKED, chunk(BODY), b"canary")
    until(lambda: "goodcall_completions_in_flight 0.0" in ask(url, "/metrics").text)

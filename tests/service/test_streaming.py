"""Lines over a real connection: nobody holds more than a little, and whoever goes away is let go."""

import contextlib
import json
import select
import socket
import struct
from urllib.parse import urlsplit

import pytest

from command_line import TIMEOUT_S
from serving import ask, serving, until

# As many bytes of verdicts as of completions, so that unread answers fill what lies between the two ends.
LINE = json.dumps({"ground_truth": [], "completions": ["x" * 40] * 200}).encode() + b"\n"
LINES = 2500
HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture(scope="module")
def service():
    with serving() as (process, url):
        yield process, url


@pytest.fixture
def connection(service):
    _, url = service
    with socket.socket() as made:
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            made.setsockopt(socket.SOL_SOCKET, buffer, 1 << 16)
        made.settimeout(TIMEOUT_S)
        made.connect((urlsplit(url).hostname, urlsplit(url).port))
        yield made


def in_flight(url):
    return next(line for line in ask(url, "/metrics").text.splitlines() if line.startswith("goodcall_requests_in_f"))


def send_until_it_stops(connection, body, *, patience_s=1.0):
    """How many bytes of a body are taken by a service that nobody reads from."""
    connection.settimeout(patience_s)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < len(body):
            sent += connection.send(body[sent : sent + (1 << 16)])
    connection.setblocking(False)
    return sent


def test_a_service_stops_reading_while_nobody_takes_its_answers_and_then_answers_all(connection):
    body = memoryview(LINE * LINES)
    connection.sendall(HEAD % len(body))
    sent = send_until_it_stops(connection, body)
    assert sent < len(body)
    answer = bytearray()
    while not answer.endswith(b"\r\n0\r\n\r\n"):
        readable, writable, _ = select.select([connection], [connection] if sent < len(body) else [], [], TIMEOUT_S)
        if writable:
            sent += connection.send(body[sent : sent + (1 << 16)])
        if readable:
            answer += connection.recv(1 << 20)
    assert answer.count(b'"verdicts"') == LINES
    assert answer.count(b'"reason":"think_missing"') == LINES * 200


def test_a_caller_that_goes_away_leaves_nothing_in_flight(service, connection):
    _, url = service
    connection.sendall(HEAD % (len(LINE) * LINES) + LINE * 3)
    until(lambda: in_flight(url).endswith(" 2.0"))
    # With this the connection is reset, as it is when a process is killed.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    until(lambda: in_flight(url).endswith(" 1.0"))

"""HTTP as bytes on a socket: what no well-behaved client would send."""

import contextlib
import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from command_line import TIMEOUT_S
from goodcall.web.problems import Problem

JSON_HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LINES_HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """One answer, read whole."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


class Caller:
    """A connection to the service; a context manager that closes it."""

    def __init__(self, url, receive_buffer=None):
        parts = urlsplit(url)
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT_S)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((parts.hostname, parts.port))
        self._received = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._received.close()
        self.socket.close()

    def send(self, *pieces):
        """Sends until the service takes no more, which it need not."""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                self.socket.sendall(piece)

    def answer(self):
        """The next answer, read whole."""
        response = HTTPResponse(self)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def makefile(self, _mode):
        """For the response, which closes what it has read to its end; here another may follow."""
        return _Kept(self._received)

    def rest(self):
        """Everything that comes until the service closes the connection."""
        received = bytearray()
        with contextlib.suppress(ConnectionError):
            while piece := self._received.read1(1 << 16):
                received += piece
        return bytes(received)

    def has_ended(self):
        """Whether the service has closed the connection, or said something; never waits."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        finally:
            self.socket.settimeout(TIMEOUT_S)
        return True


class _Kept:
    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def close(self):
        pass


def exchange(url, *pieces):
    """The answer to some bytes on a connection of their own, and whatever follows it until the connection is closed."""
    with Caller(url) as caller:
        caller.send(*pieces)
        return caller.answer(), caller.rest()


def problem_of(answer):
    """The problem that an answer holds."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.body)
    assert problem.status == answer.status
    assert problem.request_id == answer.headers["x-request-id"]
    return problem


def peak_bytes(pids):
    """The most memory that each process has had."""
    return [_status_bytes(pid, "VmHWM") for pid in pids]


def _status_bytes(pid, field):
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))

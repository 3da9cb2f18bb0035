"""``goodcall serve`` as a process of its own on loopback, and what tests do to it."""

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from command_line import TIMEOUT_S, plain_environment


@contextmanager
def serving(*options, **environment):
    """A running service and its base URL; ended at the end if it has not ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "goodcall", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Without a line for each request, as most tests want to see what goes wrong only.
        env=plain_environment() | {"GOODCALL_LOG_LEVEL": "warning"} | environment,
        # So that a signal to its group does not reach the tests.
        start_new_session=True,
    )
    try:
        announcement = process.stdout.readline()
        assert announcement.startswith("goodcall 0.1.0 listening on http://"), process.stderr.read()
        yield process, announcement.split()[-1]
    finally:
        # Nothing happens to one that has ended already.
        process.terminate()
        _end(process)


def _end(process):
    try:
        # These pipes end when the last worker does.
        process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate(timeout=TIMEOUT_S)
        raise


def ask(url, path):
    """The answer to a GET on a connection of its own."""
    return httpx.get(url + path, trust_env=False, timeout=TIMEOUT_S)


def until(claim):
    """Waits for a claim about another process to become true; asking is what takes the time."""
    while not claim():
        pass


def worker_pids(process):
    """The processes that a service has started, by Linux's account of them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, parent, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(parent) == process.pid:
            found.append(int(stat.parent.name))
    return found


def kill(pid):
    os.kill(pid, signal.SIGKILL)


@contextmanager
def connections(url, count):
    """Connections that stay open, as a trainer's do, in the order in which they were made."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Connection(url))) for _ in range(count)]


class Connection(http.client.HTTPConnection):
    """One connection."""

    def __init__(self, url):
        super().__init__(urlsplit(url).netloc, timeout=TIMEOUT_S)
        self.connect()
        # A connection that the service has closed is an error, not a reason for another one.
        self.auto_open = False

    def ask(self, path):
        """The text of the answer to a GET."""
        self.request("GET", path)
        return self.getresponse().read().decode()

    def score(self, **item):
        """The verdicts on one item."""
        self.begin_score(**item)
        return self.finish_score()

    def begin_score(self, **item):
        """Sends a request up to its last byte."""
        body = json.dumps({"items": [item]}).encode()
        self.putrequest("POST", "/score")
        self.putheader("content-type", "application/json")
        self.putheader("content-length", str(len(body)))
        self.endheaders()
        self.send(body[:-1])

    def finish_score(self):
        """Sends that byte; gives the verdicts."""
        self.send(b"}")
        return self.verdicts()

    def verdicts(self):
        """The verdicts on the item that was sent."""
        return json.loads(self.getresponse().read())["items"][0]["verdicts"]

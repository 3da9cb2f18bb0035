"""Callers that take their time: they are let go in theirs, and nobody else notices them."""

import contextlib
import json
import signal
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from command_line import TIMEOUT_S
from raw_http import CHUNKED, GET, JSON_HEAD, LINES_HEAD, Caller, problem_of
from serving import ask, serving, until, worker_pids

ITEM = {"ground_truth": [], "completions": ["<think>t</think>No."]}
LINE = json.dumps(ITEM).encode() + b"\n"
IMPATIENT = {"GOODCALL_HEADER_TIMEOUT_S": "0.5", "GOODCALL_BODY_TIMEOUT_S": "0.5"}
WITH_LENGTH = b"Content-Length: 4096\r\n\r\n"
ECHOED = json.dumps({"items": [{**ITEM, "id": "x" * (8 << 20)}]}).encode()
"""Its answer is more than lies between the two ends of a connection, without much to score."""

UNTAKEN = JSON_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(ECHOED), ECHOED)
CHUNK = b"%x\r\n%b\r\n" % (len(LINE), LINE)

SLOW_HEADS = [b"G", GET[:-2], JSON_HEAD, b"\r\n"]
SLOW_BODIES = [
    JSON_HEAD + WITH_LENGTH,
    JSON_HEAD + WITH_LENGTH + b'{"items": [',
    JSON_HEAD + CHUNKED + b'5\r\n{"ite\r\n',
    JSON_HEAD + CHUNKED + b"5",
]


@pytest.fixture(scope="module")
def service(request):
    workers = getattr(request, "param", "1")
    with serving("--workers", workers, **IMPATIENT) as (process, url):
        yield [process.pid] if workers == "1" else worker_pids(process), url


@pytest.fixture
def url(service):
    return service[1]


in_one_and_in_two_workers = pytest.mark.parametrize("service", ["1", "2"], indirect=True)


def score(url):
    response = httpx.post(f"{url}/score", json={"items": [ITEM]}, trust_env=False, timeout=TIMEOUT_S)
    assert response.json()["items"][0]["verdicts"] == [{"score": 1.0, "reason": "ok"}]


def open_sockets(pids):
    # Of files a worker opens more as it comes to need them.
    return sum(kind_of(file) == "socket" for pid in pids for file in Path(f"/proc/{pid}/fd").iterdir())


def kind_of(file):
    with contextlib.suppress(FileNotFoundError):
        return str(file.readlink()).partition(":")[0]
    return None


def answered(url):
    """How many scoring requests have been answered, also those whose answer nobody took."""
    counter = 'goodcall_requests_total{path="/score",status="200"} '
    lines = ask(url, "/metrics").text.splitlines()
    return next((float(line.removeprefix(counter)) for line in lines if line.startswith(counter)), 0.0)


def begin(stack, url, request, receive_buffer=None):
    caller = stack.enter_context(Caller(url, receive_buffer))
    caller.send(request)
    return caller


def serve_until(url, claim):
    """Asks ordinary things until a claim is true; how often they were answered by then."""
    served = 0
    while not claim():
        score(url)
        assert ask(url, "/livez").status_code == 200
        served += 1
    return served


@in_one_and_in_two_workers
def test_200_callers_that_do_not_send_their_requests_are_told_and_others_are_served_meanwhile(url):
    with ExitStack() as stack:
        slow = [begin(stack, url, request) for _ in range(25) for request in SLOW_HEADS + SLOW_BODIES]
        assert serve_until(url, lambda: all(caller.has_ended() for caller in slow)) > 2
        for caller in slow:
            problem = problem_of(caller.answer())
            assert (problem.status, problem.code) == (408, "request_timeout")
            assert caller.rest() == b""
    until(lambda: "goodcall_completions_in_flight 0.0" in ask(url, "/metrics").text)


@pytest.mark.parametrize("beginning", [GET[:-2] + b"X: ", JSON_HEAD + WITH_LENGTH, b""])
def test_a_caller_that_sends_a_byte_now_and_then_is_told_too(url, beginning):
    with Caller(url) as caller:
        caller.send(beginning)
        until(lambda: caller.send(b"a") or caller.has_ended())
        assert problem_of(caller.answer()).status in {400, 408, 431}


@in_one_and_in_two_workers
def test_callers_that_do_not_take_their_answers_are_let_go_and_others_are_served_meanwhile(service):
    pids, url = service
    before, answered_before = open_sockets(pids), answered(url)
    with ExitStack() as stack:
        for _ in range(10):
            begin(stack, url, UNTAKEN, 4096)
        until(lambda: answered(url) > answered_before)
        # One or two are those of the last one who asked.
        serve_until(url, lambda: open_sockets(pids) <= before + 2)


def test_a_stream_whose_next_line_does_not_come_ends_with_a_problem(url):
    for beginning in (LINES_HEAD + WITH_LENGTH, LINES_HEAD + CHUNKED + CHUNK + CHUNK[:9]):
        with Caller(url) as caller:
            caller.send(beginning)
            *_, last = caller.answer().body.splitlines()
            assert json.loads(last)["problem"]["code"] == "request_timeout"
            assert caller.rest() == b""


def test_a_stream_that_goes_on_may_take_longer_than_a_body(url):
    with Caller(url) as stream, Caller(url) as body:
        stream.send(LINES_HEAD + CHUNKED)
        body.send(JSON_HEAD + WITH_LENGTH)
        lines = 0
        while not body.has_ended():
            stream.send(CHUNK)
            ask(url, "/livez")
            lines += 1
        stream.send(CHUNK, b"0\r\n\r\n")
        assert stream.answer().body.count(b'"verdicts"') == lines + 1


def test_a_body_that_nobody_reads_and_that_does_not_come_ends_its_connection(url):
    with Caller(url) as caller:
        caller.send(JSON_HEAD.replace(b"/score", b"/nowhere") + WITH_LENGTH)
        assert caller.answer().status == 404
        assert caller.rest() == b""


def test_a_body_that_nobody_reads_and_that_comes_leaves_its_connection_open(url):
    with Caller(url) as caller:
        caller.send(JSON_HEAD.replace(b"/score", b"/nowhere") + WITH_LENGTH)
        assert caller.answer().status == 404
        caller.send(b"a" * 4096 + GET)
        assert caller.answer().status == 200


def test_a_caller_that_was_told_not_to_send_its_body_is_let_go(url):
    head = JSON_HEAD.replace(b"/score", b"/nowhere") + b"Expect: 100-continue\r\n" + WITH_LENGTH
    with Caller(url) as caller:
        caller.send(head)
        assert caller.answer().status == 404
        assert caller.rest() == b""


def test_a_connection_on_which_nothing_comes_is_closed_without_a_word(url):
    with Caller(url) as caller:
        assert caller.rest() == b""


def test_a_later_head_on_a_connection_has_no_more_time_than_the_first(url):
    for beginning in (GET[:1], GET[:-1]):
        with Caller(url) as caller:
            caller.send(GET)
            assert caller.answer().status == 200
            caller.send(beginning)
            assert problem_of(caller.answer()).code == "request_timeout"


def test_a_connection_that_is_kept_may_be_idle_for_longer_than_a_head_takes(url):
    with Caller(url) as kept, Caller(url) as other:
        kept.send(GET)
        assert kept.answer().status == 200
        assert other.rest() == b""
        kept.send(GET)
        assert kept.answer().status == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_slow_callers_do_not_keep_the_service_from_its_end(workers):
    with serving("--workers", workers, **IMPATIENT) as (process, url), ExitStack() as stack:
        slow = [begin(stack, url, UNTAKEN, 4096) for _ in range(4)]
        slow += [begin(stack, url, request) for request in SLOW_HEADS + SLOW_BODIES]
        slow += [begin(stack, url, GET[:-2] + b"Connection: close\r\n\r\n") for _ in range(4)]
        until(lambda: "goodcall_requests_in_flight 1.0" not in ask(url, "/metrics").text)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output, errors) == (0, "", "")

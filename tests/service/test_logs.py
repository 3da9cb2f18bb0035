"""The log: a line of JSON for each request, and for what goes wrong, without a word of what was sent."""

import asyncio
import json
import logging
import os

import httpx
import pytest

from command_line import TIMEOUT_S
from goodcall.web.app import create_app
from goodcall.web.log_stream import MAX_WAITING_BYTES, LogStream
from goodcall.web.logs import Log
from goodcall.web.settings import LogLevel, Settings
from serving import serving

ITEM = {"ground_truth": [], "completions": ["<think>t</think>No.", "No."]}
UNUSABLE = {"tools": 5, "ground_truth": [], "completions": ["No."]}
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Reader:
    """The reading end of a log."""

    def __init__(self, level=LogLevel.INFO):
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self.stream = LogStream(self._write)
        self.log = Log(level, self.stream)

    def read(self):
        """What there is to read."""
        try:
            return os.read(self._read, 1 << 20)
        except BlockingIOError:
            return b""

    def lines(self):
        """The lines that were written since."""
        self.log.flush()
        return [json.loads(line) for line in self.read().splitlines()]

    def close(self):
        os.close(self._write)
        os.close(self._read)


@pytest.fixture
def reader():
    reader = Reader()
    yield reader
    reader.close()


def client(log):
    app = create_app(Settings(), log=log)

    @app.get("/fails")
    async def fails():
        try:
            {}["canary"]
        except KeyError as error:
            raise ValueError("canary") from error

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


async def test_a_request_has_one_line_that_says_all_there_is_to_know(reader):
    headers = {"x-request-id": "mine", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    async with client(reader.log) as http:
        response = await http.post("/score", json={"items": [ITEM, UNUSABLE]}, headers=headers)
    [line] = reader.lines()
    assert (line.pop("duration_ms") >= line.pop("wait_ms")) is True
    assert len(line.pop("span_id")) == 16
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "mine",
        "trace_id": TRACE,
        "parent_id": "00f067aa0ba902b7",
        "method": "POST",
        "route": "/score",
        "status": 200,
        "team": "everyone",
        "reward": "tool_n1/hardened@1",
        "items": 2,
        "completions": 3,
        "nulls": 1,
        "body_bytes": len(response.request.content),
    }


async def test_a_body_of_lines_has_one_line_too(reader):
    body = "\n".join([json.dumps(ITEM), "no JSON", json.dumps(UNUSABLE)])
    async with client(reader.log) as http:
        await http.post("/score", content=body, headers={"content-type": "application/x-ndjson"})
    [line] = reader.lines()
    assert [line[name] for name in ("items", "completions", "nulls", "body_bytes")] == [2, 3, 1, len(body)]


async def test_a_problem_is_named_by_its_code(reader):
    async with client(reader.log) as http:
        await http.post("/score", json={"items": "none"})
        await http.get("/nowhere/canary")
        await http.request("BREW", "/score")
    lines = reader.lines()
    assert [(line["route"], line["status"], line["problem"]) for line in lines] == [
        ("/score", 422, "invalid_request"),
        ("other", 404, "not_found"),
        ("/score", 405, "method_not_allowed"),
    ]
    assert [line["method"] for line in lines] == ["POST", "GET", "_OTHER"]


async def test_a_failure_says_where_it_was_but_not_what_the_exception_says(reader):
    async with client(reader.log) as http:
        response = await http.get("/fails")
    failure, request = reader.lines()
    assert response.json()["code"] == request["problem"] == "internal"
    assert (failure["event"], failure["level"], request["level"]) == ("failure", "error", "error")
    assert failure["request_id"] == request["request_id"] == response.json()["request_id"]
    assert failure["error"] == ["ValueError", "KeyError"]
    assert failure["at"][-1].endswith(' fails: raise ValueError("canary") from error')


async def test_an_exception_with_a_foreign_text_keeps_it_to_itself(reader):
    app = create_app(Settings(), log=reader.log)

    @app.get("/fails")
    async def fails(text: str):
        raise ValueError(text)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
        response = await http.get("/fails?text=canary")
    reader.log.flush()
    assert b"ValueError" in (written := reader.read())
    assert b"canary" not in written + response.content


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["/livez", "/version", "/fails", "/fails"]),
        ("info", ["/version", "/fails", "/fails"]),
        ("warning", ["/fails", "/fails"]),
        ("off", []),
    ],
)
async def test_the_level_says_what_is_left_out(level, expected):
    reader = Reader(LogLevel(level))
    async with client(reader.log) as http:
        for path in ("/livez", "/version", "/fails"):
            await http.get(path)
    routes = [line.get("route", "/fails") for line in reader.lines()]
    reader.close()
    assert routes == expected


def test_libraries_log_here_too_and_those_that_may_repeat_input_by_their_patterns_only(reader):
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        reader.log.take_over()
        logging.getLogger("goodcall.elsewhere").warning("Invalid %s.", "file")
        logging.getLogger("elsewhere").error("Could not send %s", "canary")
        logging.getLogger("elsewhere").error("canary")
        logging.getLogger("elsewhere").info("%s", "canary")
    finally:
        root.handlers, root.level = before
    assert [(line["level"], line["message"]) for line in reader.lines()] == [
        ("warning", "Invalid file."),
        ("error", "Could not send %s"),
        ("error", "What it says is withheld."),
    ]


async def test_what_goes_wrong_in_the_loop_outside_of_requests_is_logged_without_its_words(reader):
    reader.log.take_over_loop()
    loop = asyncio.get_running_loop()
    loop.call_soon(int, "canary")
    await asyncio.sleep(0)
    loop.set_exception_handler(None)
    [line] = reader.lines()
    assert (line["error"], line["logger"]) == (["ValueError"], "asyncio")
    assert "canary" not in json.dumps(line)


def test_a_text_that_is_no_unicode_can_be_logged(reader):
    reader.log.message("warning", "file \udcff can't be used")
    assert [line["message"] for line in reader.lines()] == ["file \\udcff can't be used"]


def test_lines_that_nobody_reads_wait_and_those_beyond_a_bound_are_dropped_and_counted(reader):
    line = b"x" * 1023 + b"\n"
    for _ in range(3 * MAX_WAITING_BYTES // len(line)):
        reader.stream.put(line)
        reader.log.flush()
    received = b""
    while piece := reader.read():
        received += piece
        reader.log.flush()
    *whole, last = received.splitlines(keepends=True)
    assert set(whole) == {line}
    assert json.loads(last)["event"] == "lines_dropped"
    assert json.loads(last)["count"] == 3 * MAX_WAITING_BYTES // len(line) - len(whole)
    assert len(whole) * len(line) >= MAX_WAITING_BYTES


def test_a_log_whose_reader_has_gone_is_no_failure():
    read, write = os.pipe()
    os.close(read)
    stream = LogStream(write)
    stream.put(b"line\n")
    stream.flush()
    os.close(write)
    assert stream.take_dropped() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_whose_log_nobody_reads_goes_on_serving(workers):
    with (
        serving("--workers", workers, GOODCALL_LOG_LEVEL="info") as (_, url),
        httpx.Client(base_url=url, trust_env=False, timeout=TIMEOUT_S) as http,
    ):
        # A pipe holds the lines of some two hundred.
        assert {http.get("/version").status_code for _ in range(500)} == {200}

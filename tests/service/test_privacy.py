"""What callers send comes out in the verdicts on it only: not in logs, metrics or problems."""

import json
import re
import secrets
import signal
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from command_line import TIMEOUT_S
from goodcall.web.keys import key_of, new_token
from serving import serving


class Canaries:
    """Texts that nobody would write by chance, each handed out once."""

    def __init__(self):
        self.given = []

    def __call__(self, prefix="canary"):
        self.given.append(f"{prefix}{secrets.token_hex(12)}")
        return self.given[-1]

    def found_in(self, text):
        return [canary for canary in self.given if canary in text]


def schema(canary):
    """Tools with a canary everywhere that a schema has room for one."""
    parameters = {
        "type": "object",
        "title": canary(),
        "description": canary(),
        "properties": {canary(): {"type": "string", "enum": [canary()], "default": canary()}},
        "required": [canary()],
    }
    return [{"type": "function", "function": {"name": canary(), "description": canary(), "parameters": parameters}}]


def call(canary):
    return {"name": canary(), "arguments": {canary(): canary()}}


def completions(canary):
    block = f"<tool_call>{json.dumps([call(canary)])}</tool_call>"
    return [
        canary(),
        f"<think>{canary()}</think>{canary()}",
        f"<think>{canary()}</think>{block}",
        f"<think>{canary()}</think><tool_call>[{canary()}</tool_call>",
        f"{canary()}\ud800{canary()}",
        f"<|im_start|>{canary()}",
    ]


def items(canary):
    """Good tasks and unusable ones."""
    good = {"id": canary(), "ground_truth": [], "completions": completions(canary), "assistant_prefix": canary()}
    yield good
    yield {"id": canary(), "tools": schema(canary), "ground_truth": [call(canary)], "completions": completions(canary)}
    yield {"id": canary(), "tools": canary(), "ground_truth": canary(), "completions": completions(canary)}
    bad_schema = [{"name": canary(), "parameters": {"type": canary(), "$ref": f"http://{canary()}/"}}]
    yield {"id": canary(), "tools": bad_schema, "ground_truth": [], "completions": completions(canary)}


def bad_bodies(canary):
    """Bodies that are answered with problems."""
    good = {"id": canary(), "ground_truth": [], "completions": [canary()]}
    for wrong in (
        {"items": [good | {canary(): canary()}]},
        {"items": [good | {"completions": canary()}]},
        {"items": [good | {"completions": [{"content": canary(), canary(): 1}]}]},
        {"items": [good | {"completions": [{"content": [canary()]}]}]},
        {"items": [good | {"context": {canary(): canary()}}]},
        {"items": [good | {"id": [canary()]}]},
        {"items": canary()},
        {"items": [good], "reward": canary()},
        {"items": [good], "reward": f"tool_n1/{canary()}@1"},
        {"items": [good], "reward": "toolrl/default"},
        {"items": [good], "explain": canary()},
        {"items": [good], canary(): canary()},
        [canary()],
        canary(),
    ):
        yield json.dumps(wrong).encode()
    yield b'{"items": ' + canary().encode()
    yield b'{"items": ["' + canary().encode() + b'\xff"]}'
    yield canary().encode() * 20_000


def headers_of(canary, key, **more):
    return {
        "authorization": f"Bearer {key}",
        "user-agent": canary(),
        "cookie": f"{canary()}={canary()}",
        "referer": f"http://{canary()}/{canary()}",
        f"x-{canary()}": canary(),
        "x-forwarded-for": canary(),
        "tracestate": f"{canary()}={canary()}",
        # Neither can be an id.
        "x-request-id": f"{canary()} {canary()}",
        "traceparent": canary(),
        "content-type": "application/json",
        **more,
    }


def requests(canary, key):
    """Good ones and bad ones: method, path, headers and body of each."""
    good = json.dumps({"items": [*items(canary)], "assistant_prefix": canary()}).encode()
    yield "POST", "/score", headers_of(canary, key), good
    explained = json.dumps({"items": [*items(canary)], "explain": False, "reward": "tool_n1/released"}).encode()
    yield "POST", "/score", headers_of(canary, key), explained
    lines = headers_of(canary, key, **{"content-type": "application/x-ndjson"})
    bodies = [*(json.dumps(item).encode() for item in items(canary)), *bad_bodies(canary)]
    yield "POST", f"/score?assistant_prefix={canary()}", lines, b"\n".join(bodies)
    yield "POST", f"/score?reward={canary()}", lines, good
    yield "POST", f"/score?{canary()}={canary()}", lines, good
    for body in bad_bodies(canary):
        yield "POST", "/score", headers_of(canary, key), body
    yield "POST", f"/score?{canary()}", headers_of(canary, key), good
    yield "POST", "/score", headers_of(canary, key, **{"content-type": canary()}), good
    for header in (
        {"authorization": canary()},
        {"authorization": f"Bearer {canary('goodcall_')}"},
        {"x-api-key": canary()},
    ):
        yield "POST", "/score", headers_of(canary, key) | {"authorization": ""} | header, good
    for path in (f"/{canary()}", f"/rewards/{canary()}/{canary()}", f"/score/{canary()}", f"/livez?{canary()}"):
        yield "GET", path, headers_of(canary, key), b""
    yield canary().upper(), "/score", headers_of(canary, key), b""
    yield "DELETE", "/score", headers_of(canary, key), canary().encode()


def broken(canary):
    """Bytes that are no HTTP request."""
    return f"{canary()} {canary()}\r\n{canary()}\r\n\r\n".encode(), f"GET /{canary()} HTTP/1.1\r\n{canary()}".encode()


def send_all(url, canary, key):
    """Sends everything; gives the problems that come back, in answers and in lines of answers, as text."""
    problems = []
    with httpx.Client(base_url=url, trust_env=False, timeout=TIMEOUT_S) as http:
        for method, path, headers, body in requests(canary, key):
            response = http.request(method, path, headers=headers, content=body)
            problems.append(repr(response.headers))
            if response.status_code != 200:
                problems.append(response.text)
            elif response.headers["content-type"] == "application/x-ndjson":
                problems += [line for line in response.text.splitlines() if '"problem"' in line]
    for sent in broken(canary):
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), TIMEOUT_S) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            problems.append(b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode())
    return problems


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_that_was_sent_is_in_any_log_metric_or_problem(tmp_path, workers):
    canary, key, operators_key = Canaries(), new_token(), new_token()
    keys = tmp_path / "keys"
    keys.write_text(f"{key_of(key, 'blue').line}\n{key_of(operators_key, None).line}\n", encoding="utf-8")
    secret = [key, operators_key, *re.findall("[0-9a-f]{64}", keys.read_text())]
    environment = {"GOODCALL_LOG_LEVEL": "debug", "GOODCALL_KEYS_FILE": str(keys), "GOODCALL_ALARM_SHARE": "1"}
    with serving("--workers", workers, **environment) as (process, url):
        # Each worker is to have its share, and connections are dealt out in turn.
        problems = send_all(url, canary, key) + send_all(url, canary, key)
        keys.write_text(f"{canary()} {canary()}\n{secret[0]}\n", encoding="utf-8")
        headers = {"authorization": f"Bearer {operators_key}"}
        metrics = httpx.get(f"{url}/metrics", headers=headers, trust_env=False, timeout=TIMEOUT_S).text
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=TIMEOUT_S)
    lines = [json.loads(line) for line in log.splitlines()]
    answered = [line for line in lines if line["event"] == "request"]
    assert len(answered) >= 60
    assert {200, 400, 401, 404, 405, 415, 422} <= {line["status"] for line in answered}
    assert {line["team"] for line in answered if "team" in line} == {"blue"}
    assert 'goodcall_problems_total{code="unauthorized"}' in metrics
    seen = "\n".join([output, log, metrics, *problems])
    assert canary.found_in(seen) == []
    assert [text for text in secret if text in seen] == []

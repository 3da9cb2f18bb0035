"""``goodcall serve`` with one worker, as a process of its own on loopback."""

import json
import os
import select
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from command_line import TIMEOUT_S
from serving import ask, connections, serving, until


def test_a_served_request_is_answered():
    item = {"ground_truth": [], "completions": ["<think>t</think>No."]}
    with serving() as (_, url):
        response = httpx.post(f"{url}/score", json={"items": [item]}, trust_env=False, timeout=TIMEOUT_S)
    assert response.json()["items"][0]["verdicts"] == [{"score": 1.0, "reason": "ok"}]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_quietly_with_exit_code_0(ending):
    with serving() as (process, url):
        assert httpx.get(f"{url}/readyz", trust_env=False, timeout=TIMEOUT_S).status_code == 200
        process.send_signal(ending)
        output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output, errors) == (0, "", "")


def test_1024_completions_fit_one_request():
    group = {"ground_truth": [], "completions": ["<think>t</think>No.", "No."] * 512}
    with serving() as (_, url):
        response = httpx.post(f"{url}/score", json={"items": [group]}, trust_env=False, timeout=TIMEOUT_S)
    verdicts = response.json()["items"][0]["verdicts"]
    assert [verdict["score"] for verdict in verdicts] == [1.0, 0.0] * 512


def test_a_taken_port_ends_serve_with_exit_code_3_and_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "goodcall", "serve", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert result.returncode == 3
    assert f"127.0.0.1:{port}" in result.stderr
    assert "--port" in result.stderr


def test_the_limits_of_a_settings_file_are_in_force(tmp_path):
    config = tmp_path / "goodcall.toml"
    config.write_text("max_items = 1\n", encoding="utf-8")
    with serving("--config", str(config)) as (_, url):
        limits = httpx.get(f"{url}/limits", trust_env=False, timeout=TIMEOUT_S).json()
        refused = httpx.post(
            f"{url}/score",
            content=json.dumps({"items": [{"ground_truth": [], "completions": []}] * 2}),
            headers={"content-type": "application/json"},
            trust_env=False,
            timeout=TIMEOUT_S,
        )
    assert limits["max_items"] == 1
    assert refused.status_code == 422


def test_the_version_is_printed():
    result = subprocess.run(
        [sys.executable, "-m", "goodcall", "--version"], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    )
    assert result.stdout == "goodcall 0.1.0\n"


ENDLESS = "3600"
"""Seconds that no test waits for."""


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_between_the_signal_and_the_end_the_service_serves_but_is_not_ready(workers, ending):
    with serving("--workers", workers, GOODCALL_DRAIN_DELAY_S=ENDLESS) as (process, url):
        process.send_signal(ending)
        until(lambda: ask(url, "/readyz").status_code == 503)
        answer = ask(url, "/livez")
        assert answer.status_code == 200
        # A client that keeps connections open is sent to where the next one leads.
        assert answer.headers["connection"] == "close"
        process.send_signal(ending)
        output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output, errors) == (128 + ending, "", "")


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("drain_delay_s", ["0", "0.2"])
def test_what_is_in_flight_at_the_signal_is_answered(workers, drain_delay_s):
    batch = {"ground_truth": [], "completions": ["<think>t</think>No.", "No."] * 4096}
    with (
        serving("--workers", workers, GOODCALL_DRAIN_DELAY_S=drain_delay_s) as (process, url),
        connections(url, 4) as trainer,
    ):
        for connection in trainer:
            connection.begin_score(**batch)
        until(lambda: "goodcall_requests_in_flight 5.0" in ask(url, "/metrics").text)
        # As from a terminal, every process of the group hears of it.
        os.killpg(process.pid, signal.SIGINT)
        until(lambda: is_refused(url))
        for connection in trainer:
            assert [verdict["score"] for verdict in connection.finish_score()] == [1.0, 0.0] * 4096
        output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output, errors) == (0, "", "")


def is_refused(url):
    try:
        ask(url, "/livez")
    except httpx.TransportError:
        return True
    return False


def test_probes_are_answered_while_a_batch_is_being_scored():
    # Messages take longest.
    batch = {"ground_truth": [], "completions": [{"content": f"<think>{number}</think>No."} for number in range(8192)]}
    with serving() as (_, url), connections(url, 2) as (scoring, probing):
        scoring.begin_score(**batch)
        # One is the probe that shows it.
        until(lambda: "goodcall_requests_in_flight 2.0" in probing.ask("/metrics"))
        scoring.send(b"}")
        answered = 0
        while not select.select([scoring.sock], [], [], 0)[0]:
            probing.ask("/livez")
            answered += 1
        assert len(scoring.verdicts()) == 8192
    # The first may be answered before the scoring begins, and the next wait for its end if it keeps the loop.
    assert answered > 2

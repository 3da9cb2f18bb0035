"""``goodcall serve`` as a process of its own on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

TIMEOUT_S = 60


@contextmanager
def serving(*options):
    """A running service and its base URL; killed at the end if it has not ended by itself."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GOODCALL_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "goodcall", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        announcement = process.stdout.readline()
        assert announcement.startswith("goodcall 0.1.0 listening on http://"), process.stderr.read()
        yield process, announcement.split()[-1]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=TIMEOUT_S)


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

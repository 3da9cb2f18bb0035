"""The service as a child process: however its parent ends, it is gone."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from goodcall_client import Client
from goodcall_trainer.service_process import ServiceNotStarted, service_command, service_process

SERVER = """\
import http.server, sys
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(f"goodcall 0.1.0 listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER

PARENT = """\
import sys, time
from pathlib import Path
from goodcall_trainer.service_process import service_process
server = "import os, sys; print(os.getpid(), file=sys.stderr, flush=True)\\n" + sys.argv[1]
with service_process([sys.executable, "-c", server], Path(sys.argv[2])) as url:
    print(url, flush=True)
    time.sleep(600)
"""
TIMEOUT_S = 30


def python(program):
    return [sys.executable, "-c", program]


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=TIMEOUT_S).close()  # noqa: S310 - loopback
    except OSError:
        return False
    return True


def test_the_service_answers_inside_the_block_and_is_gone_after_it(tmp_path):
    with service_process(python(SERVER), tmp_path / "log") as url:
        assert answers(url)
    assert not answers(url)


def test_the_installed_service_starts(tmp_path):
    with service_process(service_command(), tmp_path / "log") as url, Client(url) as client:
        client.wait_until_ready()
        assert client.score([], reward="tool_n1/hardened@1").digest.startswith("sha256:")


def test_an_error_inside_the_block_ends_the_service_too(tmp_path):
    with pytest.raises(KeyError), service_process(python(SERVER), tmp_path / "log") as url:
        raise KeyError
    assert not answers(url)


def test_a_service_that_ignores_sigterm_is_killed(tmp_path):
    with service_process(python(STUBBORN), tmp_path / "log", stop_deadline_s=0.2) as url:
        assert answers(url)
    assert not answers(url)


def test_a_service_that_ends_at_once_is_an_error_with_the_end_of_its_log(tmp_path):
    command = python("import sys; sys.exit('no such port')")
    with pytest.raises(ServiceNotStarted, match=r"ended with status 1(?s:.)*no such port"):
        service_process(command, tmp_path / "log").__enter__()


def test_a_service_that_says_nothing_is_an_error_after_the_deadline(tmp_path):
    command = python("import time; time.sleep(600)")
    with pytest.raises(ServiceNotStarted, match="was not listening after"):
        service_process(command, tmp_path / "log", start_deadline_s=0.2).__enter__()


@pytest.mark.parametrize(
    "ending",
    [
        signal.SIGINT,
        pytest.param(signal.SIGKILL, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")),
    ],
)
def test_no_process_is_left_when_the_parent_is_ended_by(ending, tmp_path):
    log = tmp_path / "log"
    parent = subprocess.Popen([*python(PARENT), SERVER, str(log)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with parent:
        url = parent.stdout.readline().decode().strip()
        assert answers(url)
        parent.send_signal(ending)
        parent.wait(TIMEOUT_S)
    assert wait_for_end(int(log.read_text().split()[0]))


def wait_for_end(pid):
    """True once no process has this id (or it is a zombie that its new parent has not collected yet)."""
    for _ in range(TIMEOUT_S * 100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        signal.sigtimedwait([], 0.01)
    return False

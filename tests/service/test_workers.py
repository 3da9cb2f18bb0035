"""``goodcall serve --workers``: several processes that look like one service, whatever becomes of them."""

import http.client
import os
import signal
import subprocess
import sys

import pytest

from command_line import TIMEOUT_S, goodcall_process, plain_environment
from serving import ask, connections, kill, serving, until, worker_pids

RIGHT_AND_WRONG = {"ground_truth": [], "completions": ["<think>t</think>No.", "No.", "No."]}
SCORES = [1.0, 0.0, 0.0]


def scores(connection):
    return [verdict["score"] for verdict in connection.score(**RIGHT_AND_WRONG)]


def is_open(connection):
    try:
        connection.ask("/livez")
    except (OSError, http.client.HTTPException):
        return False
    return True


def counts(text):
    """What the metrics say of the batches that were scored."""
    wanted = ("goodcall_verdicts_total{", "goodcall_batch_completions_")
    return {line for line in text.splitlines() if line.startswith(wanted) and "_created" not in line}


@pytest.mark.parametrize("trainers", [4, 8])
def test_connections_are_dealt_out_in_turn_and_a_dead_worker_takes_only_its_own_along(trainers):
    with serving("--workers", "2") as (process, url), connections(url, trainers) as opened:
        assert [scores(connection) for connection in opened] == [SCORES] * trainers
        kill(worker_pids(process)[0])
        assert "another takes its place" in process.stderr.readline()
        assert sum(map(is_open, opened)) == trainers // 2


def test_every_worker_gives_the_sums_over_all():
    with serving("--workers", "3") as (_, url), connections(url, 6) as opened:
        for connection in opened:
            assert scores(connection) == SCORES
        said = [counts(connection.ask("/metrics")) for connection in opened]
    assert said == [said[0]] * 6
    for line in (
        'goodcall_verdicts_total{null="false",reason="ok",reward="tool_n1/hardened@1"} 6.0',
        'goodcall_verdicts_total{null="false",reason="think_missing",reward="tool_n1/hardened@1"} 12.0',
        "goodcall_batch_completions_count 6.0",
        "goodcall_batch_completions_sum 18.0",
        'goodcall_batch_completions_bucket{le="4.0"} 6.0',
        'goodcall_batch_completions_bucket{le="1.0"} 0.0',
    ):
        assert line in said[0]


def test_a_dead_worker_is_replaced_its_counts_stay_and_its_requests_in_flight_are_forgotten():
    with serving("--workers", "2") as (process, url), connections(url, 4) as opened:
        assert [scores(connection) for connection in opened] == [SCORES] * 4
        counted = counts(ask(url, "/metrics").text)
        for connection in opened:
            connection.begin_score(**RIGHT_AND_WRONG)
        until(lambda: "goodcall_requests_in_flight 5.0" in ask(url, "/metrics").text)
        before = worker_pids(process)
        kill(before[0])
        assert "was ended by signal 9 (Killed); another takes its place" in process.stderr.readline()
        metrics = ask(url, "/metrics").text
        assert "goodcall_requests_in_flight 3.0" in metrics
        assert counts(metrics) == counted
        kill(before[1])
        assert "another takes its place" in process.stderr.readline()
        # From here on, replacements alone can have answered, and they go on counting where the dead stopped.
        with connections(url, 4) as later:
            assert [scores(connection) for connection in later] == [SCORES] * 4
        assert "goodcall_batch_completions_sum 24.0" in counts(ask(url, "/metrics").text)


def test_a_worker_whose_replacement_fails_is_tried_again_while_the_others_serve(tmp_path):
    broken = tmp_path / "broken"
    environment = {"PYTHONPATH": str(interpreter_that_fails_if(broken, tmp_path))}
    with serving("--workers", "2", **environment) as (process, url):
        broken.touch()
        before = worker_pids(process)
        kill(before[0])
        until(lambda: "ended with exit status 1; another" in process.stderr.readline())
        assert ask(url, "/readyz").status_code == 200
        broken.unlink()
        kill(before[1])
        until(lambda: "signal 9" in process.stderr.readline())
        assert ask(url, "/readyz").status_code == 200


def test_workers_that_cannot_start_end_serve_with_exit_code_3_and_say_why(tmp_path):
    broken = tmp_path / "broken"
    broken.touch()
    environment = {"PYTHONPATH": str(interpreter_that_fails_if(broken, tmp_path))}
    result = goodcall_process("serve", "--port", "0", "--workers", "2", environment=environment)
    assert result.returncode == 3
    assert result.stdout == b""
    assert b"no such luck" in result.stderr
    assert b"ended with exit status 1; what it said" in result.stderr


def interpreter_that_fails_if(broken, folder):
    """A folder for PYTHONPATH: with it, a worker's interpreter fails at its start while that file exists."""
    (folder / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"if 'goodcall.web.worker' in sys.orig_argv and os.path.exists({str(broken)!r}):\n"
        "    print('no such luck', file=sys.stderr)\n"
        "    os._exit(1)\n",
        encoding="utf-8",
    )
    return folder


def test_a_machine_without_room_for_workers_ends_serve_with_exit_code_3():
    command = f"ulimit -n 10; exec {sys.executable} -m goodcall serve --port 0 --workers 2"
    result = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=TIMEOUT_S, check=False)
    assert (result.returncode, result.stdout) == (3, b"")
    assert b"worker 0 can't be started: [Errno 24] Too many open files" in result.stderr


def test_workers_end_with_a_parent_that_is_killed():
    with serving("--workers", "2") as (process, url), connections(url, 2) as opened:
        for connection in opened:
            connection.begin_score(**RIGHT_AND_WRONG)
        until(lambda: "goodcall_requests_in_flight 3.0" in ask(url, "/metrics").text)
        process.kill()
        # Every worker holds the other end of this pipe.
        assert process.stdout.read() == ""


def test_a_signal_before_the_workers_are_up_ends_serve_with_exit_code_0():
    command = [sys.executable, "-m", "goodcall", "serve", "--port", "0", "--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=plain_environment()) as process:
        until(lambda: worker_pids(process))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (0, b"")


def test_nothing_is_left_behind(tmp_path):
    with serving("--workers", "2", TMPDIR=str(tmp_path)) as (process, url):
        assert ask(url, "/livez").status_code == 200
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT_S)
    assert list(tmp_path.iterdir()) == []


def test_a_signal_to_a_worker_alone_changes_nothing():
    with serving("--workers", "2") as (process, url), connections(url, 2) as opened:
        for pid in worker_pids(process):
            os.kill(pid, signal.SIGTERM)
        assert [scores(connection) for connection in opened] == [SCORES] * 2


def test_no_workers_are_refused():
    result = goodcall_process("serve", "--workers", "0")
    assert result.returncode == 2
    assert b"setting workers: Input should be greater than or equal to 1" in result.stderr

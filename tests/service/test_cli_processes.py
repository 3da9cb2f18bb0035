"""The command as people start it: what it imports, how it looks on a terminal, and how it is interrupted."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios

import pytest

from command_line import TIMEOUT_S, call, completion, goodcall, goodcall_process, item, plain_environment, write_lines
from goodcall.cli.app import COMMANDS

RIGHT = completion(call())

HEAVY = ("fastapi", "starlette", "uvicorn", "httpx", "pyarrow", "prometheus_client")
IMPORTED = """
import sys
from goodcall.cli import main
sys.argv = ["goodcall", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(*[module for module in {heavy!r} if module in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["score", "explain", "diff", "audit", "--help", "--version"])
def test_a_command_imports_no_web_framework_and_nothing_heavy(tmp_path, command):
    path = write_lines(tmp_path / "f.jsonl", [item(RIGHT)])
    arguments = {"diff": ["tool_n1/released", "tool_n1/hardened", path], "--help": [], "--version": []}
    result = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(heavy=HEAVY), command, *arguments.get(command, [path])],
        capture_output=True,
        check=True,
        timeout=TIMEOUT_S,
    )
    assert result.stderr.splitlines()[-1] == b""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_table_explains_itself(command):
    assert COMMANDS[command] in " ".join(goodcall("--help").stdout.replace("│", " ").split())
    result = goodcall(command, "--help")
    assert result.exit_code == 0
    assert "Usage: goodcall " + command in result.stdout


def on_terminal(*arguments, columns=80):
    """What a command shows on a terminal: both of its streams, as they come."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "goodcall", *map(str, arguments)]
    environment = plain_environment() | {"TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    shown = b""
    while chunk := read(parent):
        shown += chunk
    os.close(parent)
    return process.wait(TIMEOUT_S), shown.decode()


def read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:
        # Nobody is left to write to it.
        return b""


def test_on_a_terminal_the_summary_is_shown_and_verdicts_are_not(tmp_path):
    exit_code, shown = on_terminal("score", write_lines(tmp_path / "f.jsonl", [item(RIGHT, id="row-1")]))
    assert exit_code == 0
    assert "\x1b[" in shown
    assert "mean score" in shown
    assert "verdicts" in shown
    assert "row-1" not in shown


def test_a_bar_shows_how_far_the_work_is_on_a_terminal_only(tmp_path):
    path = write_lines(tmp_path / "f.jsonl", [item(RIGHT)] * 200)
    _, shown = on_terminal("score", path, "-o", tmp_path / "out.jsonl", columns=120)
    assert "completions" in shown
    assert "━" in shown
    assert "━" not in goodcall_process("score", path, "-o", tmp_path / "out.jsonl").stderr.decode()


def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path):
    path = write_lines(tmp_path / "f.jsonl", [item(RIGHT)] * 5000)
    command = [sys.executable, "-m", "goodcall", "score", str(path), "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(TIMEOUT_S) == 1
    assert errors == b""


def begin(process):
    """Waits until a process has judged some items of an input that does not end."""
    process.stdin.write((json.dumps(item(RIGHT)).encode() + b"\n") * 1000)
    process.stdin.flush()
    assert process.stdout.readline().startswith(b'{"id":null')


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_ends_all_processes_with_130_and_no_traceback(workers):
    command = [sys.executable, "-m", "goodcall", "score", "-", "--workers", workers]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    begin(process)
    # As from a terminal, every process of the group hears of it.
    os.killpg(process.pid, signal.SIGINT)
    # Every process holds the other ends of these pipes, so they end when the last process does.
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert errors == b""


def test_workers_end_with_a_parent_that_is_killed():
    command = [sys.executable, "-m", "goodcall", "score", "-", "--workers", "2"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    begin(process)
    process.kill()
    process.wait(TIMEOUT_S)
    # As above, this ends when the last worker does.
    process.stdout.read()
    process.stdout.close()
    process.stdin.close()

"""A reward service of one's own for the length of a run: `goodcall serve` as a child process.

It is the service's command, never an import: the trainer knows the service by its wire alone. The child is in a process
group of its own, so Ctrl-C reaches the trainer first, which then stops the service in good order.
"""

import ctypes
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ANNOUNCEMENT = re.compile(rb"listening on (http://\S+)")
_PR_SET_PDEATHSIG = 1


class ServiceNotStarted(Exception):
    """The service is not installed, ended at once, or said nothing in time."""


def service_command() -> list[str]:
    """`goodcall serve` on a free port, by the console script beside this interpreter.

    Raises:
        ServiceNotStarted: There is no such script.
    """
    script = Path(sys.executable).with_name("goodcall")
    if not script.exists():
        raise ServiceNotStarted(
            f"no reward service: {script} does not exist. Install it with `pip install ./service`, "
            "or pass --url of a running one."
        )
    return [str(script), "serve", "--port", "0"]


@contextmanager
def service_process(
    command: list[str], log: Path, *, start_deadline_s: float = 30.0, stop_deadline_s: float = 5.0
) -> Iterator[str]:
    """The URL of a service that runs as long as the block; its log lines go to the file `log`.

    However the block ends, the service is gone after it: by SIGTERM, and by SIGKILL after `stop_deadline_s`. On Linux
    it ends too when this process is killed outright.

    Raises:
        ServiceNotStarted: It did not announce its URL within `start_deadline_s`; the message ends with its log.
    """
    with log.open("wb") as log_file:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log_file,
            process_group=0,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - before any threads
        )
        try:
            yield _announced_url(process, log, start_deadline_s)
        finally:
            _stop(process, stop_deadline_s)


def _end_with_parent() -> None:
    """Runs in the child before it becomes the service: Linux shall send it SIGTERM when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _announced_url(process: subprocess.Popen[bytes], log: Path, deadline_s: float) -> str:
    """Reads standard output up to the line with the URL."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe, for mypy
    ends_at = time.monotonic() + deadline_s
    while (left_s := ends_at - time.monotonic()) > 0:
        readable, _, _ = select.select([process.stdout], [], [], left_s)
        line = process.stdout.readline() if readable else b""
        if match := _ANNOUNCEMENT.search(line):
            return match[1].decode()
        if readable and not line:
            process.wait()
            raise ServiceNotStarted(f"`{_shown(process)}` ended with status {process.returncode}.{_tail(log)}")
    raise ServiceNotStarted(f"`{_shown(process)}` was not listening after {deadline_s:g} s.{_tail(log)}")


def _stop(process: subprocess.Popen[bytes], deadline_s: float) -> None:
    process.terminate()
    try:
        process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.stdout is not None:
            process.stdout.close()


def _shown(process: subprocess.Popen[bytes]) -> str:
    return " ".join(map(str, process.args)) if isinstance(process.args, list) else str(process.args)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-5:]
    return "".join(f"\n  {line}" for line in lines) or f" It logged nothing to {log}."

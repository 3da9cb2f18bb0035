"""Servers in processes of their own, and what they take: CPU time and memory, children included. Linux only."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

GOODCALL = ("goodcall", "serve", "--port", "0")
NAIVE = ("benchmarks.naive_server",)
LIMIT = ("benchmarks.limit_server",)

STOPPING_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds since the server started, of all its threads and of the processes that it started."""
        return sum(map(_cpu_s, family(self.pid)))

    def memory_bytes(self) -> int:
        """What it holds in memory now."""
        return sum(_status_bytes(pid, "VmRSS") for pid in family(self.pid))

    def peak_bytes(self) -> int:
        """The most that it held in memory since it started or since ``forget_peak``."""
        return sum(_status_bytes(pid, "VmHWM") for pid in family(self.pid))

    def forget_peak(self) -> None:
        """Lets ``peak_bytes`` start anew at what is held now."""
        for pid in family(self.pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


@contextmanager
def serving(module: Sequence[str], settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for as long as the block lasts.

    Args:
        module: a Python module with its arguments; it prints where it listens, as ``goodcall serve`` does.
        settings: environment variables; those that are set outside reach no server.

    Raises:
        RuntimeError: it ended before it listened.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GOODCALL_")}
    # The servers that it is compared with log nothing either.
    environment["GOODCALL_LOG_LEVEL"] = "warning"
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", *module],
        stdout=subprocess.PIPE,
        text=True,
        env=environment | dict(settings or {}),
    )
    try:
        yield Server(_announced_url(process, module), process.pid)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOPPING_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _announced_url(process: "subprocess.Popen[str]", module: Sequence[str]) -> str:
    for line in process.stdout or ():
        if "http://" in line:
            return "http://" + line.partition("http://")[2].strip()
    raise RuntimeError(f"python -m {' '.join(module)} ended before it listened; its own words are above")


def family(pid: int) -> list[int]:
    """A process and all that it started, and all that those did; none of one that has ended meanwhile."""
    try:
        children = [
            int(child)
            for thread in Path(f"/proc/{pid}/task").iterdir()
            for child in (thread / "children").read_text(encoding="ascii").split()
        ]
    except OSError:
        return []
    return [pid, *(member for child in children for member in family(child))]


def _cpu_s(pid: int) -> float:
    """The CPU clock of another process, in nanosecond steps: what ``clock_getcpuclockid`` gives for it on Linux."""
    return time.clock_gettime((~pid << 3) | 2)


def _status_bytes(pid: int, field: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition(f"{field}:")[2].split()[0]) * 1024

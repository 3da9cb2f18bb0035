"""Several processes that form a run without a launcher: nothing but themselves can end them.

They are forked from a server that has torch and TRL loaded already, so that a test with two of them takes a second and
not ten.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["goodcall_trainer.launch.peers", "goodcall_trainer.training.grpo", "guarded_run"])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    exit_code: int
    """That of the process; a signal's number below 0."""
    output: str
    """What it wrote to standard output and standard error."""
    seconds: float
    """Wall time of the whole run."""


def run_forked(program: str, folder: Path, *, processes: int = 2, timeout_s: float = 60) -> list[Ended]:
    """Runs `program` in so many processes at once, with the variables of torchrun if they are several; by rank, how
    each ended.

    Those that have not ended after `timeout_s` are killed.
    """
    started = time.monotonic()
    outputs = [folder / f"rank-{rank}" for rank in range(processes)]
    variables = _variables(processes) if processes > 1 else [{}]
    ranks = [
        _context.Process(target=_run, args=(program, told, str(output)))
        for told, output in zip(variables, outputs, strict=True)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(max(0.0, started + timeout_s - time.monotonic()))
        if process.exitcode is None:
            process.kill()
            process.join()
    seconds = time.monotonic() - started
    return [
        Ended(process.exitcode, output.read_text(), seconds) for process, output in zip(ranks, outputs, strict=True)
    ]


def _variables(processes: int) -> list[dict[str, object]]:
    shared = {"WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": _free_port()}
    shared |= {"GLOO_SOCKET_IFNAME": "lo", "LOCAL_WORLD_SIZE": processes, "OMP_NUM_THREADS": 1}
    return [{**shared, "RANK": rank, "LOCAL_RANK": rank} for rank in range(processes)]


def _run(program: str, variables: dict[str, object], output: str) -> None:
    with Path(output).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update({name: str(value) for name, value in variables.items()})
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        torch.set_num_threads(1)
        exec(compile(program, "program", "exec"), {})  # noqa: S102 - our own
    finally:
        sys.stdout.flush()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]

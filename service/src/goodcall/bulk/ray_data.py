"""Parts scored on Ray Data, by all machines of a cluster: a part a task.

Every machine must see the same files at the same paths or URIs, and have this package installed.

Ray repeats a task whose worker or machine is lost, as often as it takes. A part is written whole or not at all, and a
repeated task finds what an earlier attempt has finished, so repeating changes nothing: that is why parts are tasks here
and neither ``read_parquet`` nor ``write_parquet`` is, whose blocks have no names that outlive a run.
"""

import logging
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import msgspec
import ray
from ray.data import DataContext, TaskPoolStrategy
from ray.exceptions import RayError

from goodcall.bulk.failures import UnusableRows
from goodcall.bulk.parts import Part
from goodcall.bulk.score_part import ScoredPart, Work, score_part

_KNOCK_TIMEOUT_S = 10


class ClusterFailed(Exception):
    """The cluster can't be reached, or can't do the work; the message says what it says."""


@contextmanager
def connected(address: str | None = None) -> Iterator[None]:
    """A connection to a cluster for the length of the block.

    Args:
        address: of a cluster. None: the one of ``RAY_ADDRESS``, or the one that was started on this machine, or a
            new one of this machine alone that ends with the block.

    Raises:
        ClusterFailed: there is none at that address.
    """
    # Ray reports its use to its makers unless told not to. This counts only where the block starts the cluster.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterFailed(f"there is no Ray cluster at {address or 'hand'}: {_first_line(error)}") from None
    # Ray tells of lost workers on standard output, up to the very end, and that is for the results of a command.
    with redirect_stdout(sys.stderr):
        try:
            yield
        finally:
            ray.shutdown()


def score_parts(parts: Sequence[Part], work: Work, *, workers: int | None = None) -> Iterator[ScoredPart]:
    """What becomes of each part, in the order in which they are done.

    Args:
        parts: of ``plan_parts``.
        work: what is done with them; ``begin_run`` has made its folder.
        workers: parts that are scored at once; None: one a CPU of the cluster.

    Raises:
        UnusableRows: of a part. Others may be done; what is written stays.
        ClusterFailed: a task failed for another reason than a lost worker.
    """
    if not parts:
        return
    _be_quiet()
    encoded = [{"part": msgspec.json.encode(part)} for part in parts]
    scored = ray.data.from_items(encoded, override_num_blocks=len(parts)).map(
        _score, fn_kwargs={"work": msgspec.json.encode(work)}, num_cpus=1, compute=TaskPoolStrategy(size=workers)
    )
    try:
        for row in scored.iter_rows():
            if row["unusable"]:
                raise UnusableRows(row["unusable"])
            if row["unwritten"]:
                raise ClusterFailed(row["unwritten"])
            yield msgspec.json.decode(row["scored"], type=ScoredPart)
    except RayError as error:
        raise ClusterFailed(_cause(error)) from None


def _score(row: dict[str, Any], work: bytes) -> dict[str, Any]:
    """Runs on whichever machine. What goes wrong is an answer: an exception would reach people in Ray's wrapping."""
    answer = {"scored": b"", "unusable": "", "unwritten": ""}
    part = msgspec.json.decode(row["part"], type=Part)
    try:
        scored = score_part(part, msgspec.json.decode(work, type=Work))
    except UnusableRows as error:
        return {**answer, "unusable": str(error)}
    except OSError as error:
        return {**answer, "unwritten": f"the verdicts on {part.source} can't be written: {error}"}
    return {**answer, "scored": msgspec.json.encode(scored)}


def _be_quiet() -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _cause(error: BaseException) -> str:
    """What a task failed of, below what Ray wraps it into."""
    while inner := getattr(error, "cause", None) or error.__cause__:
        error = inner
    return f"{type(error).__name__}: {_first_line(error)}"


def _knock(address: str | None) -> None:
    """Raises OSError when nobody listens at a host and port; Ray itself would go on trying for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.rpartition("/")[2].strip("[]"), int(port)), timeout=_KNOCK_TIMEOUT_S).close()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]

"""Work on rows a chunk at a time, in this process or in several, in order and in bounded memory."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from typing import TypeVar

from goodcall.bulk.rows import Row
from goodcall.cli.failures import EnvironmentFailed

CHUNK_ROWS = 64
CHUNK_BYTES = 1 << 19
"""A chunk ends with the row that reaches one of these: some milliseconds of work, worth sending to a process."""
CHUNKS_AHEAD = 4
"""Chunks in flight for each process; more would only fill memory."""
SMALL = 16
"""With so few chunks, starting processes takes longer than the work."""

Result = TypeVar("Result")
Work = Callable[[list[Row]], Result]


def chunked(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows in chunks, which depend on the rows alone."""
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row.text)
        if len(chunk) == CHUNK_ROWS or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def map_chunks(work: Work[Result], rows: Iterable[Row], workers: int | None) -> Generator[Result, None, None]:
    """What the work makes of each chunk of rows, in their order.

    Args:
        work: a function that can be pickled.
        rows: as they are read; only so many are held as are being worked on.
        workers: processes; 1 is this one. None: one a CPU, and this one when there are few rows.

    Raises:
        EnvironmentFailed: a process was killed.
    """
    chunks = chunked(rows)
    if workers is None:
        first = list(islice(chunks, SMALL))
        workers = 1 if len(first) < SMALL else _cpus()
        chunks = chain(first, chunks)
    yield from map(work, chunks) if workers == 1 else _map_in_processes(work, chunks, workers)


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _map_in_processes(work: Work[Result], chunks: Iterator[list[Row]], workers: int) -> Iterator[Result]:
    # Spawned, because a forked copy of a process with threads can lock up, and a progress bar is a thread.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    pending: deque[Future[Result]] = deque()
    try:
        for chunk in chunks:
            pending.append(_submit(pool, work, chunk))
            if len(pending) >= CHUNKS_AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool:
        raise EnvironmentFailed(
            "a worker process was ended from outside, perhaps for want of memory; try fewer --workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, work: Work[Result], chunk: list[Row]) -> Future[Result]:
    """Hands a chunk over. The pool starts its processes here, and they must not hear an interrupt before ``_begin``."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(work, chunk)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Makes a worker process end when its parent does and not before: an interrupt is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""Work on rows a chunk at a time, in this process or in several, in order and in bounded memory."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from typing import TypeVar

from goodcall.bulk.rows import Row
from goodcall.cli.failures import EnvironmentFailed
from goodcall.cli.rows import RowFile
from goodcall.cli.spans import Span

CHUNK_ROWS = 64
CHUNK_BYTES = 1 << 19
"""A chunk ends with the row that reaches one of these: some milliseconds of work, worth sending to a process."""
CHUNKS_AHEAD = 4
"""Chunks or spans in flight for each process; more would only fill memory."""
SMALL = 16
"""With so few chunks, starting processes takes longer than the work."""

Result = TypeVar("Result")
Given = TypeVar("Given")
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


def map_chunks(work: Work[Result], file: RowFile, workers: int | None) -> Generator[Result, None, None]:
    """What the work makes of each chunk of a file's rows, in their order.

    Args:
        work: a function that can be pickled.
        file: of which only so much is held as is being worked on.
        workers: processes; 1 is this one. None: one a CPU, and this one when there are few rows.

    Raises:
        CommandFailed: a process could not read what it was to.
        EnvironmentFailed: a process was killed.
    """
    chunks = chunked(file.rows)
    if workers is None:
        first = list(islice(chunks, SMALL))
        workers = 1 if len(first) < SMALL else _cpus()
        chunks = chain(first, chunks)
    if workers == 1:
        yield from map(work, chunks)
    elif file.spans is None:
        yield from _map_in_processes(work, chunks, workers)
    else:
        for results in _map_in_processes(partial(_on_span, work), file.spans(), workers):
            yield from results


def _on_span(work: Work[Result], span: Span) -> list[Result]:
    """Runs in a worker process, which reads what it works on."""
    return list(map(work, chunked(span.rows())))


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _map_in_processes(work: Callable[[Given], Result], pieces: Iterator[Given], workers: int) -> Iterator[Result]:
    # Spawned, because a forked copy of a process with threads can lock up, and a progress bar is a thread.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    pending: deque[Future[Result]] = deque()
    try:
        for piece in pieces:
            pending.append(_submit(pool, work, piece))
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


def _submit(pool: ProcessPoolExecutor, work: Callable[[Given], Result], piece: Given) -> Future[Result]:
    """Hands a piece over. The pool starts its processes here, and they must not hear an interrupt before ``_begin``."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(work, piece)
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

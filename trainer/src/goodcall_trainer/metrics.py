"""The run's log for machines: one JSON object a line, written as it happens, so that a stopped run leaves its part."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol


class LogMetrics(Protocol):
    """Writes one line."""

    def __call__(self, phase: str, step: int, **values: Any) -> None: ...


@contextmanager
def metrics_file(path: Path) -> Iterator[LogMetrics]:
    """Replaces the file at `path`, and yields what appends a line to it: phase, step and any JSON values."""
    with path.open("w", encoding="utf-8", buffering=1) as lines:

        def log(phase: str, step: int, **values: Any) -> None:
            lines.write(json.dumps({"phase": phase, "step": step, **values}) + "\n")

        yield log

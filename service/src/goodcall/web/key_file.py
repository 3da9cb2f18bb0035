"""The keys in force, read anew when their file changes.

The file is looked at when a key is asked for, at most once a second, by opening it: what its path leads to may be
swapped at any time, as Kubernetes does with a Secret. Each worker looks for itself. A file that can't be used any more
changes nothing but the log and a metric.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from goodcall.web.keys import InvalidKeys, KeyRing, parse_keys

SECONDS_BETWEEN_LOOKS = 1.0

_log = logging.getLogger(__name__)
_Version: TypeAlias = tuple[int, int, int, int]


class KeyFile:
    """A file of keys, and what it held when it could last be used.

    Args:
        path: a file as ``goodcall.web.keys`` describes it.
        report: called after each look with whether older keys are in force, because those there now can't be used.
        clock: seconds that only grow.

    Raises:
        InvalidKeys: the file holds something else.
        OSError: it can't be read.
    """

    def __init__(
        self, path: Path, *, report: Callable[[bool], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._report = report
        self._clock = clock
        self._version: _Version | None = None
        self._fault = ""
        self._ring = KeyRing((), {})
        self._looked_at = clock()
        self._read()

    def ring(self) -> KeyRing:
        """The keys in force now."""
        now = self._clock()
        if now - self._looked_at >= SECONDS_BETWEEN_LOOKS:
            self._looked_at = now
            self._look()
        return self._ring

    def _look(self) -> None:
        try:
            self._read()
        except (OSError, InvalidKeys) as error:
            fault = error.strerror or "" if isinstance(error, OSError) else str(error)
            if fault != self._fault:
                _log.warning("%s can't be used, so the keys of before stay in force: %s", self._path, fault)
            self._fault = fault
        else:
            self._fault = ""
        self._report(bool(self._fault))

    def _read(self) -> None:
        """Reads the file if it is another one, or changed, since it could last be used."""
        with self._path.open("rb") as file:
            # Taken before the text: what is written meanwhile makes another version.
            status = os.fstat(file.fileno())
            version = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
            if version == self._version:
                return
            try:
                self._ring = parse_keys(file.read().decode())
            except UnicodeDecodeError:
                raise InvalidKeys("it is not UTF-8 text") from None
        self._version = version

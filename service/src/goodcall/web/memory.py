"""How the process keeps memory between requests.

A batch of 1,024 completions takes some megabytes for the blink of an eye. Left alone, glibc gives them back to the
system after each request and gets them anew, page by page, for the next: a twentieth of what a completion costs.
"""

import ctypes
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Names and numbers of malloc.h."""

LARGEST_KEPT_BYTES: Final = 32 << 20
"""Larger blocks go back to the system at once. glibc itself ends here, once it has seen such a block freed."""
MOST_KEPT_BYTES: Final = 64 << 20
"""Free memory at the end of the heap that is not given back."""


def keep_memory_at_hand() -> None:
    """From now on, what requests free is there for the next ones. Without glibc nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, MOST_KEPT_BYTES)

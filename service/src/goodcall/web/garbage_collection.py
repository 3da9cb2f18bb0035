"""How long Python's garbage collector may stop the event loop.

A full collection looks at every container there is, and a service's cache holds some hundred thousand of them: with
8,192 tasks remembered it takes about 0.2 s, in which no probe is answered. Tasks hold no cycles and go when they are
evicted, so looking at them again and again finds nothing.
"""

import gc
from typing import Any

NEW_CONTAINERS = 50_000
"""Containers that may be made before the young ones are looked at: about those of a large batch. At Python's own 700 a
seventh of the scoring time went into looking at what is thrown away a moment later."""


def keep_collections_short() -> None:
    """From now on, what was looked at twice is never looked at again, for as long as the process lives.

    So a collection sees some hundred thousand containers at most, however many the cache holds. Reference counts still
    free what was left out. Only a cycle that is in use when it is left out and thrown away afterwards stays in memory;
    a service under load leaves none.
    """
    gc.set_threshold(NEW_CONTAINERS, 1)
    gc.collect()
    gc.freeze()
    gc.callbacks.append(_freeze_survivors)


def _freeze_survivors(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop" and info["generation"] > 0:
        gc.freeze()

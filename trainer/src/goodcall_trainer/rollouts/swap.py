"""One attribute of a module replaced for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def swapped(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    """`module.name` is `value` inside the block, and what it was after it, however the block ends."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)

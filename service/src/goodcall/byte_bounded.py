"""What was dear to make, remembered within a bound in bytes; the least recently used is forgotten first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class CacheUse(NamedTuple):
    """What a cache holds, and what it was good for since it was made."""

    entries: int = 0
    used_bytes: int = 0
    hits: int = 0
    misses: int = 0
    evictions: int = 0

    def __add__(self, other: "CacheUse") -> "CacheUse":  # type: ignore[override]
        """Of two caches together."""
        return CacheUse(*map(sum, zip(self, other, strict=True)))

    @property
    def forgotten(self) -> "CacheUse":
        """Of the same cache once it holds nothing."""
        return self._replace(entries=0, used_bytes=0)


class ByteBoundedCache(Generic[Key, Value]):
    """Values by key, as many as fit. Not thread-safe.

    Args:
        max_bytes: what all values together may be reckoned at; with 0 nothing is kept.
    """

    __slots__ = ("_entries", "_max_bytes", "evictions", "hits", "misses", "used_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Key, tuple[Value, int, Key]] = OrderedDict()
        self.used_bytes = 0
        self.hits = self.misses = self.evictions = 0

    @property
    def use(self) -> CacheUse:
        """What it holds, and what it was good for so far."""
        return CacheUse(len(self), self.used_bytes, self.hits, self.misses, self.evictions)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """The value of a key, now the most recently used; None when it is not there."""
        entry = self._entries.get(key)
        if entry is None:
            self.misses += 1
            return None
        self.hits += 1
        value, _, same_key = entry
        # Found by what it is: keys may be kilobytes that would be compared once more.
        self._entries.move_to_end(same_key)
        return value

    def put(self, key: Key, value: Value, weight_bytes: int) -> None:
        """Keeps the value of a key that is not there yet, reckoned at so many bytes."""
        self._entries[key] = (value, weight_bytes, key)
        self.used_bytes += weight_bytes
        while self.used_bytes > self._max_bytes:
            _, (_, forgotten_bytes, _) = self._entries.popitem(last=False)
            self.used_bytes -= forgotten_bytes
            self.evictions += 1

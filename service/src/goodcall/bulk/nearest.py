"""What to say about a name that nobody knows."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """What to do about a name that is not known: the nearest known one, or other advice when none is near."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {matches[0]}?" if matches else otherwise

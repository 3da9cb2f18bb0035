"""Chance that depends on a seed and a name alone: not on what came before, nor on how much there is.

So a row is held out, masked or added to whatever else is prepared along with it, and in whatever order.
"""

import random
from hashlib import blake2b


def share_of(seed: int, purpose: str, name: str) -> float:
    """A number in [0, 1), uniform over names; the same for the same three arguments everywhere."""
    return int.from_bytes(_digest(seed, purpose, name)) / 2**64


def rng_of(seed: int, purpose: str, name: str) -> random.Random:
    """A source of random numbers of its own for a name."""
    return random.Random(int.from_bytes(_digest(seed, purpose, name)))


def _digest(seed: int, purpose: str, name: str) -> bytes:
    return blake2b(f"{seed}\0{purpose}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()

"""Ids that need to differ, not to be secret."""

import random

# A generator of one's own is seeded by the operating system in each process.
_random_bits = random.Random().getrandbits


def random_id(bits: int) -> str:
    """An id of so many bits, in hexadecimal digits of lower case; never all zeros."""
    return f"{_random_bits(bits) or 1:0{bits // 4}x}"

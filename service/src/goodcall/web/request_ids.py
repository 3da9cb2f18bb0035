"""Every request gets an id: the caller's when it is safe to repeat, else a fresh one."""

import random
import re

HEADER = "x-request-id"
MAX_LENGTH = 128
_SAFE = re.compile(rb"[A-Za-z0-9._-]{1,%d}" % MAX_LENGTH)
_random_bits = random.Random().getrandbits


def request_id(given: bytes) -> str:
    """The id of a request, given the value of its header; empty where there is none."""
    if _SAFE.fullmatch(given):
        return given.decode("ascii")
    return f"{_random_bits(128):032x}"

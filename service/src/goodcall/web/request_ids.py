"""Every request gets an id: the caller's when it is safe to repeat, else a fresh one."""

import re

from goodcall.web.random_ids import random_id

HEADER = "x-request-id"
MAX_LENGTH = 128
_SAFE = re.compile(rb"[A-Za-z0-9._-]{1,%d}" % MAX_LENGTH)


def request_id(given: bytes) -> str:
    """The id of a request, given the value of its header; empty where there is none."""
    if _SAFE.fullmatch(given):
        return given.decode("ascii")
    return random_id(128)

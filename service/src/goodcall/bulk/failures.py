"""What ends bulk work, beside the verifier's own errors."""

from goodcall.errors import GoodcallError


class UnusableRows(GoodcallError):
    """What was given to be scored can't be: the message says where, and what to do."""


class UnusableFolder(GoodcallError):
    """Verdicts can't go where they were told to: the message says what is there, and what to do."""

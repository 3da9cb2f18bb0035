"""Everything the verifier raises.

    GoodcallError
    ├── UnknownReward           the caller named a reward that is not in the catalogue
    ├── MissingNeed             the caller left out something that the reward needs
    ├── UnsupportedCompletion   the caller sent a parsed message to a reward that judges text
    ├── MalformedInput          the caller sent something else than what was asked for
    │   ├── InvalidJSON         it is not JSON at all
    │   ├── InvalidShape        a field is missing, or of another type
    │   └── UnknownField        a field is not known
    └── UnusableTask            the dataset row has no verdict; scoring turns it into a null score

A bad completion is never an exception: it is a verdict with a low score and a reason.
"""

from collections.abc import Callable

from goodcall.reasons import Reason
from goodcall.types import Finding, Place


class GoodcallError(Exception):
    """The base of every exception that this package raises on purpose."""


class UnknownReward(GoodcallError):
    """The catalogue holds no reward of that name or version."""

    def __init__(self, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown reward; the catalogue holds {', '.join(known)}")
        self.known = known


class MissingNeed(GoodcallError):
    """The reward needs something that was not given, such as a ground truth or the training step."""

    def __init__(self, reward_id: str, need: str) -> None:
        super().__init__(f"{reward_id} needs {need}, which is missing")
        self.reward_id = reward_id
        self.need = need


class UnsupportedCompletion(GoodcallError):
    """The reward judges completions as text and was given a parsed message."""

    def __init__(self, reward_id: str) -> None:
        super().__init__(f"{reward_id} judges text: send the completion as a string, not as a message")
        self.reward_id = reward_id


class MalformedInput(GoodcallError):
    """What was sent is not of the form that was asked for. The message never repeats what was sent.

    ``pointer`` is a JSON Pointer (RFC 6901) to the place; None where there is none to point at.
    """

    def __init__(self, message: str, pointer: str | None = None) -> None:
        super().__init__(message)
        self.pointer = pointer


class InvalidJSON(MalformedInput):
    """The text is not JSON."""


class InvalidShape(MalformedInput):
    """A field is missing or of another type than it should be."""


class UnknownField(MalformedInput):
    """A field is not known."""


class UnusableTask(GoodcallError):
    """The tools or the ground truth of a task can't be used, so that there is nothing to judge by."""

    def __init__(self, reason: Reason, place: Callable[[], Place] | None = None) -> None:
        super().__init__(reason.hint)
        self.finding = Finding(reason, place)

"""Everything the verifier raises.

    GoodcallError
    ├── UnknownReward           the caller named a reward that is not in the catalogue
    ├── MissingNeed             the caller left out something that the reward needs
    ├── UnsupportedCompletion   the caller sent a parsed message to a reward that judges text
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


class UnusableTask(GoodcallError):
    """The tools or the ground truth of a task can't be used, so that there is nothing to judge by."""

    def __init__(self, reason: Reason, place: Callable[[], Place] | None = None) -> None:
        super().__init__(reason.hint)
        self.finding = Finding(reason, place)

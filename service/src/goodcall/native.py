"""The compiled judge of groups, where it was built: ``_native.c``, at a quarter of the CPU of the Python it stands for.

Nothing needs it. It answers for one reward, where it is sure, and leaves everything else to Python, which says what is
right. This module is its only door.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol, cast

from goodcall.reasons import Reason
from goodcall.types import JSON, Completion, Verdict


class NativeTask(NamedTuple):
    """What the compiled judge knows of a task."""

    known: dict[str, Verdict]
    """Verdicts by call block, blanks around it not included."""
    validators: dict[str, Callable[[JSON], bool] | None] | None
    """By the name of a tool, what tells whether arguments are valid, None where any will do. None instead of the dict:
    there is nothing to check against."""
    names: tuple[str, ...]
    """The names of the expected calls."""
    arguments: tuple[JSON, ...]
    """Their arguments, decoded and valid."""


OUTCOMES = (
    Reason.OK,
    Reason.THINK_MISSING,
    Reason.JSON_INVALID,
    Reason.CALL_WANTED,
    Reason.CALL_NOT_WANTED,
    Reason.TOOL_UNKNOWN,
    Reason.ARGUMENTS_INVALID,
    Reason.CALL_MISSING,
    Reason.CALL_EXTRA,
    Reason.TOOL_WRONG,
    Reason.ARGUMENTS_WRONG,
)
"""What the compiled judge can be sure of, in the order of ``Outcome`` in ``_native.c``."""


class JudgeGroup(Protocol):
    """What ``_native.judge_group`` is."""

    def __call__(
        self, completions: Sequence[Completion], max_bytes: int, task: NativeTask, verdicts: tuple[Verdict, ...], /
    ) -> tuple[list[Verdict], list[int]]:
        """The verdicts of ``tool_n1/hardened@1``, and the indices of those that are in doubt.

        A verdict that is in doubt is None until the caller puts it into its place.

        Args:
            completions: texts with their prefixes; whatever is no plain str is in doubt.
            max_bytes: bytes of UTF-8 that a text may have; one that could have more, going by its length and its
                widest character, is in doubt.
            task: what to judge by.
            verdicts: what to answer, by the order of ``OUTCOMES``.
        """


def doubt_group(completions: Sequence[Completion], *_: Any) -> tuple[list[Verdict], list[int]]:
    """What a ``JudgeGroup`` that is sure of nothing answers."""
    return cast("list[Verdict]", [None] * len(completions)), [*range(len(completions))]


judge_group: JudgeGroup | None = (
    import_module("goodcall._native").judge_group if find_spec("goodcall._native") is not None else None
)
"""None where it was not built."""

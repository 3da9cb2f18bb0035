"""The expected calls of a task: read strictly, and checked against the task's own tools."""

from functools import partial

from goodcall.errors import UnusableTask
from goodcall.parsing import Calls, read_calls
from goodcall.reasons import Reason
from goodcall.schemas import Toolbox
from goodcall.strict_json import JSONFault, loads
from goodcall.types import Finding, Place


def read_ground_truth(text: bytes | None) -> Calls:
    """The calls of a ground truth.

    Raises:
        UnusableTask: it is no strict JSON, or no list of calls.
    """
    try:
        value = loads((text or b"").decode())
    except (JSONFault, UnicodeDecodeError):
        raise malformed_ground_truth("", "strict JSON") from None
    if not isinstance(value, list):
        raise malformed_ground_truth("", "a list of calls")
    calls = read_calls(value)
    if isinstance(calls, Finding):
        raise UnusableTask(Reason.GROUND_TRUTH_MALFORMED, calls.place)
    return calls


def malformed_ground_truth(pointer: str, expected: str) -> UnusableTask:
    """The exception for a ground truth that is not what was expected at the pointer."""
    return UnusableTask(Reason.GROUND_TRUTH_MALFORMED, partial(Place, pointer=pointer, expected=expected))


def check_ground_truth(ground_truth: Calls, toolbox: Toolbox) -> None:
    """Lets a ground truth pass that its own tools admit.

    Raises:
        UnusableTask: it calls a tool that is not offered, or breaks the schema of one.
    """
    fault = toolbox.check_all(ground_truth)
    if fault:
        raise UnusableTask(_DEFECTS[fault.reason], fault.place)


_DEFECTS = {
    Reason.TOOL_UNKNOWN: Reason.GROUND_TRUTH_TOOL_UNKNOWN,
    Reason.ARGUMENTS_INVALID: Reason.GROUND_TRUTH_INVALID,
}

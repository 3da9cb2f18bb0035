"""The scorer to compare with: the reward as a competent engineer writes it in an hour, with the published semantics.

It answers what ``tool_n1/released@1`` answers and raises where that says ``released_raises``. It uses nothing but the
standard library, checks no schema and gives no reason. It is not slow on purpose, and not clever either.
"""

import json
import re
from collections import Counter
from typing import Any

_BLOCK = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def score(completion: str, ground_truth: str) -> float:
    """1.0 when the completion thinks and its last block makes the expected calls, else 0.0.

    Args:
        completion: what the policy wrote.
        ground_truth: JSON text of the expected calls, as dataset rows hold it.

    Raises:
        TypeError, KeyError, ValueError, RecursionError: a payload that is a bare number or a boolean, nested too deep
            or with an integer of more than 4,300 digits; a ground truth that is no list of calls.
    """
    expected = _unwrapped(json.loads(ground_truth))
    completion = completion[max(completion.rfind("<|im_start|>assistant"), 0) :]
    calls = _last_calls(completion)
    if calls is None or "<think>" not in completion or "</think>" not in completion:
        return 0.0
    if not all(isinstance(call, dict) and "name" in call and "arguments" in call for call in calls):
        return 0.0
    if not calls or len(expected) == 0:
        return float(len(calls) == len(expected))
    try:
        return float(_counted(calls) == _counted(expected))
    except TypeError:
        return 0.0


def _last_calls(completion: str) -> Any:
    """What the last block holds, a lone call put into a list; None where there is no block or no JSON in it."""
    blocks = _BLOCK.findall(completion)
    if not blocks:
        return None
    try:
        calls = _unwrapped(json.loads(blocks[-1].strip()))
    except json.JSONDecodeError:
        return None
    return [calls] if isinstance(calls, dict) else calls


def _unwrapped(value: Any) -> Any:
    """The value, or what it holds where it is JSON text itself."""
    return json.loads(value) if isinstance(value, str) else value


def _counted(calls: list[dict[str, Any]]) -> Counter[tuple[Any, str]]:
    return Counter((call["name"], json.dumps(call["arguments"], sort_keys=True)) for call in calls)

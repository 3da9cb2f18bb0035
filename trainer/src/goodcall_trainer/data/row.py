"""The one row type that everything in the trainer takes and gives: a query, its tools, the expected calls.

It knows nothing of prompts, tokens or rewards. Files in other formats become rows before anything else sees
them.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

ToolCall: TypeAlias = dict[str, Any]
"""`{"name": str, "arguments": {...}}`, as the service takes and compares it."""

Tool: TypeAlias = dict[str, Any]
"""A tool in OpenAI form: `{"type": "function", "function": {"name", "description", "parameters"}}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One task: what was asked, which tools were at hand, and which calls are right."""

    id: str
    """Names the row in logs and in the service's answers, `train-17` for example."""
    query: str
    """What the user wrote."""
    tools: tuple[Tool, ...]
    """The tools of this row, in the order in which the prompt lists them."""
    ground_truth: tuple[ToolCall, ...]
    """The expected calls, in any order; empty when no listed tool fits."""

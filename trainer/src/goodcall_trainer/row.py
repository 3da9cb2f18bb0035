"""The one row type that everything in the trainer takes and gives: a conversation, its tools, the expected calls.

It knows nothing of templates, tokens or rewards. Files in other formats become rows before anything else sees
them (`goodcall_trainer.prepare`).
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

ToolCall: TypeAlias = dict[str, Any]
"""`{"name": str, "arguments": {...}}`, as the service takes and compares it."""

Tool: TypeAlias = dict[str, Any]
"""A tool in OpenAI form: `{"type": "function", "function": {"name", "description", "parameters"}}`."""


Message: TypeAlias = dict[str, Any]
"""`{"role": "system"|"user"|"assistant"|"tool", "content": str}`; one that calls tools has `tool_calls` as well, in
OpenAI form but with `arguments` as an object, which is how chat templates take them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One task, which is one step: what was said, which tools were at hand, and which calls are right now."""

    id: str
    """Names the row in logs and in the service's answers, `train-17` for example."""
    source: str
    """Where the row comes from, `xlam` for example."""
    messages: tuple[Message, ...]
    """All that was said before the expected answer. The tools are not in it: listing them is the template's work."""
    tools: tuple[Tool, ...]
    """The tools of this row, in the order in which the prompt lists them."""
    ground_truth: tuple[ToolCall, ...]
    """The expected calls, in any order; empty when none is wanted."""

    @property
    def calls_before(self) -> list[ToolCall]:
        """The calls that earlier turns of the assistant made."""
        return [call["function"] for message in self.messages for call in message.get("tool_calls", ())]

    @property
    def query(self) -> str:
        """What the user wrote last; empty when no user wrote."""
        return next((message["content"] for message in reversed(self.messages) if message["role"] == "user"), "")

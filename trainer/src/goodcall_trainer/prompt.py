"""What the policy sees and how a right answer reads, as text.

ChatML, as Qwen models use it, with the answer's form taken from Tool-N1 (arXiv 2505.00024, section 3): reasoning
in `<think>`, then one `<tool_call>` holding a JSON list. The tools appear as signatures only, since
their full JSON Schemas would be ten times as long as the rest; the service gets the full schemas.
"""

import json
from collections.abc import Sequence

from goodcall_trainer.data.row import Row, Tool, ToolCall

END_OF_TURN = "<|im_end|>"
"""Ends every completion. The service strips it before it judges."""


def render_prompt(row: Row) -> str:
    """The text before the completion: tools, query, and the opening of the assistant's turn."""
    signatures = " ".join(_signature(tool) for tool in row.tools)
    return (
        f"<|im_start|>system\n{signatures}{END_OF_TURN}\n"
        f"<|im_start|>user\n{row.query}{END_OF_TURN}\n"
        "<|im_start|>assistant\n"
    )


def render_completion(reasoning: str, calls: Sequence[ToolCall]) -> str:
    """A completion in the form that the reward asks for, with its end-of-turn token."""
    return f"<think>{reasoning}</think><tool_call>{json.dumps(list(calls))}</tool_call>{END_OF_TURN}"


def _signature(tool: Tool) -> str:
    function = tool["function"]
    return f"{function['name']}({', '.join(function['parameters']['properties'])})"

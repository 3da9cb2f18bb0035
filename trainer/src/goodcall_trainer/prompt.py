"""What the policy sees and how a right answer reads, as text.

ChatML, as Qwen models use it, with the answer's form taken from Tool-N1 (arXiv 2505.00024, section 3): reasoning
in `<think>`, then one `<tool_call>` holding a JSON list. The tools appear as signatures only, since
their full JSON Schemas would be ten times as long as the rest; the service gets the full schemas.
"""

import json
from collections.abc import Sequence

from goodcall_trainer.row import Message, Row, Tool, ToolCall

END_OF_TURN = "<|im_end|>"
"""Ends every completion. The service strips it before it judges."""


def render_prompt(row: Row) -> str:
    """The text before the completion: tools, conversation, and the opening of the assistant's turn."""
    signatures = " ".join(_signature(tool) for tool in row.tools)
    turns = [("system", signatures), *((message["role"], _said(message)) for message in row.messages)]
    told = "".join(f"<|im_start|>{role}\n{text}{END_OF_TURN}\n" for role, text in turns)
    return f"{told}<|im_start|>assistant\n"


def render_completion(reasoning: str, calls: Sequence[ToolCall]) -> str:
    """A completion in the form that the reward asks for, with its end-of-turn token."""
    return f"<think>{reasoning}</think><tool_call>{json.dumps(list(calls))}</tool_call>{END_OF_TURN}"


def _said(message: Message) -> str:
    """What a message says; calls in it read as those of a completion do."""
    calls = [call["function"] for call in message.get("tool_calls", ())]
    block = f"<tool_call>{json.dumps(calls)}</tool_call>" if calls else ""
    return f"{message['content']}{block}"


def _signature(tool: Tool) -> str:
    function = tool["function"]
    return f"{function['name']}({', '.join(function['parameters'].get('properties', {}))})"

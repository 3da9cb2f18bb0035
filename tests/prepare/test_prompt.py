"""The demo's prompt, for rows with more than a question."""

from goodcall_trainer.prompt import render_prompt
from prepare.rows import OSLO, TIME, WEATHER, make_row


def test_a_prompt_tells_the_whole_conversation_and_earlier_calls_as_completions_make_them():
    any_arguments = {
        "type": "function",
        "function": {"name": "any", "description": "", "parameters": {"type": "object"}},
    }
    row = make_row(
        tools=(WEATHER, TIME, any_arguments),
        messages=(
            {"role": "user", "content": "Oslo?"},
            {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": OSLO}]},
            {"role": "tool", "content": "clear"},
            {"role": "user", "content": "Again?"},
        ),
    )
    assert render_prompt(row) == (
        "<|im_start|>system\nget_weather(city, days) get_time(zone) any()<|im_end|>\n"
        "<|im_start|>user\nOslo?<|im_end|>\n"
        "<|im_start|>assistant\n"
        '<tool_call>[{"name": "get_weather", "arguments": {"city": "Oslo"}}]</tool_call><|im_end|>\n'
        "<|im_start|>tool\nclear<|im_end|>\n"
        "<|im_start|>user\nAgain?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert row.query == "Again?"

"""Prompts: Tool-N1's message or the model's own template, and what either puts into the answer's place."""

import json

import pytest

from goodcall_trainer.recipe import RecipeUnusable
from goodcall_trainer.recipe.settings import PromptSettings
from goodcall_trainer.rendering import rendering_of
from goodcall_trainer.row import Row

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
CALL = {"name": "get_weather", "arguments": {"city": "Oslo"}}
ROW = Row(
    id="r",
    source="s",
    messages=(
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": CALL}]},
        {"role": "tool", "content": "rain"},
        {"role": "user", "content": "And <think> tomorrow?"},
    ),
    tools=(TOOL,),
    ground_truth=(CALL,),
)
TURNS = (
    "{%- if tools %}TOOLS {{ tools | map(attribute='function.name') | join(',') }}\n{% endif -%}"
    "{%- for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n"
)


@pytest.fixture
def with_template(tokenizer):
    def set_template(opening=""):
        tokenizer.chat_template = f"{TURNS}{opening}{{% endif %}}"
        return tokenizer

    yield set_template
    tokenizer.chat_template = None


def test_tool_n1s_message_lists_the_tools_and_shows_earlier_calls_as_answers_have_them(with_template):
    rendering = rendering_of(PromptSettings(template="tool_n1"), with_template())
    text = rendering.render(ROW)
    system, *turns = text.split("<|im_start|>")[1:]
    assert f"<tools>\n{json.dumps(TOOL)}\n</tools>" in system
    assert "<think> </think>" in system
    assert turns[1] == f"assistant\n<tool_call>\n{json.dumps([CALL])}\n</tool_call><|im_end|>\n"
    assert turns[-1] == "assistant\n"
    assert rendering.assistant_prefix == ""


def test_without_reasoning_the_message_does_not_ask_for_it(with_template):
    text = rendering_of(PromptSettings(reasoning=False), with_template()).render(ROW)
    assert "<think>" not in text.partition("<|im_end|>")[0]


def test_a_rows_own_system_message_takes_the_preambles_place(with_template):
    row = Row(id="r", source="s", messages=({"role": "system", "content": "OWN"},), tools=(), ground_truth=())
    text = rendering_of(PromptSettings(), with_template()).render(row)
    assert text.startswith("<|im_start|>system\nOWN\n\n# Tool\n")
    assert text.count("<|im_start|>system") == 1


def test_the_models_own_template_gets_the_tools(with_template):
    text = rendering_of(PromptSettings(template="chat"), with_template()).render(ROW)
    assert text.startswith("TOOLS get_weather\n")


@pytest.mark.parametrize("opening", ["<think>\n", "<think>", "<think>\n\n</think>\n\n"])
def test_what_a_template_opens_the_answer_with_is_detected(opening, with_template):
    rendering = rendering_of(PromptSettings(template="chat"), with_template(opening))
    assert rendering.assistant_prefix == opening
    assert rendering.render(ROW).endswith(f"assistant\n{opening}")
    assert not rendering.render(ROW).endswith(2 * opening)


def test_a_named_prefix_is_put_there_unless_it_is_there(with_template):
    named = PromptSettings(template="chat", assistant_prefix="<think>\n")
    for opening in ("", "<think>\n"):
        rendering = rendering_of(named, with_template(opening))
        assert rendering.assistant_prefix == "<think>\n"
        assert rendering.render(ROW).endswith("assistant\n<think>\n")


def test_a_tokenizer_without_a_chat_template_is_refused_where_one_is_needed(tokenizer):
    with pytest.raises(RecipeUnusable, match="needs a chat template"):
        rendering_of(PromptSettings(template="tool_n1"), tokenizer)
    assert rendering_of(PromptSettings(template="signatures"), tokenizer).assistant_prefix == ""

"""From a row to the text that the policy completes: by a recipe's template, with what it puts into the answer's place.

Chat templates of reasoning models may open the answer themselves (`<think>` and a line break). That opening is in the
prompt, so no completion has it, and a reward that reads the completion alone would miss it: `assistant_prefix`
says what the service must put before each completion.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from goodcall_trainer.prompt import render_prompt
from goodcall_trainer.recipe.settings import PromptSettings
from goodcall_trainer.recipe.unusable import RecipeUnusable
from goodcall_trainer.row import Row
from goodcall_trainer.tool_n1_prompt import tool_n1_messages

_OPENING = "<think>"
_PROBE = Row(id="probe", source="", messages=({"role": "user", "content": "?"},), tools=(), ground_truth=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """How rows become prompts."""

    render: Callable[[Row], str]
    """The text before the completion; never with a token that the tokenizer would put before it once more."""
    assistant_prefix: str
    """What each of those texts ends with that belongs to the answer; empty where nothing does."""


def rendering_of(prompt: PromptSettings, tokenizer: PreTrainedTokenizerBase) -> Rendering:
    """The recipe's way of making prompts, for this tokenizer.

    Raises:
        RecipeUnusable: the template needs a chat template, and the tokenizer has none.
    """
    plain = _template(prompt, tokenizer)
    named = prompt.assistant_prefix
    prefix = _opened(plain(_PROBE)) if named is None else named

    def render(row: Row) -> str:
        text = plain(row)
        return text if text.endswith(prefix) else text + prefix

    return Rendering(render=render, assistant_prefix=prefix)


def _template(prompt: PromptSettings, tokenizer: PreTrainedTokenizerBase) -> Callable[[Row], str]:
    if prompt.template == "signatures":
        return render_prompt
    if not tokenizer.chat_template:
        raise RecipeUnusable(
            f"prompt.template {prompt.template} needs a chat template, which this model's tokenizer does not have"
        )
    doubled = _token_put_first(tokenizer)

    def chat(messages: Any, tools: Any) -> str:
        text: str = tokenizer.apply_chat_template(
            messages, tools=tools, add_generation_prompt=True, tokenize=False, **prompt.chat_template_kwargs
        )
        return text.removeprefix(doubled)

    if prompt.template == "tool_n1":
        return lambda row: chat(tool_n1_messages(row, reasoning=prompt.reasoning), None)
    return lambda row: chat(list(row.messages), list(row.tools) or None)


def _token_put_first(tokenizer: PreTrainedTokenizerBase) -> str:
    """What the tokenizer itself puts before every text; a template that writes it, too, would have it twice."""
    first = tokenizer("")["input_ids"][:1]
    return tokenizer.bos_token if first and first[0] == tokenizer.bos_token_id else ""


def _opened(prompt: str) -> str:
    """The opening of an answer at the end of a prompt: from its last `<think>` on, if the last turn has one.

    Templates write it right after the assistant's header, so what follows it is white space, or a closed block.
    """
    at = prompt.rfind(_OPENING)
    tail = prompt[at:]
    opened = at >= 0 and not tail.removeprefix(_OPENING).replace("</think>", "").strip()
    return tail if opened else ""

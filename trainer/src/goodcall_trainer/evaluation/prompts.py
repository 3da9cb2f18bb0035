"""The ways of asking, by the names that the command has for them, and the tokenizer that they need."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from transformers import PreTrainedTokenizerBase

from goodcall_trainer.evaluation.engine import Prompt
from goodcall_trainer.evaluation.failures import CheckpointUnusable
from goodcall_trainer.recipe.settings import PromptSettings
from goodcall_trainer.recipe.unusable import RecipeUnusable
from goodcall_trainer.rendering import Rendering, rendering_of
from goodcall_trainer.run.tokenizer import TokenizerUnusable
from goodcall_trainer.run.tokenizer import load_tokenizer as tokenizer_of

_TEMPLATES: Mapping[Prompt, Literal["tool_n1", "chat", "signatures"]] = MappingProxyType(
    {Prompt.PAPER: "tool_n1", Prompt.CHAT_TEMPLATE: "chat", Prompt.SIGNATURES: "signatures"}
)


def rendering_for(prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> Rendering:
    """How questions become texts for this tokenizer.

    Raises:
        CheckpointUnusable: the tokenizer has no chat template, and this prompt needs one.
    """
    try:
        return rendering_of(PromptSettings(template=_TEMPLATES[prompt]), tokenizer)
    except RecipeUnusable as error:
        raise CheckpointUnusable(str(error)) from None


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder, padding on the left.

    Raises:
        CheckpointUnusable: there is none that can be loaded.
    """
    try:
        tokenizer = tokenizer_of(folder, local_files_only=True)
    except TokenizerUnusable as error:
        raise CheckpointUnusable(str(error)) from None
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer

"""From rows to what TRL's trainers take, with the rows counted that are left out on the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from goodcall_trainer.recipe.settings import PromptSettings
from goodcall_trainer.recipe.unusable import RecipeUnusable
from goodcall_trainer.rendering import Rendering
from goodcall_trainer.reward import reward_columns
from goodcall_trainer.tool_n1_prompt import written_calls
from goodcall_trainer.training.examples import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """A dataset of TRL's."""

    dataset: Dataset
    too_long: int
    """Rows that were left out since their prompt is longer than the recipe's."""


def prompts_of(
    examples: Sequence[Example], rendering: Rendering, tokenizer: PreTrainedTokenizerBase, max_tokens: int | None
) -> Prompts:
    """Rows to make rollouts for, with the columns that the reward needs. TRL itself cuts no prompt and drops none.

    Raises:
        RecipeUnusable: every prompt is too long.
    """
    columns = [reward_columns(example.row, render=rendering.render) for example in examples]
    return _short_enough(columns, tokenizer, max_tokens)


def demonstrations_of(
    examples: Iterable[Example], rendering: Rendering, tokenizer: PreTrainedTokenizerBase, prompt: PromptSettings
) -> Prompts:
    """Prompts with the completions to imitate: each ends with the end of a turn.

    With reasoning, a completion is that of the row's file; without, it is the row's calls and nothing else, so that
    both train on the same rows.

    Raises:
        RecipeUnusable: a row has no completion where it needs one, or every prompt is too long.
    """
    answer = _reasoned if prompt.reasoning else _calls_alone
    columns = [
        {"prompt": rendering.render(example.row), "completion": _ended(answer(example), rendering, tokenizer)}
        for example in examples
    ]
    return _short_enough(columns, tokenizer, prompt.max_tokens)


def _short_enough(columns: list[dict[str, str]], tokenizer: PreTrainedTokenizerBase, max_tokens: int | None) -> Prompts:
    kept = columns if max_tokens is None else [row for row in columns if _tokens(tokenizer, row) <= max_tokens]
    if columns and not kept:
        raise RecipeUnusable(f"all {len(columns)} prompts are longer than prompt.max_tokens, which is {max_tokens}")
    return Prompts(dataset=Dataset.from_list(kept), too_long=len(columns) - len(kept))


def _tokens(tokenizer: PreTrainedTokenizerBase, row: dict[str, str]) -> int:
    return len(tokenizer(row["prompt"])["input_ids"])


def _reasoned(example: Example) -> str:
    if example.completion is None:
        raise RecipeUnusable(
            f"row {example.row.id} has no completion: to imitate reasoning, each row needs one. prompt.reasoning = "
            "false imitates the rows' calls alone"
        )
    return example.completion


def _calls_alone(example: Example) -> str:
    return written_calls(example.row.ground_truth)


def _ended(completion: str, rendering: Rendering, tokenizer: PreTrainedTokenizerBase) -> str:
    """Without what the prompt has of it already, and with the token at which generation stops."""
    opened = rendering.assistant_prefix.strip()
    rest = completion.removeprefix(rendering.assistant_prefix).removeprefix(opened) if opened else completion
    return rest if rest.endswith(tokenizer.eos_token) else rest + tokenizer.eos_token

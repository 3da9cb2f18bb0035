"""From rows to what TRL's trainers take, with the rows counted that are left out on the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from goodcall_trainer.recipe.settings import PromptSettings
from goodcall_trainer.recipe.unusable import RecipeUnusable
from goodcall_trainer.rendering import Rendering
from goodcall_trainer.reward import reward_columns
from goodcall_trainer.tool_n1_prompt import written_calls
from goodcall_trainer.training.examples import Example

_COUNTED_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """A dataset of TRL's."""

    dataset: Dataset
    left_out: Mapping[str, int]
    """How many rows are not in it, by why: words that follow the number."""


def prompts_of(
    examples: Sequence[Example], rendering: Rendering, tokenizer: PreTrainedTokenizerBase, max_tokens: int | None
) -> Prompts:
    """Rows to make rollouts for, with the columns that the reward needs. TRL itself cuts no prompt and drops none.

    Raises:
        RecipeUnusable: every prompt is too long.
    """
    columns = [reward_columns(example.row, render=rendering.render) for example in examples]
    return _short_enough(columns, tokenizer, max_tokens, None)


def demonstrations_of(
    examples: Iterable[Example],
    rendering: Rendering,
    tokenizer: PreTrainedTokenizerBase,
    prompt: PromptSettings,
    max_length: int | None,
) -> Prompts:
    """Prompts with the completions to imitate: each ends with the end of a turn.

    With reasoning, a completion is that of the row's file; without, it is the row's calls and nothing else, so that
    both train on the same rows. A row whose prompt and completion have more than `max_length` tokens together is left
    out: TRL would cut it, and the policy would learn to end before it has answered.

    Raises:
        RecipeUnusable: a row has no completion where it needs one, or every row is too long.
    """
    answer = _reasoned if prompt.reasoning else _calls_alone
    columns = [
        {"prompt": rendering.render(example.row), "completion": _ended(answer(example), rendering, tokenizer)}
        for example in examples
    ]
    return _short_enough(columns, tokenizer, prompt.max_tokens, max_length)


def _short_enough(
    columns: list[dict[str, str]], tokenizer: PreTrainedTokenizerBase, max_tokens: int | None, max_length: int | None
) -> Prompts:
    long_prompts = _longer(tokenizer, [row["prompt"] for row in columns], max_tokens)
    long_rows = _longer(tokenizer, [row["prompt"] + row.get("completion", "") for row in columns], max_length)
    kept = [row for row, *long in zip(columns, long_prompts, long_rows, strict=True) if not any(long)]
    left_out = {
        f"with prompts of over {max_tokens} tokens (prompt.max_tokens)": sum(long_prompts),
        f"of over {max_length} tokens with their completion (sft.max_length)": len(columns)
        - len(kept)
        - sum(long_prompts),
    }
    if columns and not kept:
        why = ", ".join(f"{rows} {why}" for why, rows in left_out.items() if rows)
        raise RecipeUnusable(f"no row is short enough: {why}")
    return Prompts(dataset=Dataset.from_list(kept), left_out=left_out)


def _longer(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], limit: int | None) -> list[bool]:
    """Whether each text has more tokens than `limit`; without one, nothing is counted."""
    if limit is None:
        return [False] * len(texts)
    return [
        len(ids) > limit
        for start in range(0, len(texts), _COUNTED_AT_A_TIME)
        for ids in tokenizer(texts[start : start + _COUNTED_AT_A_TIME])["input_ids"]
    ]


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

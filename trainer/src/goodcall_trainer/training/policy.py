"""The policy and its tokenizer: where they are, or made on the spot into the run's folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.demonstrations import Demonstration
from goodcall_trainer.demo.policy import build_policy, train_tokenizer
from goodcall_trainer.demo.sft import warm_up
from goodcall_trainer.prompt import render_prompt
from goodcall_trainer.recipe.settings import Recipe
from goodcall_trainer.recipe.unusable import RecipeUnusable
from goodcall_trainer.run.fit import WeightsUnusable, unused, weights_without_place
from goodcall_trainer.run.stop import ENVIRONMENT, RunStopped
from goodcall_trainer.run.tokenizer import TokenizerUnusable
from goodcall_trainer.run.tokenizer import load_tokenizer as tokenizer_of
from goodcall_trainer.run.weights import loading_arguments
from goodcall_trainer.training.examples import Example

MADE_UP = "untrained"
"""Folder under a run's, for a policy that was made on the spot."""


def policy_path(recipe: Recipe, out: Path, examples: tuple[Example, ...], *, first: bool) -> str:
    """Where the policy's weights are. Only the `first` process makes one; the others must wait for it.

    Raises:
        RunStopped: the folder has no safetensors.
    """
    if recipe.model.made_up:
        made = out / MADE_UP
        if first and not made.exists():
            part = made.with_name(made.name + ".part")
            make_policy(recipe, part, examples)
            part.rename(made)
        return str(made)
    path = str(recipe.model.path)
    loading_arguments(path, trust_remote_code=recipe.model.trust_remote_code)
    return path


def unused_weights(recipe: Recipe) -> str | None:
    """What to tell people of weights in the policy's folder that it would not use; None where there are none.

    Of a name on the hub nothing is known here.

    Raises:
        RunStopped: weights are missing, and would be drawn at random.
    """
    folder = Path(str(recipe.model.path))
    if recipe.model.made_up or not folder.is_dir():
        return None
    loading_arguments(folder)
    try:
        without_place = weights_without_place(folder, trust_remote_code=recipe.model.trust_remote_code)
    except WeightsUnusable as error:
        raise RunStopped(str(error), exit_code=ENVIRONMENT) from None
    return unused(folder, without_place) if without_place else None


def load_tokenizer(path: str, recipe: Recipe) -> PreTrainedTokenizerBase:
    """The policy's tokenizer, padding on the left as generation needs it.

    Raises:
        RecipeUnusable: there is none.
    """
    try:
        return tokenizer_of(path, trust_remote_code=recipe.model.trust_remote_code)
    except TokenizerUnusable as error:
        raise RecipeUnusable(f"model.path: {error}") from None


def make_policy(recipe: Recipe, folder: Path, examples: tuple[Example, ...]) -> None:
    """A policy of 0.6 million parameters with a tokenizer of its own, warmed up by the recipe's number of steps."""
    shown: list[Any] = [
        Demonstration(prompt=render_prompt(example.row), completion=example.completion or "", flaw=None)
        for example in examples
    ]
    tokenizer = train_tokenizer(one.prompt + one.completion for one in shown)
    policy = build_policy(tokenizer, seed=recipe.data.seed)
    if recipe.model.warm_up_steps:
        usual = DemoConfig(seed=recipe.data.seed, sft_steps=recipe.model.warm_up_steps)
        # A batch that no epoch fills would never come.
        settings = replace(usual, sft_batch_size=min(usual.sft_batch_size, len(shown)))
        warm_up(policy, tokenizer, shown, settings, lambda _step, _loss: None)
    tokenizer.save_pretrained(folder)
    policy.save_pretrained(folder)

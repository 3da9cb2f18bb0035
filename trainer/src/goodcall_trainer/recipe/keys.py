"""TRL's settings under their own names: which there are, what kinds of values they take, and the object of them.

Importing this module imports TRL's config classes, and with them torch.
"""

import typing
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from trl import GRPOConfig, RLOOConfig, SFTConfig

from goodcall_trainer.recipe.layers import Layers
from goodcall_trainer.recipe.settings import Recipe
from goodcall_trainer.recipe.unusable import RecipeUnusable, nearest

CONFIGS: Mapping[str, type] = MappingProxyType({"grpo": GRPOConfig, "rloo": RLOOConfig, "sft": SFTConfig})
"""TRL's config class of each algorithm."""

_ELSEWHERE = MappingProxyType(
    {
        "output_dir": "--out says where a run is written",
        "resume_from_checkpoint": "a run goes on from its newest checkpoint by itself, or not at all with --no-resume",
        "model_init_kwargs": "the table [model] says how the policy is loaded",
        "trust_remote_code": "the table [model] says how the policy is loaded",
        "chat_template_kwargs": "the table [prompt] says what the policy sees",
        "reward_weights": "there is one reward",
        "max_prompt_length": "prompt.max_tokens says which rows are left out, and TRL cuts no prompt",
    }
)
"""Keys that a recipe can't have for TRL, and who has the say."""

_MEANT = MappingProxyType(
    {
        "lr": "learning_rate",
        "epochs": "num_train_epochs",
        "total_epochs": "num_train_epochs",
        "n": "num_generations",
        "group_size": "num_generations",
        "kl_coef": "beta",
        "kl_loss_coef": "beta",
        "clip_ratio": "epsilon",
        "clip_ratio_high": "epsilon_high",
        "entropy_coeff": "entropy_coef",
        "max_response_length": "max_completion_length",
        "max_new_tokens": "max_completion_length",
        "train_batch_size": "generation_batch_size",
        "cutoff_len": "max_length",
    }
)
"""What papers and other trainers call something that TRL has under a name that looks nothing like it."""


def check_trl_keys(layers: Layers, recipe: Recipe) -> None:
    """Looks at the recipe's keys for TRL and for LoRA.

    Raises:
        RecipeUnusable: one is unknown, said elsewhere, or has a value of the wrong kind.
    """
    for key, value in recipe.trl.items():
        where = f"{layers.origin(recipe.algorithm, key)}: [{recipe.algorithm}]"
        if key in _ELSEWHERE:
            raise RecipeUnusable(f"{where} can't have {key}: {_ELSEWHERE[key]}")
        _check_key(where, key, value, CONFIGS[recipe.algorithm])
    if recipe.model.lora:
        _check_lora(layers, recipe.model.lora)


def trl_config(recipe: Recipe, output_dir: Path, **overrides: Any) -> Any:
    """The object of TRL's config class that the recipe describes; `overrides` stand over it.

    Raises:
        RecipeUnusable: TRL refuses a value, or two together.
    """
    ours = {
        "output_dir": str(output_dir),
        "model_init_kwargs": model_init_kwargs(recipe),
        "trust_remote_code": recipe.model.trust_remote_code,
    }
    with refusals_named(recipe):
        return CONFIGS[recipe.algorithm](**{**recipe.trl, **ours, **overrides})


@contextmanager
def refusals_named(recipe: Recipe) -> Iterator[None]:
    """For what is made from a recipe's values: whoever wrote them gets TRL's and PEFT's objections, and no traceback.

    Raises:
        RecipeUnusable: a value or a package that a value needs is refused.
    """
    try:
        yield
    except (ValueError, TypeError, ImportError) as error:
        raise RecipeUnusable(f"{recipe.name}: TRL refuses the recipe: {error}") from error


def model_init_kwargs(recipe: Recipe) -> dict[str, Any]:
    """How transformers is to load the policy, and the reference if there is one: as safetensors, or not at all."""
    model = recipe.model
    attn = {"attn_implementation": model.attn} if model.attn else {}
    return {"dtype": model.dtype, "use_safetensors": True, "trust_remote_code": model.trust_remote_code, **attn}


def lora_config(recipe: Recipe) -> Any | None:
    """The `peft.LoraConfig` of the recipe, or None where it trains all weights."""
    if not recipe.model.lora:
        return None
    from peft import LoraConfig  # noqa: PLC0415 - takes seconds, and few recipes need it

    return LoraConfig(**{"task_type": "CAUSAL_LM", **recipe.model.lora})


def _check_lora(layers: Layers, table: Mapping[str, Any]) -> None:
    from peft import LoraConfig  # noqa: PLC0415 - takes seconds, and few recipes need it

    for key, value in table.items():
        _check_key(f"{layers.origin('model', 'lora')}: [model.lora]", key, value, LoraConfig)


def _check_key(where: str, key: str, value: Any, config: type) -> None:
    known = [entry.name for entry in fields(config) if entry.init]
    if key not in known:
        raise RecipeUnusable(
            f"{where} has no {key}, as {config.__name__} has none; the nearest is {_nearest(key, known)}"
        )
    try:
        msgspec.convert(value, _kinds(config).get(key, Any))
    except msgspec.ValidationError as error:
        raise RecipeUnusable(f"{where} {key}: {error}") from None
    except TypeError:
        # A kind that only upstream can check.
        return


def _nearest(key: str, known: Sequence[str]) -> str:
    meant = _MEANT.get(key)
    return meant if meant is not None and meant in known else nearest(key, known)


@cache
def _kinds(config: type) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return typing.get_type_hints(config)

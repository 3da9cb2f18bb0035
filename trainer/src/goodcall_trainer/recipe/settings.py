"""A recipe as values: what this project adds around TRL's settings, and TRL's settings by their own names.

Every key of every table is known, or else an error that says where it stands and which one was probably meant.
Keys of TRL's tables are those of its config class (`keys`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import msgspec

from goodcall_trainer.recipe.layers import ALGORITHMS, TOP, Layers
from goodcall_trainer.recipe.unusable import RecipeUnusable, nearest

Settings = TypeVar("Settings")

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which policy is trained."""

    path: str | None = None
    """A folder of weights as safetensors, or a name on the hub."""
    made_up: bool = False
    """Whether to make a policy of 0.6 million parameters on the spot instead."""
    warm_up_steps: int = 0
    """Steps of supervised training that a policy made on the spot gets first."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """What the weights are loaded as. Optimisers keep their state in it, too."""
    attn: str | None = None
    """Attention's implementation, as transformers names them: `sdpa`, `flash_attention_2`, …"""
    trust_remote_code: bool = False
    """Whether code that comes with the weights may run."""
    lora: Mapping[str, Any] = field(default_factory=dict)
    """`peft.LoraConfig` by its own names; empty trains all weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """Which rows are trained on, and which measure it."""

    files: tuple[str, ...] = ()
    """Rows as `goodcall-train prepare` writes them, in Parquet or JSON lines; relative to the working folder."""
    heldout: tuple[str, ...] = ()
    """The same for rows that are only measured."""
    made_up_rows: int = 0
    """How many rows to make on the spot instead."""
    heldout_rows: int | None = None
    """How many of the held-out rows to measure; None takes all."""
    mix: Mapping[str, float] = field(default_factory=dict)
    """Each source's weight; the largest set of rows with these shares is taken, none twice. Empty takes all rows."""
    rows: int | None = None
    """How many rows to take; None takes as many as there are."""
    share: tuple[float, float] = (0.0, 1.0)
    """Which part of the chosen rows, in their drawn order, is trained on: (0.0, 0.5) is the first half."""
    seed: int = 1
    """Draws the order of rows, from which `rows`, `mix` and `share` take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """What the policy sees before it writes."""

    template: Literal["tool_n1", "chat", "signatures"] = "tool_n1"
    """Tool-N1's system message in the model's chat template; the model's chat template with its own way of listing
    tools; or tools as bare signatures in ChatML, for policies made on the spot."""
    reasoning: bool = True
    """Whether Tool-N1's message asks for reasoning, and demonstrations show it."""
    max_tokens: int | None = None
    """Rows whose prompt is longer are left out, and counted. None takes any."""
    assistant_prefix: str | None = None
    """What the prompt ends with of the answer itself, `<think>\\n` for example; the service is told. None takes what
    the chat template puts there."""
    chat_template_kwargs: Mapping[str, Any] = field(default_factory=dict)
    """What the chat template is given besides, `{enable_thinking = true}` for example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardSettings:
    """What counts as right."""

    id: str = "tool_n1/hardened@1"
    """`family/variant@version`, as the service's catalogue has it."""
    deadline_s: float = 900.0
    """Seconds that one step's scores may take, with retries, before the run stops."""
    alarm: bool = True
    """Whether a sample is judged by Tool-N1's released scorer and by the hardened reward as well: the gap between them
    is what a policy earns without doing the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What stops a run."""

    world_size: int | None = None
    """How many processes the batch arithmetic is meant for; None takes any number."""
    max_logp_gap: float = 0.05
    """The mean difference of log-probabilities between sampler and learner above which sampled weights are stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a run, but for where it is written to and which service judges."""

    name: str
    about: str
    """One sentence for lists."""
    algorithm: Literal["grpo", "rloo", "sft"]
    trl: Mapping[str, Any]
    """Keys of TRL's GRPOConfig, RLOOConfig or SFTConfig."""
    model: ModelSettings
    data: DataSettings
    prompt: PromptSettings
    reward: RewardSettings
    guards: GuardSettings

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values, for the record of a run."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values


OURS: Mapping[str, type] = MappingProxyType(
    {
        "model": ModelSettings,
        "data": DataSettings,
        "prompt": PromptSettings,
        "reward": RewardSettings,
        "guards": GuardSettings,
    }
)
"""The tables of this project, by their names."""

_TOP_KEYS = ("extends", "about", "algorithm")


def recipe_of(layers: Layers) -> Recipe:
    """The recipe that was written so; TRL's own keys are not yet looked at (`keys.check_trl_keys` does).

    Raises:
        RecipeUnusable: a table or key is unknown, a value of the wrong kind, or two can't both be meant.
    """
    algorithm = _algorithm(layers)
    _check_tables(layers, algorithm)
    ours: dict[str, Any] = {name: _table(layers, name, kind) for name, kind in OURS.items()}
    recipe = Recipe(
        name=layers.name,
        about=str(layers.tables[TOP].get("about", "")),
        algorithm=algorithm,
        trl=layers.tables.get(algorithm, {}),
        **ours,
    )
    _check_choices(recipe)
    return recipe


def _algorithm(layers: Layers) -> Any:
    top = layers.tables[TOP]
    for key in top:
        if key not in _TOP_KEYS:
            raise RecipeUnusable(
                f"{layers.origin(TOP, key)}: a recipe has no {key} above its tables; the nearest is "
                f"{nearest(key, _TOP_KEYS)}"
            )
    algorithm = top.get("algorithm")
    if algorithm not in ALGORITHMS:
        raise RecipeUnusable(f"{layers.name}: algorithm must be one of {', '.join(ALGORITHMS)}")
    return algorithm


def _check_tables(layers: Layers, algorithm: str) -> None:
    known = [*OURS, algorithm]
    for name, table in layers.tables.items():
        if name in known or name == TOP:
            continue
        where = layers.origin(name, next(iter(table))) if table else layers.name
        if name in ALGORITHMS:
            raise RecipeUnusable(f"{where}: the recipe's algorithm is {algorithm}, so [{name}] has no meaning in it")
        raise RecipeUnusable(f"{where}: a recipe has no table [{name}]; the nearest is [{nearest(name, known)}]")


def _table(layers: Layers, name: str, kind: type[Settings]) -> Settings:
    table = layers.tables.get(name, {})
    known = [entry.name for entry in fields(kind)]  # type: ignore[arg-type]  # all are dataclasses
    for key in table:
        if key not in known:
            raise RecipeUnusable(
                f"{layers.origin(name, key)}: [{name}] has no {key}; the nearest is {nearest(key, known)}"
            )
    for key, value in table.items():
        _check_kind(layers, name, key, value, kind)
    return msgspec.convert(table, kind)


def _check_kind(layers: Layers, name: str, key: str, value: Any, kind: type) -> None:
    try:
        msgspec.convert({key: value}, kind)
    except msgspec.ValidationError as error:
        fault = str(error).removesuffix(f" - at `$.{key}`")
        hint = f"; for one, write ['{value}']" if isinstance(value, str) and "`array" in fault else ""
        raise RecipeUnusable(f"{layers.origin(name, key)}: {name}.{key}: {fault}{hint}") from None


def _check_choices(recipe: Recipe) -> None:
    """What no type can say."""
    model, data = recipe.model, recipe.data
    low, high = data.share
    faults = {
        "model.path and model.made_up: one of them names the policy": model.made_up == bool(model.path),
        "data.files and data.made_up_rows: one of them gives the rows": bool(data.files) == (data.made_up_rows > 0),
        "data.share must be two numbers from 0 to 1, the lower first": not 0 <= low < high <= 1,
        "data.mix must be weights above 0": not all(weight > 0 for weight in data.mix.values()),
        "data.rows must be at least 1": data.rows is not None and data.rows < 1,
        "prompt.max_tokens must be at least 1": recipe.prompt.max_tokens is not None and recipe.prompt.max_tokens < 1,
        "reward.deadline_s must be above 0": not recipe.reward.deadline_s > 0,
    }
    for fault, found in faults.items():
        if found:
            raise RecipeUnusable(f"{recipe.name}: {fault}")

"""What becomes of rows: which filters apply, what is added, how much is held out.

There are presets; a TOML file with the same keys makes a recipe of one's own.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from goodcall_trainer.prepare.filters import FILTERS
from goodcall_trainer.prepare.found import Reason


class RecipeUnusable(Exception):
    """A recipe can't be read; says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides which rows come out, but for the seed and the benchmark."""

    filters: tuple[Reason, ...] = tuple(FILTERS)
    """Reasons to remove a row, of `FILTERS`; they apply in the order that they have there."""
    unique_tasks: bool = True
    """Whether rows whose task an earlier row has go, too. No id ever occurs twice."""
    keep_answers_in_words: bool = False
    """Whether a turn that calls nothing becomes a row that wants no call."""
    heldout_share: float = 0.1
    """Share of dialogues that are held out, in [0, 1]; all steps of one are on the same side."""
    irrelevance_share: float = 0.0
    """Share of rows, in [0, 1], of which one without the called tools is added, where that makes a sound task."""
    masking_share: float = 0.0
    """Share of rows, in [0, 1], whose tools and parameters get names without meaning, where that makes a sound task."""

    def __post_init__(self) -> None:
        """Refuses what makes no sense.

        Raises:
            RecipeUnusable: a share is no share, or a switch no boolean.
        """
        for name in ("heldout_share", "irrelevance_share", "masking_share"):
            share = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise RecipeUnusable(f"{name} must be a number from 0 to 1")
        for name in ("unique_tasks", "keep_answers_in_words"):
            if not isinstance(getattr(self, name), bool):
                raise RecipeUnusable(f"{name} must be true or false")

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON values, for the manifest."""
        return asdict(self) | {"filters": [reason.value for reason in self.filters]}


_RELEASED = (Reason.TOOL_UNKNOWN,)
_CLAIMED = (*_RELEASED, Reason.ARGUMENT_MISSING, Reason.ARGUMENT_TYPE_WRONG)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "strict": Recipe(),
        "paper": Recipe(filters=_CLAIMED, unique_tasks=False),
        "released": Recipe(filters=_RELEASED, unique_tasks=False),
    }
)
"""`strict` leaves only rows that the service can score, once each; `paper` filters as the paper of Tool-N1 says, and
`released` as the code released with it does."""


def find_recipe(name: str) -> Recipe:
    """A preset by its name, or the recipe of a TOML file.

    Raises:
        RecipeUnusable: there is neither, or the file is no recipe.
    """
    if name in RECIPES:
        return RECIPES[name]
    try:
        settings = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeUnusable(f"there is no recipe {name}; it is one of {', '.join(RECIPES)}, or a TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeUnusable(f"{name}: {error}") from None
    return _recipe_of(settings)


def _recipe_of(settings: dict[str, Any]) -> Recipe:
    known = [field.name for field in fields(Recipe)]
    for key in settings:
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0)
            raise RecipeUnusable(f"a recipe has no {key}; the nearest is {near[0]}")
    if "filters" in settings:
        settings["filters"] = _reasons(settings["filters"])
    return Recipe(**settings)


def _reasons(names: Any) -> tuple[Reason, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RecipeUnusable("filters must be a list of names")
    unknown = [name for name in names if name not in FILTERS]
    if unknown:
        raise RecipeUnusable(f"there is no filter {unknown[0]}; there are {', '.join(FILTERS)}")
    return tuple(reason for reason in FILTERS if reason in names)

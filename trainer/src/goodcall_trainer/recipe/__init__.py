"""Recipes: TOML files that say how a policy is trained, over TRL's own settings.

`find_recipe` is the way in. A recipe that can't be used raises `RecipeUnusable`, whose message names the place.
"""

from goodcall_trainer.recipe.layers import Layers, Origin, read_layers
from goodcall_trainer.recipe.settings import Recipe, recipe_of
from goodcall_trainer.recipe.unusable import RecipeUnusable

__all__ = ["Layers", "Origin", "Recipe", "RecipeUnusable", "find_recipe", "read_layers", "recipe_of"]


def find_recipe(name: str, settings: tuple[str, ...] = ()) -> Recipe:
    """The shipped recipe of this name, or that of a TOML file, with `table.key=value` settings on top.

    Raises:
        RecipeUnusable: there is no such recipe, or something in it can't be meant.
    """
    return recipe_of(read_layers(name, settings))

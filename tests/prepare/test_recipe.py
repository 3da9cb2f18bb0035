"""Recipes: presets, and files of one's own."""

import pytest

from goodcall_trainer.prepare.filters import FILTERS
from goodcall_trainer.prepare.found import Reason
from goodcall_trainer.prepare.recipe import RECIPES, RecipeUnusable, find_recipe


def test_presets_filter_more_and_more():
    released, paper, strict = (set(RECIPES[name].filters) for name in ("released", "paper", "strict"))
    assert released == {Reason.TOOL_UNKNOWN}
    assert released < paper < strict == set(FILTERS)


def test_a_file_sets_what_it_names_and_filters_keep_their_order(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('filters = ["argument_missing", "tool_unknown"]\nmasking_share = 0.67\nunique_tasks = false\n')
    recipe = find_recipe(str(file))
    assert recipe.filters == (Reason.TOOL_UNKNOWN, Reason.ARGUMENT_MISSING)
    assert (recipe.masking_share, recipe.unique_tasks, recipe.heldout_share) == (0.67, False, 0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maskin_share = 0.5", "the nearest is masking_share"),
        ("masking_share = 1.5", "masking_share must be a number from 0 to 1"),
        ("masking_share = true", "masking_share must be a number from 0 to 1"),
        ('heldout_share = "a tenth"', "heldout_share must be a number from 0 to 1"),
        ("unique_tasks = 1", "unique_tasks must be true or false"),
        ('filters = ["spelling"]', "there is no filter spelling"),
        ('filters = ["duplicate"]', "there is no filter duplicate"),
        ("filters = 3", "filters must be a list of names"),
        ("filters = [3]", "filters must be a list of names"),
        ("filters", "own.toml: "),
    ],
)
def test_a_file_that_is_no_recipe_says_why(tmp_path, text, message):
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeUnusable, match=message):
        find_recipe(str(file))


def test_a_recipe_that_is_not_there_names_those_that_are():
    with pytest.raises(RecipeUnusable, match="strict, paper, released"):
        find_recipe("stricter")

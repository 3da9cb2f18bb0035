"""Recipes as people write them: put together over each other, every value with its place, every slip with a hint."""

import tomllib

import pytest

from goodcall_trainer.recipe import RecipeUnusable, find_recipe, read_layers
from goodcall_trainer.recipe.command import shown, toml_value

BASE = """\
algorithm = "grpo"

[model]
path = "somewhere"

[data]
files = ["rows.parquet"]

[grpo]
num_generations = 5
temperature = 0.7
"""


def write(folder, name, text):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


@pytest.fixture
def base(tmp_path):
    return write(tmp_path, "base", BASE)


@pytest.mark.usefixtures("base")
def test_a_recipe_is_its_file_over_those_that_it_extends_under_the_settings(tmp_path):
    above = write(tmp_path, "above", 'extends = "base.toml"\n[grpo]\ntemperature = 1.0\nbeta = 0.1\n')
    recipe = find_recipe(above, ("grpo.beta=0.2", "model.path=elsewhere"))
    assert recipe.trl == {"num_generations": 5, "temperature": 1.0, "beta": 0.2}
    assert recipe.model.path == "elsewhere"
    assert recipe.name == "above"


def test_every_value_knows_where_it_was_written(base, tmp_path):
    above = write(tmp_path, "above", '# a comment\nextends = "base.toml"\n\n[grpo]\ntemperature = 1.0\n')
    layers = read_layers(above, ("grpo.beta=0.2",))
    assert str(layers.origin("grpo", "temperature")) == f"{above}:5"
    assert str(layers.origin("grpo", "num_generations")) == f"{base}:10"
    assert str(layers.origin("grpo", "beta")) == "--set grpo.beta"
    assert layers.extends == ("base",)


@pytest.mark.usefixtures("base")
def test_a_recipe_with_another_algorithm_leaves_the_table_of_the_first_behind(tmp_path):
    above = write(tmp_path, "above", 'extends = "base.toml"\nalgorithm = "sft"\n[sft]\nmax_length = 9\n')
    assert find_recipe(above).trl == {"max_length": 9}
    assert find_recipe(above).data.files == ("rows.parquet",)


@pytest.mark.usefixtures("base")
def test_what_is_shown_is_a_recipe_that_says_the_same(tmp_path):
    above = write(
        tmp_path, "above", 'extends = "base.toml"\n[model]\nlora = {r = 8}\n[prompt]\nassistant_prefix = "<think>\\n"\n'
    )
    again = write(tmp_path, "again", shown(read_layers(above)))
    first, second = find_recipe(above), find_recipe(again)
    assert first.as_json() | {"name": ""} == second.as_json() | {"name": ""}


@pytest.mark.parametrize("value", ['"é\\n\\"', 1, 1e-6, True, ["a", 2], {"r": 8, "on": ["q", "v"]}], ids=str)
def test_values_are_written_as_toml_reads_them(value):
    assert tomllib.loads(f"value = {toml_value(value)}")["value"] == value


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize(
    ("addition", "place", "hint"),
    [
        ("[model]\npaht = 1", "above.toml:3", "[model] has no paht; the nearest is path"),
        ("[modle]\npath = 1", "above.toml:3", "no table [modle]; the nearest is [model]"),
        ("[data]\nrows = 1.5", "above.toml:3", "data.rows: Expected `int | null`, got `float`"),
        ("[data]\nfiles = 'x'", "above.toml:3", "data.files: Expected `array`, got `str`; for one, write ['x']"),
        ("[reward]\nid = 3", "above.toml:3", "reward.id: Expected `str`, got `int`"),
        ("[rloo]\nbeta = 0.0", "above.toml:3", "the recipe's algorithm is grpo, so [rloo] has no meaning"),
        ("abuot = 'x'", "above.toml:2", "no abuot above its tables; the nearest is about"),
        ("[data]\nmade_up_rows = 3", "above", "one of them gives the rows"),
        ("[data]\nshare = [0.5, 0.5]", "above", "data.share must be two numbers"),
        ("[data]\nmix = {xlam = 0.0}", "above", "data.mix must be weights above 0"),
        ("[model]\nmade_up = true", "above", "one of them names the policy"),
        ("[prompt]\nmax_tokens = 0", "above", "prompt.max_tokens must be at least 1"),
        ("x = = 1", "above.toml", "is no TOML"),
    ],
    ids=str,
)
def test_a_slip_is_refused_with_its_place_and_a_hint(addition, place, hint, tmp_path):
    above = write(tmp_path, "above", f'extends = "base.toml"\n{addition}\n')
    with pytest.raises(RecipeUnusable) as refused:
        find_recipe(above)
    assert place in str(refused.value)
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("tool-n1-7", "the nearest is tool-n1-7b"), ("absent.toml", "absent.toml can't be read: No such file")],
    ids=str,
)
def test_a_recipe_that_is_not_there_is_refused(name, hint):
    with pytest.raises(RecipeUnusable, match=hint):
        find_recipe(name)


def test_a_recipe_that_extends_itself_is_refused(tmp_path):
    write(tmp_path, "a", 'extends = "b.toml"')
    b = write(tmp_path, "b", 'extends = "a.toml"')
    with pytest.raises(RecipeUnusable, match="which extends it"):
        find_recipe(b)


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("grpo.beta", "expected table.key=value"),
        ("beta=1", "expected table.key=value"),
        ("=1", "expected table.key=value"),
        ("model.lora.r=8", "set whole: --set 'model.lora={r = …}'"),
    ],
)
def test_a_setting_without_table_key_and_value_is_refused(setting, hint, base):
    with pytest.raises(RecipeUnusable, match=hint):
        find_recipe(base, (setting,))

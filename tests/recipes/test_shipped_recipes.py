"""The recipes that are shipped: each is one that TRL takes, with the batches that it claims and the paper's numbers."""

import pytest
from transformers import TrainingArguments

from goodcall_trainer.recipe import RecipeUnusable, find_recipe, read_layers, recipe_of
from goodcall_trainer.recipe.batch import batch_of
from goodcall_trainer.recipe.files import shipped_names
from goodcall_trainer.recipe.keys import check_trl_keys, lora_config, trl_config

SHIPPED = shipped_names()
ON_A_CPU = {"use_cpu": True}
"""So that TRL takes bfloat16 here as well: it asks for a GPU that can do it unless told that there is to be none."""


@pytest.mark.parametrize("name", SHIPPED)
def test_trl_takes_every_shipped_recipe_at_its_world_size(name, tmp_path, monkeypatch):
    layers = read_layers(name)
    recipe = recipe_of(layers)
    check_trl_keys(layers, recipe)
    assert recipe.about
    world_size = recipe.guards.world_size
    monkeypatch.setattr(TrainingArguments, "world_size", property(lambda _: world_size))
    config = trl_config(recipe, tmp_path, **ON_A_CPU)
    lora_config(recipe)
    # transformers makes a list of the names in report_to.
    said = {key: value for key, value in recipe.trl.items() if key not in {*ON_A_CPU, "report_to"}}
    assert {key: getattr(config, key) for key in said} == said
    if recipe.algorithm != "sft":
        batch = batch_of(recipe, world_size)
        assert config.generation_batch_size == batch.completions_per_rollout
        assert batch.prompts_per_step.is_integer()
        assert batch.prompts_per_rollout.is_integer()
        assert batch.steps_per_rollout.is_integer()
        # A checkpoint in the middle of a round can't be gone on from.
        assert config.save_steps % batch.steps_per_rollout == 0


@pytest.mark.parametrize("name", ["tool-n1-7b", "tool-n1-14b", "tool-n1-7b-one-machine"])
def test_the_shipped_numbers_are_the_papers(name):
    recipe = find_recipe(name)
    paper = {
        "num_generations": 5,
        "learning_rate": 1e-6,
        "temperature": 0.7,
        "beta": 1e-3,
        "epsilon": 0.2,
        "entropy_coef": 0.0,
        "max_completion_length": 8192,
        "num_train_epochs": 7,
    }
    released_code = {
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "num_iterations": 1,
        "scale_rewards": "group",
        "top_p": 1.0,
        "top_k": 0,
        "vllm_tensor_parallel_size": 2,
    }
    expected = paper | released_code
    assert {key: recipe.trl[key] for key in expected} == expected
    assert recipe.prompt.max_tokens == 4096
    batch = batch_of(recipe, recipe.guards.world_size)
    assert batch.prompts_per_rollout == 1024
    assert batch.prompts_per_step == 256
    assert batch.group == 5


@pytest.mark.parametrize(("name", "prompts"), [("single-gpu", 64), ("smoke-cpu", 32), ("rloo", 1024)])
def test_a_round_of_rollouts_has_the_prompts_that_the_recipe_says(name, prompts):
    recipe = find_recipe(name)
    assert batch_of(recipe, recipe.guards.world_size).prompts_per_rollout == prompts


def test_recipes_at_equal_data_cut_the_same_rows_in_two():
    halves = find_recipe("sft-reason-half").data, find_recipe("rl-after-sft").data
    assert [half.share for half in halves] == [(0.0, 0.5), (0.5, 1.0)]
    assert len({(half.files, half.seed, half.rows) for half in halves}) == 1
    assert find_recipe("rl-after-sft").model.path == "runs/sft-reason-half/policy"


def test_sft_has_the_numbers_of_the_released_script():
    recipe = find_recipe("sft-reason")
    expected = {
        "learning_rate": 2e-5,
        "num_train_epochs": 20,
        "max_length": 2048,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
    }
    assert {key: recipe.trl[key] for key in expected} == expected
    assert recipe.model.lora["r"] == 8
    assert batch_of(recipe, 1).completions_per_step == 32


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("grpo.num_generation=4", r"--set grpo.num_generation: \[grpo\] has no num_generation, .* num_generations"),
        ("grpo.output_dir=x", "--out says where"),
        ("grpo.max_prompt_length=9", "prompt.max_tokens says which"),
        ("grpo.lr=1e-6", "the nearest is learning_rate"),
        ("grpo.learning_rate=high", "learning_rate: Expected `float`, got `str`"),
        ("model.lora={rank = 8}", r"\[model.lora\] has no rank, as LoraConfig has none"),
        ("grpo.use_vllm=1", "use_vllm: Expected `bool`, got `int`"),
    ],
)
def test_keys_that_trl_does_not_have_are_refused_with_the_nearest(setting, hint):
    layers = read_layers("smoke-cpu", (setting,))
    with pytest.raises(RecipeUnusable, match=hint):
        check_trl_keys(layers, recipe_of(layers))


def test_what_trl_refuses_is_said_in_its_words(tmp_path):
    recipe = find_recipe("smoke-cpu", ("grpo.num_generations=7",))
    with pytest.raises(RecipeUnusable, match=r"TRL refuses the recipe: .*divisible by num_generations"):
        trl_config(recipe, tmp_path)

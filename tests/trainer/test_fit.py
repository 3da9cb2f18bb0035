"""What is said of weights that are not those of the model that their configuration describes."""

import json

import pytest
from safetensors.torch import load_file, save_file

from goodcall_trainer.demo.policy import build_policy, train_tokenizer
from goodcall_trainer.run.fit import WeightsUnusable, unused, weights_without_place


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A policy of two layers whose output layer is its embedding."""
    folder = tmp_path_factory.mktemp("policy")
    build_policy(train_tokenizer(["a b c"]), seed=1).save_pretrained(folder)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    for path in whole.glob("*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def configure(folder, **changes):
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))


def test_all_weights_of_a_whole_policy_have_a_place_and_tied_ones_are_not_missed(whole):
    assert "lm_head.weight" not in load_file(whole / "model.safetensors")
    assert weights_without_place(whole) == []


def test_a_file_without_one_weight_is_refused_with_its_name(copy):
    tensors = load_file(copy / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsUnusable, match=r"has no model\.layers\.1\.mlp\.up_proj\.weight, which the model"):
        weights_without_place(copy)


def test_weights_beyond_the_layers_are_named(copy):
    configure(copy, num_hidden_layers=1, layer_types=None)
    names = weights_without_place(copy)
    assert {name.rpartition("layers.")[2][:2] for name in names} == {"1."}
    assert unused(copy, names).endswith(f"does not use: {names[0]} and {len(names) - 1} more")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 3, "layer_types": None}, r"has no model\.layers\.2\."),
        ({"hidden_size": 64}, r"model\.embed_tokens\.weight is \[\d+, 128\] and not \[\d+, 64\] and \d+ more"),
        ({"num_attention_heads": "four"}, "can't be loaded: .*num_attention_heads"),
        ({"num_attention_heads": 0}, "can't be loaded"),
        ({"hidden_act": "none"}, "can't be loaded"),
        ({"model_type": "unheard"}, "can't be loaded: .*unheard"),
        ({"rope_parameters": "x"}, "can't be loaded"),
    ],
)
def test_a_configuration_that_is_not_that_of_the_weights_is_refused(changes, said, copy):
    configure(copy, **changes)
    with pytest.raises(WeightsUnusable, match=said) as refused:
        weights_without_place(copy)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kept_bytes", [0, 4, 100, 3000])
def test_a_file_that_was_cut_off_is_refused(kept_bytes, copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(WeightsUnusable, match="can't be loaded"):
        weights_without_place(copy)

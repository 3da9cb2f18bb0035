import pytest

pytest.importorskip("vllm", reason="vLLM is not here: `make test-vllm` installs its CPU build and runs these")

from transformers import AutoModelForCausalLM
from trl.generation import vllm_generation
from trl.generation.vllm_generation import VLLMGeneration
from trl.trainer import grpo_trainer

from goodcall_trainer.rollouts import worker
from goodcall_trainer.rollouts.agreement import SamplerDisagrees, check_agreement
from goodcall_trainer.rollouts.generation import ColocatedOnCPU
from goodcall_trainer.run.stop import RunStopped
from with_vllm.runs import GAP, make_trainer


@pytest.fixture(scope="module")
def trained(policies, tmp_path_factory):
    """A trainer after twenty steps on a policy with tied embeddings: one engine for all tests here."""
    trainer = make_trainer(policies["one"], tmp_path_factory.mktemp("run"), max_steps=20)
    trainer.train()
    return trainer


def test_sampler_and_learner_agree_over_twenty_synced_steps(trained):
    gaps = [line[GAP] for line in trained.state.log_history if GAP in line]
    assert len(gaps) == 20
    assert max(gaps) <= 0.01


def test_the_weights_of_the_start_would_have_been_noticed(trained, policies, monkeypatch):
    start = AutoModelForCausalLM.from_pretrained(policies["one"], dtype="float32")
    monkeypatch.setattr(trained.vllm_generation, "model", start)
    generation = trained.vllm_generation
    with pytest.raises(SamplerDisagrees, match="nats a token"):
        check_agreement(generation._learner_logps, generation._sampler_logps, max_logp_gap=0.05)


def test_another_checkpoint_reaches_the_sampler_whole(trained, policies, monkeypatch):
    other = AutoModelForCausalLM.from_pretrained(policies["other"], dtype="float32")
    monkeypatch.setattr(trained.vllm_generation, "model", other)
    monkeypatch.setattr(trained.vllm_generation, "_proven", False)
    trained.vllm_generation.sync_weights()
    assert trained.vllm_generation._proven


def test_an_output_layer_that_keeps_its_old_weights_is_found_before_the_first_step(trained, monkeypatch):
    trained.vllm_generation.sync_weights()
    monkeypatch.setattr(worker, "repack_output_layers", lambda model: None)
    monkeypatch.setattr(trained.vllm_generation, "_proven", False)
    with pytest.raises(SamplerDisagrees, match="does not take new weights"):
        trained.vllm_generation.sync_weights()


def test_a_sync_that_does_nothing_is_found_though_sampler_and_learner_start_alike(trained, monkeypatch):
    trained.vllm_generation.sync_weights()
    monkeypatch.setattr(ColocatedOnCPU, "_send_weights", lambda self: None)
    monkeypatch.setattr(trained.vllm_generation, "_proven", False)
    with pytest.raises(SamplerDisagrees, match="does not take new weights"):
        trained.vllm_generation.sync_weights()


def test_a_sync_that_breaks_in_the_middle_of_a_run_stops_it(trained, monkeypatch):
    trained.vllm_generation.sync_weights()
    monkeypatch.setattr(ColocatedOnCPU, "_send_weights", lambda self: None)
    with pytest.raises(RunStopped, match="sampler and learner differ"):
        trained.train()
    assert 0 < trained.state.global_step < 20


def test_trl_is_as_it_was_when_the_trainer_is_made(trained):
    assert grpo_trainer.VLLMGeneration is VLLMGeneration
    assert type(trained.vllm_generation) is ColocatedOnCPU
    assert isinstance(vllm_generation.LLM, type)

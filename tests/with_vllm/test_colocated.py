import gc
import os

import pytest

pytest.importorskip("vllm", reason="vLLM is not here: `make test-vllm` installs its CPU build and runs these")

import torch
from goodcall_trainer.rollouts import worker
from goodcall_trainer.rollouts.agreement import SamplerDisagrees, check_agreement
from goodcall_trainer.run.stop import RunStopped
from transformers import AutoModelForCausalLM
from trl.generation import vllm_generation
from trl.trainer import grpo_trainer
from with_vllm.runs import make_trainer

GAP = "sampling/sampling_logp_difference/mean"


@pytest.fixture(scope="module")
def trained(policies, tmp_path_factory):
    """A trainer after twenty steps on a policy with tied embeddings; the engine of its process stays for the tests."""
    trainer = make_trainer(policies["one"], tmp_path_factory.mktemp("run"), max_steps=20)
    trainer.train()
    return trainer


def test_sampler_and_learner_agree_over_twenty_synced_steps(trained):
    gaps = [line[GAP] for line in trained.state.log_history if GAP in line]
    print("gaps", gaps)
    assert len(gaps) == 20
    assert max(gaps) <= 0.01


def test_the_learner_moved_far_enough_for_stale_weights_to_show(trained, policies):
    start = AutoModelForCausalLM.from_pretrained(policies["one"], dtype="float32")
    generation = trained.vllm_generation
    print("logps", generation._learner_logps()[:4], generation._sampler_logps()[:4])
    now = trained.model
    trained.vllm_generation.model = start
    try:
        with pytest.raises(SamplerDisagrees, match="nats a token"):
            check_agreement(generation._learner_logps, generation._sampler_logps, max_logp_gap=0.05)
    finally:
        trained.vllm_generation.model = now

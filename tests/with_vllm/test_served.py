import pytest

pytest.importorskip("vllm", reason="vLLM is not here: `make test-vllm` installs its CPU build and runs these")

from peft import LoraConfig
from transformers import TrainerCallback

from goodcall_trainer.rollouts.agreement import SamplerDisagrees, mean_gap
from goodcall_trainer.rollouts.generation import EXTENSION, FileClient
from goodcall_trainer.rollouts.server import SamplerUnavailable
from with_vllm.runs import GAP, free_port, make_trainer, vllm_server

TAKES_WEIGHTS = ("--worker-extension-cls", EXTENSION)


@pytest.fixture(scope="module")
def server(policies, tmp_path_factory):
    """Started from another policy than the one that is trained: it agrees only if it takes weights."""
    with vllm_server(policies["other"], tmp_path_factory.mktemp("server") / "log", *TAKES_WEIGHTS) as started:
        yield started


def served(server, **settings):
    return {"vllm_mode": "server", "vllm_server_base_url": server.url, "vllm_server_timeout": 240, **settings}


def test_sampler_and_learner_agree_over_twenty_synced_steps(server, policies, tmp_path):
    trainer = make_trainer(policies["one"], tmp_path, max_steps=20, **served(server))
    trainer.train()
    gaps = [line[GAP] for line in trainer.state.log_history if GAP in line]
    assert len(gaps) == 20
    assert max(gaps) <= 0.01


def test_an_adapter_reaches_the_sampler_merged_into_the_weights(server, policies, tmp_path):
    trained = make_trainer(
        policies["one"], tmp_path, max_steps=6, **served(server, learning_rate=0.05), lora=LoraConfig()
    )
    trained.train()
    gaps = [line[GAP] for line in trained.state.log_history if GAP in line]
    assert max(gaps) <= 0.01
    adapted = trained.vllm_generation._learner_logps()
    with trained.model.disable_adapter():
        assert mean_gap(adapted, trained.vllm_generation._learner_logps()) > 0.05, "the adapter has learnt nothing"


def test_a_sync_that_reaches_nobody_stops_the_run_before_its_first_step(server, policies, tmp_path, monkeypatch):
    monkeypatch.setattr(FileClient, "update_named_params", lambda *_: None)
    trainer = make_trainer(policies["untied"], tmp_path, max_steps=2, **served(server))
    with pytest.raises(SamplerDisagrees, match="has other weights"):
        trainer.train()
    assert trainer.state.global_step == 0


class KillAfter(TrainerCallback):
    """Kills the server as `kill -9` does when a step is done."""

    def __init__(self, process, step):
        self.process = process
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            self.process.kill()
            self.process.wait()


def test_a_server_killed_in_a_run_stops_it_and_a_restart_goes_on(policies, tmp_path):
    port = free_port()
    settings = {"max_steps": 4, "save_strategy": "steps", "save_steps": 1, "save_total_limit": 2}
    with vllm_server(policies["one"], tmp_path / "log", *TAKES_WEIGHTS, port=port) as first:
        trainer = make_trainer(policies["one"], tmp_path / "run", **settings, **served(first))
        trainer.add_callback(KillAfter(first.process, step=2))
        with pytest.raises(SamplerUnavailable, match="went away"):
            trainer.train()
    assert (tmp_path / "run" / "checkpoint-2" / "model.safetensors").exists()
    with vllm_server(policies["one"], tmp_path / "log2", *TAKES_WEIGHTS, port=port) as second:
        again = make_trainer(policies["one"], tmp_path / "run", **settings, **served(second))
        again.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-2"))
    assert [line["step"] for line in again.state.log_history if GAP in line] == [1, 2, 3, 4]
    assert max(line[GAP] for line in again.state.log_history if GAP in line) <= 0.01


def test_a_server_without_the_extension_is_refused_with_the_option_to_add(policies, tmp_path):
    refused = pytest.raises(SamplerUnavailable, match="--worker-extension-cls goodcall_trainer")
    with vllm_server(policies["one"], tmp_path / "log") as plain, refused:
        make_trainer(policies["one"], tmp_path, max_steps=1, **served(plain))

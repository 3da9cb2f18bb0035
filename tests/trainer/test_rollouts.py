"""What of the rollouts needs no vLLM: the arithmetic of agreement, waiting for a server, and leaving TRL as it was."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from trl import GRPOConfig, RLOOConfig
from trl.trainer import grpo_trainer, rloo_trainer

from goodcall_trainer.demo.policy import build_policy, train_tokenizer
from goodcall_trainer.rollouts.adapter import synced_sampler
from goodcall_trainer.rollouts.agreement import (
    SamplerDisagrees,
    check_agreement,
    check_that_sampler_follows,
    learner_logps,
    mean_gap,
    shaken,
)
from goodcall_trainer.rollouts.generation import CheckedGeneration, ColocatedOnCPU, ServedOnCPU
from goodcall_trainer.rollouts.server import SamplerUnavailable, wait_until_healthy
from goodcall_trainer.rollouts.swap import swapped

IDS = [3, 5, 7, 11, 13, 17]


@pytest.fixture
def learner():
    return build_policy(train_tokenizer(["the weather in Oslo"]), seed=1)


class Sampler:
    """A second model that takes the learner's weights, or some of them, when told to."""

    def __init__(self, learner, *, takes):
        self.learner = learner
        self.takes = takes
        self.model = build_policy(train_tokenizer(["the weather in Oslo"]), seed=1)

    def sync(self):
        weights = self.learner.state_dict()
        self.model.load_state_dict({name: weights[name] for name in weights if self.takes(name)}, strict=False)

    def logps(self):
        return learner_logps(self.model, IDS, torch.device("cpu"))


def follow(learner, sampler):
    check_that_sampler_follows(
        learner,
        sampler.sync,
        lambda: learner_logps(learner, IDS, torch.device("cpu")),
        sampler.logps,
        max_logp_gap=0.01,
    )


def test_a_sampler_that_takes_every_weight_passes_and_has_the_learners_in_the_end(learner):
    sampler = Sampler(learner, takes=lambda _: True)
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    follow(learner, sampler)
    assert all(torch.equal(before[name], tensor) for name, tensor in sampler.model.state_dict().items())


@pytest.mark.parametrize(
    "takes",
    [
        pytest.param(lambda _: False, id="nothing"),
        pytest.param(lambda name: "layers." in name, id="no embeddings"),
        pytest.param(lambda name: "layers." not in name, id="no layers"),
    ],
)
def test_a_sampler_that_takes_only_some_weights_is_found_though_it_starts_alike(learner, takes):
    sampler = Sampler(learner, takes=takes)
    assert mean_gap(learner_logps(learner, IDS, torch.device("cpu")), sampler.logps()) == 0
    with pytest.raises(SamplerDisagrees, match="does not take new weights"):
        follow(learner, sampler)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_shaking_leaves_no_bit_changed_even_when_the_block_fails(learner, dtype):
    learner.to(dtype)
    learner.register_parameter("scale", torch.nn.Parameter(torch.tensor(1e-7, dtype=dtype)))
    before = [tensor.detach().clone() for tensor in learner.parameters()]
    inside = []
    with pytest.raises(ZeroDivisionError), shaken(learner):
        inside.append([tensor.detach().clone() for tensor in learner.parameters()]) or 1 / 0
    assert not any(torch.equal(a, b) for a, b in zip(before, inside[0], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, learner.parameters(), strict=True))


@pytest.mark.parametrize("sampler", [[-1.0, -2.2], [-1.0, float("nan")], [-1.0, float("-inf")]])
def test_a_gap_above_the_limit_or_no_number_disagrees(sampler):
    with pytest.raises(SamplerDisagrees, match="differ by"):
        check_agreement(lambda: [-1.0, -2.0], lambda: sampler, max_logp_gap=0.05)


def test_a_gap_within_the_limit_is_returned():
    assert check_agreement(lambda: [-1.0, -2.0], lambda: [-1.0, -2.08], max_logp_gap=0.05) == pytest.approx(0.04)


def test_asking_the_learner_leaves_its_mode_as_it_was(learner):
    learner.train()
    assert len(learner_logps(learner, IDS, torch.device("cpu"))) == len(IDS) - 1
    assert learner.training


@pytest.fixture
def http_server():
    """A server on loopback that answers with the statuses of a list, the last one again and again."""
    statuses = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.statuses = statuses
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


def test_a_server_is_waited_for_until_its_engine_is_ready(http_server):
    http_server.statuses += [503, 503, 200]
    pauses = []
    wait_until_healthy(address(http_server), deadline_s=60, sleep=pauses.append)
    assert len(pauses) == 2


def test_a_server_that_is_never_healthy_is_given_up_at_the_deadline_with_what_it_said(http_server):
    http_server.statuses += [503]
    now = [0.0]

    def sleep(pause_s):
        now[0] += pause_s

    with pytest.raises(SamplerUnavailable, match=r"within 9 s: GET /health answered 503"):
        wait_until_healthy(address(http_server), deadline_s=9, clock=lambda: now[0], sleep=sleep)
    assert now[0] <= 9


def test_a_port_where_nobody_listens_is_said_to_be_one():
    with pytest.raises(SamplerUnavailable, match="failed \\(ConnectError"):
        wait_until_healthy("http://127.0.0.1:9", deadline_s=0)


def test_what_was_swapped_is_back_even_when_the_block_fails():
    before = rloo_trainer.VLLMGeneration
    inside = []
    with pytest.raises(ZeroDivisionError), swapped(rloo_trainer, "VLLMGeneration", None):
        inside.append(rloo_trainer.VLLMGeneration) or 1 / 0
    assert inside == [None]
    assert rloo_trainer.VLLMGeneration is before


def settings(folder, **settings):
    return {"output_dir": str(folder), "use_cpu": True, "bf16": False, **settings}


def test_without_vllm_nothing_is_touched(tmp_path):
    before = grpo_trainer.VLLMGeneration
    with synced_sampler(GRPOConfig(**settings(tmp_path))):
        assert grpo_trainer.VLLMGeneration is before


@pytest.mark.parametrize(("mode", "expected"), [("colocate", ColocatedOnCPU), ("server", ServedOnCPU)])
@pytest.mark.parametrize(("config", "measured"), [(GRPOConfig, True), (RLOOConfig, False)])
def test_on_a_cpu_trainers_get_a_generation_that_can_sync_there(tmp_path, mode, expected, config, measured):
    before = grpo_trainer.VLLMGeneration
    with synced_sampler(config(**settings(tmp_path, use_vllm=True, vllm_mode=mode)), max_logp_gap=0.2):
        for module in (grpo_trainer, rloo_trainer):
            assert module.VLLMGeneration.func is expected
            assert module.VLLMGeneration.keywords["measured"] is measured
            assert module.VLLMGeneration.keywords["max_logp_gap"] == 0.2
    assert grpo_trainer.VLLMGeneration is before


def test_on_a_gpu_the_sync_is_trls_own(tmp_path, monkeypatch):
    config = GRPOConfig(**settings(tmp_path, use_vllm=True))
    monkeypatch.setattr(GRPOConfig, "device", torch.device("cuda"))
    with synced_sampler(config):
        assert grpo_trainer.VLLMGeneration.func is CheckedGeneration

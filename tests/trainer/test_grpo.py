"""Three steps of GRPO against a stand-in: real rollouts, real requests, changed weights, nothing but loopback."""

import sys
from dataclasses import replace

import pytest
import torch
from transformers import Qwen3ForCausalLM

from goodcall_client import InvalidResponse, ServiceUnavailable
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.grpo import train_grpo

TINY = DemoConfig(
    grpo_steps=4, steps_per_rollout=2, prompts_per_step=2, group_size=4, max_completion_tokens=6, evaluate_every=2
)


def weights(policy):
    return torch.cat([parameter.detach().flatten() for parameter in policy.parameters()])


def train(policy, tokenizer, splits, url, checkpoints, *, config=TINY, on_round=lambda _: None):
    steps = []
    train_grpo(
        policy,
        tokenizer,
        splits.grpo,
        config,
        url=url,
        checkpoints=checkpoints,
        on_step=lambda step, metrics: steps.append((step, dict(metrics))),
        on_round=on_round,
    )
    return steps


@pytest.fixture(scope="module")
def connections():
    """Every address that this process connects to, as the interpreter sees it; audit hooks stay for good."""
    seen = []
    sys.addaudithook(lambda event, arguments: event == "socket.connect" and seen.append(arguments[1]))
    return seen


def test_grpo_trains_on_the_scores_of_the_service(policy, tokenizer, splits, service, tmp_path, connections):
    connections.clear()
    before = weights(policy).clone()
    rounds = []
    steps = train(policy, tokenizer, splits, service.url, tmp_path, on_round=rounds.append)

    assert not torch.equal(weights(policy), before)
    assert [step for step, _ in steps] == [1, 2, 3, 4]
    assert rounds == [2, 4]
    rewards = [metrics["reward"] for _, metrics in steps if "reward" in metrics]
    assert len(service.requests) == len(rewards) == 2
    for request, reward in zip(service.requests, rewards, strict=True):
        assert [len(item["completions"]) for item in request["items"]] == [4, 4, 4, 4]
        texts = [text for item in request["items"] for text in item["completions"]]
        assert reward == pytest.approx(sum(len(text) % 2 for text in texts) / len(texts))
    assert (tmp_path / "checkpoint-4" / "model.safetensors").exists()
    assert {host for host, *_ in connections} == {"127.0.0.1"}


def test_rewards_of_none_train_nothing(policy, tokenizer, splits, service, tmp_path):
    service.judge = lambda _item, _text: {"score": None, "reason": "ground_truth_invalid"}
    before = weights(policy).clone()
    steps = train(policy, tokenizer, splits, service.url, tmp_path)
    assert torch.equal(weights(policy), before)
    assert steps[0][1]["reward"] is None
    assert steps[0][1]["reward_nulls"] == 16


def test_a_service_that_goes_away_stops_the_training_with_the_checkpoint_intact(
    policy, tokenizer, splits, service, tmp_path
):
    impatient = replace(TINY, deadline_s=2.0)
    kept = []

    def unplug(step):
        if step == 2:
            kept.append(weights(policy).clone())
            service.judge = lambda _item, _text: {"score": "no number", "reason": "broken"}

    # The last attempt before the deadline may be cut short by it.
    with pytest.raises((InvalidResponse, ServiceUnavailable)):
        train(policy, tokenizer, splits, service.url, tmp_path, config=impatient, on_round=unplug)
    saved = Qwen3ForCausalLM.from_pretrained(tmp_path / "checkpoint-2")
    assert torch.equal(weights(saved), kept[0])

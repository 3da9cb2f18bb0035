"""The reward function and the held-out measurement, against a stand-in on loopback."""

import logging
import socket

import pytest
import torch
from transformers import TrainerState
from trl.trainer.utils import is_async_callable

from goodcall_client import AsyncClient, Client, ServiceUnavailable, Verdict
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.evaluate import Judged, accuracy, evaluate
from goodcall_trainer.reward import make_reward, reward_columns

REWARD = "tool_n1/hardened@1"


def batch(rows, group_size, tokenizer):
    """What TRL passes: each row `group_size` times in a row, with token ids and every dataset column."""
    repeated = [row for row in rows for _ in range(group_size)]
    texts = [f"<think>{number}</think>" + "x" * number + "<|im_end|>" for number in range(len(repeated))]
    columns = [reward_columns(row) for row in repeated]
    return texts, {
        "prompts": [column["prompt"] for column in columns],
        "completions": ["what TRL decoded, without special tokens"] * len(texts),
        "completion_ids": [tokenizer(text)["input_ids"] for text in texts],
        **{name: [column[name] for column in columns] for name in columns[0] if name != "prompt"},
        "trainer_state": TrainerState(global_step=7),
        "log_extra": lambda *_: None,
    }


async def scored(url, tokenizer, arguments, *, deadline_s=5.0):
    metrics = {}
    async with AsyncClient(url, deadline_s=deadline_s) as client:
        reward = make_reward(client, tokenizer, reward=REWARD)
        return await reward(**arguments, log_metric=metrics.__setitem__), metrics


def test_trl_sees_a_coroutine_function(tokenizer):
    assert is_async_callable(make_reward(None, tokenizer, reward=REWARD))


async def test_the_completions_of_a_prompt_are_one_item_with_the_rows_own_tools_and_calls(service, tokenizer, splits):
    rows = splits.grpo[:3]
    texts, arguments = batch(rows, 4, tokenizer)
    await scored(service.url, tokenizer, arguments)
    (request,) = service.requests
    assert request["reward"] == REWARD
    assert [item["id"] for item in request["items"]] == [row.id for row in rows]
    assert [item["tools"] for item in request["items"]] == [list(row.tools) for row in rows]
    assert [item["ground_truth"] for item in request["items"]] == [list(row.ground_truth) for row in rows]
    assert [text for item in request["items"] for text in item["completions"]] == texts


async def test_judged_is_the_completions_own_text_with_special_tokens(service, tokenizer, splits):
    _, arguments = batch(splits.grpo[:1], 2, tokenizer)
    await scored(service.url, tokenizer, arguments)
    assert all(text.endswith("<|im_end|>") for text in service.requests[0]["items"][0]["completions"])


async def test_scores_come_in_the_order_of_the_completions(service, tokenizer, splits):
    service.judge = lambda _, text: {"score": text.count("x") / 100, "reason": "counted"}
    texts, arguments = batch(splits.grpo[:5], 3, tokenizer)
    scores, _ = await scored(service.url, tokenizer, arguments)
    assert scores == [text.count("x") / 100 for text in texts]


async def test_a_row_without_verdict_gives_none_and_says_why(service, tokenizer, splits, caplog):
    bad = splits.grpo[1].id
    service.judge = lambda item, _: (
        {"score": None, "reason": "ground_truth_invalid"} if item["id"] == bad else {"score": 0.0, "reason": "wrong"}
    )
    _, arguments = batch(splits.grpo[:3], 2, tokenizer)
    with caplog.at_level(logging.WARNING):
        scores, metrics = await scored(service.url, tokenizer, arguments)
    assert scores == [0.0, 0.0, None, None, 0.0, 0.0]
    assert metrics["reward_nulls"] == 2
    assert [bad in message and "ground_truth_invalid" in message for message in caplog.messages] == [True]


async def test_the_wait_for_the_service_is_logged_in_seconds(service, tokenizer, splits):
    _, arguments = batch(splits.grpo[:1], 2, tokenizer)
    _, metrics = await scored(service.url, tokenizer, arguments)
    assert 0 < metrics["reward_wait_s"] < 60


async def test_an_unreachable_service_raises_and_gives_no_score(tokenizer, splits):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    _, arguments = batch(splits.grpo[:1], 2, tokenizer)
    with pytest.raises(ServiceUnavailable):
        await scored(url, tokenizer, arguments, deadline_s=0.3)


def test_a_measurement_judges_greedy_and_sampled_completions_of_every_row(service, policy, tokenizer, splits):
    with Client(service.url) as client:
        found = evaluate(policy, tokenizer, splits.heldout[:10], client, DemoConfig(max_completion_tokens=5), step=7)
    assert found.step == 7
    assert [judged.row for judged in found.greedy] == [judged.row for judged in found.sampled]
    assert sum(found.sampled_reasons.values()) == 10
    for kind, position in ((found.greedy, 0), (found.sampled, 1)):
        sent = [item["completions"][position] for item in service.requests[0]["items"]]
        assert [judged.completion for judged in kind] == sent
        assert all(judged.verdict.score == len(judged.completion) % 2 for judged in kind)


def test_measuring_leaves_the_random_state_and_the_mode_of_the_policy_alone(service, policy, tokenizer, splits):
    policy.train()
    before = torch.get_rng_state()
    with Client(service.url) as client:
        evaluate(policy, tokenizer, splits.heldout[:2], client, DemoConfig(max_completion_tokens=3), step=0)
    assert torch.equal(torch.get_rng_state(), before)
    assert policy.training


def test_accuracy_leaves_rows_without_verdict_out(splits):
    judged = [
        Judged(row=splits.heldout[0], completion="", verdict=Verdict(score=score, reason="any"))
        for score in (1.0, 0.0, 0.5, None, 1.0)
    ]
    assert accuracy(judged) == 0.5
    with pytest.raises(ValueError, match="no held-out row could be scored: any"):
        accuracy(judged[3:4])

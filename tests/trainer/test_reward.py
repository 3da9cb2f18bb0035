"""The reward function and the held-out measurement, against a stand-in on loopback."""

import asyncio
import logging
import socket
import time
from collections import Counter

import pytest
import torch
from transformers import TrainerState
from trl.trainer.utils import is_async_callable

from goodcall_client import AsyncClient, Client, ServiceUnavailable, Verdict
from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.evaluate import Judged, accuracy, evaluate
from goodcall_trainer.reward import HackingAlarm, RewardTally, make_reward, reward_columns
from goodcall_trainer.reward.columns import JUDGED_BY
from goodcall_trainer.reward.tally import HackingCounts, RewardCounts, of_all_processes
from goodcall_trainer.run.stop import RunStopped

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


async def scored(url, tokenizer, arguments, *, deadline_s=5.0, **settings):
    metrics = {}
    async with AsyncClient(url, deadline_s=deadline_s) as client:
        reward = make_reward(client, tokenizer, reward=REWARD, **settings)
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


async def test_the_wait_begins_when_training_stands_still_and_not_when_the_loop_gets_to_it(service, tokenizer, splits):
    _, arguments = batch(splits.grpo[:1], 2, tokenizer)
    waits = []
    async with AsyncClient(service.url) as client:
        reward = make_reward(client, tokenizer, reward=REWARD)
        reward.asked()
        asked_at = time.perf_counter()
        await client.score([], reward=REWARD)
        busy_s = time.perf_counter() - asked_at
        for _ in range(2):
            await reward(**arguments, log_metric=lambda name, value: waits.append(value) if "wait" in name else None)
    assert waits[0] > busy_s
    assert sum(waits) < time.perf_counter() - asked_at + busy_s, "it was said of the first call alone"


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


async def test_each_item_has_the_text_before_its_completions_and_the_steps_done(service, tokenizer, splits):
    _, arguments = batch(splits.grpo[:2], 2, tokenizer)
    await scored(service.url, tokenizer, arguments, assistant_prefix="<think>\n")
    assert [item["assistant_prefix"] for item in service.requests[0]["items"]] == ["<think>\n"] * 2
    assert [item["context"] for item in service.requests[0]["items"]] == [{"step": 7}] * 2


async def test_reasons_and_nulls_are_counted_once_for_whoever_takes_them(service, tokenizer, splits):
    _, arguments = batch(splits.grpo[:2], 2, tokenizer)
    service.judge = lambda item, _: (
        {"score": None, "reason": "tools_invalid"}
        if item["id"] == splits.grpo[0].id
        else {"score": 1.0, "reason": "ok"}
    )
    tally = RewardTally()
    await scored(service.url, tokenizer, arguments, tally=tally)
    await scored(service.url, tokenizer, arguments, tally=tally)
    counts = tally.take()
    assert (counts.reasons, counts.nulls) == ({"ok": 4, "tools_invalid": 4}, 4)
    assert counts.wait_s > 0
    assert tally.take() == RewardCounts()


async def test_the_columns_of_trls_table_say_which_row_and_why(service, tokenizer, splits):
    _, arguments = batch(splits.grpo[:1], 2, tokenizer)
    columns = {}
    await scored(service.url, tokenizer, {**arguments, "log_extra": columns.__setitem__})
    assert columns["row_id"] == [splits.grpo[0].id] * 2
    assert len(columns["reason"]) == 2


async def test_masked_completions_have_no_score_and_no_digest_is_taken_from_them(tokenizer, splits):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    _, arguments = batch(splits.grpo[:2], 2, tokenizer)
    scores, metrics = await scored(
        url, tokenizer, arguments, deadline_s=0.3, on_unavailable="mask", digest="sha256:0", alarm=HackingAlarm()
    )
    assert scores == [None] * 4
    assert metrics["reward_nulls"] == 4


async def test_a_digest_other_than_the_runs_own_is_never_scored_by(service, tokenizer, splits):
    _, arguments = batch(splits.grpo[:1], 2, tokenizer)
    with pytest.raises(RunStopped, match="now has the digest sha256:0, and the run began with sha256:9"):
        await scored(service.url, tokenizer, arguments, digest="sha256:9")


async def test_the_alarm_judges_every_tenth_item_by_both_rewards_and_changes_no_score(service, tokenizer, splits):
    lax = {"tool_n1/released@1": 1.0, "tool_n1/hardened@1": 0.25}
    service.judge_by = lambda reward, _item, _text: {"score": lax[reward], "reason": "any"}
    _, arguments = batch(splits.grpo[:21], 2, tokenizer)
    tally = RewardTally()
    scores, _ = await scored(service.url, tokenizer, arguments, alarm=HackingAlarm(), tally=tally)
    assert scores == [0.25] * 42
    metrics = tally.take().as_metrics(None)
    assert metrics["hacking"] == {"judged": 6, "released": 1.0, "hardened": 0.25}
    assert sum(metrics["reasons"].values()) == 42
    samples = [[item["id"] for item in request["items"]] for request in service.requests]
    assert sorted(map(len, samples)) == [3, 3, 21]
    assert min(samples, key=len) == [splits.grpo[number].id for number in (0, 10, 20)]


async def test_the_alarm_counts_only_what_both_rewards_gave_a_number(service, tokenizer, splits):
    service.judge_by = lambda reward, _item, text: {
        "score": None if "released" in reward and len(text) % 2 else 1.0,
        "reason": "any",
    }
    texts, arguments = batch(splits.grpo[:1], 4, tokenizer)
    tally = RewardTally()
    await scored(service.url, tokenizer, arguments, alarm=HackingAlarm(), tally=tally)
    assert tally.take().hacking.judged == sum(len(text) % 2 == 0 for text in texts)


async def test_an_alarm_that_the_service_refuses_costs_no_reward(service, tokenizer, splits, caplog):
    service.unknown = "tool_n1/released@1"
    _, arguments = batch(splits.grpo[:1], 2, tokenizer)
    tally = RewardTally()
    scores, _ = await scored(service.url, tokenizer, arguments, alarm=HackingAlarm(), tally=tally)
    assert None not in scores
    assert "hacking" not in tally.take().as_metrics(1.0)
    assert "the hacking alarm judged nothing" in caplog.text


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="no alarm at all is alarm=None"):
        HackingAlarm(share=share)


async def test_what_was_begun_is_waited_for_and_not_asked_again(service, tokenizer, splits):
    texts, arguments = batch(splits.grpo[:2], 2, tokenizer)
    rows = [
        dict(zip(JUDGED_BY, values, strict=True)) for values in zip(*(arguments[n] for n in JUDGED_BY), strict=True)
    ]
    async with AsyncClient(service.url) as client:
        reward = make_reward(client, tokenizer, reward=REWARD)
        reward.begin(asyncio.get_running_loop(), rows, arguments["completion_ids"], 7)
        scores = await reward(**arguments, log_metric=lambda *_: None)
        assert scores == [float(len(text) % 2) for text in texts]
        assert len(service.requests) == 1
        # Others than those that were begun are asked for.
        await reward(**arguments, log_metric=lambda *_: None)
        assert len(service.requests) == 2


def test_all_processes_wait_for_the_last_and_count_together():
    counts = [
        RewardCounts(wait_s=1.0, reasons=Counter(ok=2), hacking=HackingCounts(judged=2, released=2.0, hardened=1.0)),
        RewardCounts(wait_s=3.0, reasons=Counter(ok=1, bad=1), nulls=1, hacking=HackingCounts(judged=2, released=1.0)),
    ]
    assert of_all_processes(counts).as_metrics(6.0) == {
        "reward_wait_s": 3.0,
        "reward_wait_share": 0.5,
        "reward_nulls": 1,
        "reasons": {"ok": 3, "bad": 1},
        "hacking": {"judged": 4, "released": 0.75, "hardened": 0.25},
    }
    assert of_all_processes([]).as_metrics(6.0) == {"reward_wait_s": 0.0, "reward_wait_share": 0.0}

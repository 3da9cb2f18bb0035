"""The live hacking alarm: disagreements of the released reward with the strict one, counted by reason."""

import json

import pytest

from goodcall.web.settings import Settings

CALL = [{"name": "f", "arguments": {"a": 1}}]
RIGHT = f"<think>t</think><tool_call>{json.dumps(CALL)}</tool_call>"
HACKED = f"<think></think><tool_call>{json.dumps(CALL)}</tool_call>"
STRICTLY_RIGHT = '<think>t</think><tool_call>[{"name": "f", "arguments": {"a": 1.0}}]</tool_call>'
WRONG = "Sure."
MESSAGE = {"reasoning_content": "t", "tool_calls": [{"function": {"name": "f", "arguments": '{"a": 1}'}}]}
ITEM = {"ground_truth": CALL, "completions": [RIGHT, HACKED, HACKED, STRICTLY_RIGHT, WRONG, MESSAGE]}


@pytest.fixture
def settings(request):
    return Settings(alarm_share=getattr(request, "param", 1.0))


async def alarm_lines(service):
    metrics = (await service.get("/metrics")).text.splitlines()
    return {line for line in metrics if line.startswith("goodcall_alarm") and "_created" not in line}


async def score(service, **body):
    response = await service.post("/score", json=body)
    assert response.status_code == 200
    return response.json()


async def test_what_only_the_released_reward_pays_is_counted_by_reason(service):
    await score(service, items=[ITEM])
    assert await alarm_lines(service) == {
        'goodcall_alarm_compared_total{reward="tool_n1/hardened@1"} 5.0',
        'goodcall_alarm_disagreements_total{paid_by="released",reason="think_empty",reward="tool_n1/hardened@1"} 2.0',
        'goodcall_alarm_disagreements_total{paid_by="served",reason="ok",reward="tool_n1/hardened@1"} 1.0',
    }


async def test_completions_without_a_verdict_are_not_compared(service):
    await score(service, items=[{**ITEM, "ground_truth": {}}])
    assert 'goodcall_alarm_compared_total{reward="tool_n1/hardened@1"} 0.0' in await alarm_lines(service)


async def test_the_prefix_counts_for_both_rewards(service):
    item = {"ground_truth": CALL, "completions": [RIGHT.removeprefix("<think>")]}
    await score(service, items=[item, {**item, "assistant_prefix": "<think>"}], assistant_prefix="<think>")
    assert await alarm_lines(service) == {'goodcall_alarm_compared_total{reward="tool_n1/hardened@1"} 2.0'}


async def test_other_rewards_are_not_watched(service):
    await score(service, items=[{**ITEM, "completions": [HACKED]}], reward="tool_n1/released")
    assert await alarm_lines(service) == set()


@pytest.mark.parametrize(("settings", "compared"), [(0.0, 0), (0.25, 3), (0.5, 6)], indirect=["settings"])
async def test_the_share_of_requests_is_watched(service, compared):
    for _ in range(12):
        await score(service, items=[{"ground_truth": [], "completions": [WRONG]}])
    watched = {line for line in await alarm_lines(service) if "compared_total" in line}
    assert watched == (
        {f'goodcall_alarm_compared_total{{reward="tool_n1/hardened@1"}} {compared}.0'} if compared else set()
    )


async def test_the_answer_is_the_same_with_and_without_the_alarm(service):
    answer = await score(service, items=[ITEM])
    assert [verdict["score"] for verdict in answer["items"][0]["verdicts"]] == [1.0, 0.0, 0.0, 1.0, 0.0, 1.0]

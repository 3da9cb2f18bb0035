"""The endpoints of the service, as a caller sees them."""

import asyncio
import json

import pytest

from goodcall import native
from goodcall.rewards import CATALOGUE
from suites import golden_cases

ITEM = {"id": "row-7", "ground_truth": [], "completions": ["<think>t</think>No.", "No."]}


async def score(service, **body):
    # Not the client's own encoder: it can't write lone surrogates, which JSON can.
    content = json.dumps(body).encode()
    response = await service.post("/score", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_score_names_the_reward_its_digest_and_the_request(service):
    response = await service.post("/score", json={"items": [ITEM]}, headers={"x-request-id": "step-120.a"})
    assert response.json() == {
        "reward": "tool_n1/hardened@1",
        "digest": CATALOGUE["tool_n1/hardened@1"].digest,
        "request_id": "step-120.a",
        "items": [
            {
                "id": "row-7",
                "verdicts": [{"score": 1.0, "reason": "ok"}, {"score": 0.0, "reason": "think_missing"}],
            }
        ],
    }
    assert response.headers["x-request-id"] == "step-120.a"


@pytest.mark.parametrize("unsafe", ["", "a b", "x" * 129, "é", "a/b"])
async def test_an_unsafe_request_id_is_replaced(service, unsafe):
    response = await service.get("/livez", headers={"x-request-id": unsafe.encode("latin-1")})
    assert response.headers["x-request-id"] not in {unsafe, ""}


@pytest.mark.parametrize("reward_id", CATALOGUE)
async def test_golden_cases_get_the_same_verdicts_over_http(service, reward_id):
    cases = golden_cases(reward_id)
    given = ("tools", "ground_truth", "assistant_prefix", "context")
    items = [
        {**{key: case[key] for key in given if key in case}, "completions": [case["completion"]]} for case in cases
    ]
    answer = await score(service, items=items, reward=reward_id)
    verdicts = [verdict for item in answer["items"] for verdict in item["verdicts"]]
    assert verdicts == [{"score": case["score"], "reason": case["reason"]} for case in cases]


async def test_an_empty_batch_gets_an_empty_answer(service):
    assert (await score(service, items=[]))["items"] == []
    assert (await score(service, items=[{**ITEM, "completions": []}]))["items"][0]["verdicts"] == []


async def test_null_tools_are_tools_left_out(service):
    case = next(case for case in golden_cases("tool_n1/hardened@1") if case["id"] == "exact call")
    item = {"ground_truth": case["ground_truth"], "completions": [case["completion"]], "tools": None}
    assert (await score(service, items=[item]))["items"][0]["verdicts"][0]["score"] == 1.0


async def test_the_prefix_of_an_item_goes_before_that_of_the_request(service):
    item = {"ground_truth": [], "completions": ["t</think>No."]}
    answer = await score(service, items=[item, {**item, "assistant_prefix": ""}, ITEM], assistant_prefix="<think>")
    assert [item["verdicts"][0]["score"] for item in answer["items"]] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("case", golden_cases("tool_n1/hardened@1")[::12], ids=lambda case: case["id"])
async def test_explained_verdicts_carry_their_detail(service, case):
    item = {key: case[key] for key in ("tools", "ground_truth") if key in case}
    answer = await score(service, items=[{**item, "completions": [case["completion"]]}], explain=True)
    [verdict] = answer["items"][0]["verdicts"]
    assert verdict["reason"] == case["reason"]
    assert {"stage", "hint"} <= verdict["detail"].keys() <= {"stage", "hint", "pointer", "offset", "expected", "got"}


async def test_context_is_taken(service):
    context = {"step": 120, "num_turns": 2, "execution": {"ok": [True]}, "category": "simple_python"}
    assert (await score(service, items=[{**ITEM, "context": context}]))["items"][0]["id"] == "row-7"


async def test_a_lone_surrogate_costs_one_completion_and_not_the_batch(service):
    weather = {"name": "f", "arguments": {"a": 1.0, "big": 2**70}}
    right = f"<think>t</think><tool_call>{json.dumps(weather)}</tool_call>"
    message = {
        "reasoning_content": "t",
        "tool_calls": [{"function": {"name": "f", "arguments": '{"a": "\ud800"}'}}],
    }
    completions = [right, right.replace("1.0", '"\ud800"'), right.replace(">t<", ">\ud800<"), message]
    item = {"tools": [{"name": "f"}], "ground_truth": [weather], "completions": completions}
    answer = await score(service, items=[item, ITEM])
    verdicts = [verdict["reason"] for item in answer["items"] for verdict in item["verdicts"]]
    assert verdicts == ["ok", "json_lone_surrogate", "ok", "json_lone_surrogate", "ok", "think_missing"]


async def test_explanations_of_what_utf8_cannot_write_are_escaped(service):
    calls = [{"function": {"name": "\ud800", "arguments": '{"a": 1}'}}]
    item = {
        "tools": [{"name": "f"}],
        "ground_truth": [{"name": "f", "arguments": {}}],
        "completions": [{"reasoning_content": "t", "tool_calls": calls}],
    }
    [verdict] = (await score(service, items=[item], explain=True))["items"][0]["verdicts"]
    assert (verdict["reason"], verdict["detail"]["got"]) == ("tool_unknown", '"\\ud800"')


async def test_an_id_that_utf8_cannot_write_comes_back_as_it_was(service):
    [item] = (await score(service, items=[{**ITEM, "id": "row-\ud800"}]))["items"]
    assert item["id"] == "row-\ud800"


async def test_probes_are_answered_while_a_large_batch_is_scored(service):
    batch = {"items": [{"ground_truth": [], "completions": [{"content": "<think>t</think>No."}] * 8192}]}
    scoring = asyncio.ensure_future(service.post("/score", json=batch))
    probes_before_the_batch = 0
    while not scoring.done():
        await asyncio.sleep(0)  # In process nothing else hands the loop over to the other task.
        assert (await service.get("/livez")).json() == {"status": "ok"}
        probes_before_the_batch += 1
    assert len((await scoring).json()["items"][0]["verdicts"]) == 8192
    assert probes_before_the_batch > 3


async def test_the_service_is_live_and_ready(service):
    assert (await service.get("/livez")).json() == {"status": "ok"}
    assert (await service.get("/readyz")).json() == {"status": "ok"}


async def test_the_version_says_what_is_running(service):
    version = (await service.get("/version")).json()
    assert version["goodcall"] == "0.1.0"
    assert version["default_reward"] == "tool_n1/hardened@1"
    assert version["compiled_judge"] == (native.judge_group is not None)


async def test_the_catalogue_lists_every_reward(service):
    catalogue = (await service.get("/rewards")).json()
    assert catalogue["default"] == "tool_n1/hardened@1"
    assert [entry["id"] for entry in catalogue["rewards"]] == list(CATALOGUE)
    for entry in catalogue["rewards"]:
        assert (await service.get(f"/rewards/{entry['id']}")).json() == entry
        assert entry["digest"].startswith("sha256:")


async def test_a_reward_is_found_without_its_version(service):
    assert (await service.get("/rewards/tool_n1/released")).json()["id"] == "tool_n1/released@1"


async def test_metrics_count_requests_and_verdicts_by_reason(service):
    await score(service, items=[ITEM, {"ground_truth": {}, "completions": ["x"]}])
    await service.get("/nowhere/canary")
    await service.post("/score", content=b"x", headers={"content-type": "application/json"})
    metrics = (await service.get("/metrics")).text
    for line in (
        'goodcall_requests_total{path="/score",status="200"} 1.0',
        'goodcall_requests_total{path="/score",status="400"} 1.0',
        'goodcall_requests_total{path="other",status="404"} 1.0',
        'goodcall_verdicts_total{null="false",reason="ok",reward="tool_n1/hardened@1"} 1.0',
        'goodcall_verdicts_total{null="true",reason="ground_truth_malformed",reward="tool_n1/hardened@1"} 1.0',
        "goodcall_batch_completions_sum 3.0",
        "goodcall_requests_in_flight 1.0",
    ):
        assert line in metrics.splitlines()
    assert "canary" not in metrics


async def test_neighbours_with_one_task_get_the_verdicts_that_they_get_apart(service):
    other = {"ground_truth": [], "completions": ["<think>t</think>No.", "x"]}
    items = [
        {**ITEM, "id": "a"},
        {**ITEM, "id": "b", "completions": []},
        {**ITEM, "id": "c", "completions": ["x", *ITEM["completions"]]},
        {"id": "d", **other},
        {"id": "e", **other, "assistant_prefix": "<think>"},
        {"id": "f", **other, "context": {"step": 1}},
        {**ITEM, "id": "g"},
    ]
    together = (await service.post("/score", json={"items": items})).json()["items"]
    apart = [(await service.post("/score", json={"items": [item]})).json()["items"][0] for item in items]
    assert together == apart

"""A request's own JSON: each key once, and no brackets without end; what is judged has the verdict's own rules."""

import json

import pytest

from goodcall.web.problems import Problem
from goodcall.web.settings import Settings

ITEM = '{"ground_truth": [], "completions": ["<think>t</think>No."]}'
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
def settings():
    return Settings(max_json_depth=10, key_check_bytes=1000)


async def post(service, body, content_type="application/json"):
    return await service.post("/score", content=body.encode(), headers={"content-type": content_type})


def items(*texts):
    return f'{{"items": [{", ".join(texts)}]}}'


def message(text):
    return items(f'{{"ground_truth": [], "completions": ["x", {text}]}}')


def reasons(response):
    return [verdict["reason"] for item in response.json()["items"] for verdict in item["verdicts"]]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"items": [], "items": []}', ""),
        ('{"items": [], "explain": true, "explain": false}', ""),
        ('{"items": [], "reward": "tool_n1/hardened", "r\\u0065ward": "tool_n1/hardened"}', ""),
        (items(ITEM, '{"ground_truth": [], "completions": [], "completions": ["canary"]}'), "/items/1"),
        (items('{"completions": [], "ground_truth": [], "ground_truth": []}'), "/items/0"),
        (items('{"completions": [], "ground_truth": [], "tools": [], "tools": null}'), "/items/0"),
        (items('{"completions": [], "ground_truth": [], "context": {"step": 1, "step": 2}}'), "/items/0/context"),
        (
            items('{"completions": [], "ground_truth": [], "context": {"execution": [0, {"a": 1, "a": 2}]}}'),
            "/items/0/context/execution/1",
        ),
        (message('{"content": "a", "content": "b"}'), "/items/0/completions/1"),
        (
            message('{"tool_calls": [{"function": {"name": "f", "name": "g", "arguments": {}}}]}'),
            "/items/0/completions/1/tool_calls/0/function",
        ),
    ],
)
async def test_a_key_that_an_object_of_the_request_repeats_is_refused_with_the_place(service, body, pointer):
    response = await post(service, body)
    problem = Problem.model_validate_json(response.content)
    assert (response.status_code, problem.code, problem.pointer) == (400, "invalid_json", pointer)
    assert "canary" not in response.text


async def test_a_key_that_is_repeated_in_what_is_judged_costs_a_score_and_not_the_batch(service):
    repeats = '{"a": 1, "a": 2}'
    call = f'{{"reasoning_content": "t", "tool_calls": [{{"function": {{"name": "f", "arguments": {repeats}}}}}]}}'
    bad = f'{{"tools": [{{"name": "f"}}], "ground_truth": [], "completions": ["x", {call}]}}'
    unusable = f'{{"ground_truth": [{{"name": "f", "arguments": {repeats}}}], "completions": ["x"]}}'
    assert reasons(await post(service, items(ITEM, bad, unusable))) == [
        "ok",
        "think_missing",
        "json_duplicate_key",
        "ground_truth_malformed",
    ]


@pytest.mark.parametrize("truth", [f"[{'9' * 5000}]", "[1e999]", f"{'[' * 400}{']' * 400}"])
async def test_numbers_and_depths_of_what_is_judged_are_not_the_requests(service, truth):
    body = items(ITEM, f'{{"ground_truth": {truth}, "completions": []}}')
    assert reasons(await post(service, body)) == ["ok"]


async def test_longer_bodies_are_not_looked_through_for_repeated_keys(service):
    body = items(ITEM, '{"ground_truth": [], "completions": [], "id": "a", "id": "b"}')
    assert (await post(service, body)).status_code == 400
    assert (await post(service, body + " " * (1001 - len(body)))).json()["items"][1]["id"] == "b"


def executed(depth):
    return f'{{"ground_truth": [], "completions": ["x"], "context": {{"execution": {"[" * depth}{"]" * depth}}}}}'


async def test_a_context_that_nests_deeper_than_it_may_is_refused_with_the_place(service):
    assert (await post(service, items(ITEM, executed(10)))).status_code == 200
    response = await post(service, items(ITEM, executed(11)))
    problem = Problem.model_validate_json(response.content)
    assert (problem.status, problem.code, problem.pointer) == (400, "invalid_json", "/items/1/context/execution")
    assert problem.detail == "At most 10 brackets may be open at once here."


async def test_a_context_that_nests_deeper_costs_a_line_and_not_the_others(service):
    response = await post(service, f"{ITEM}\n{executed(11)}\n{ITEM}\n", "application/x-ndjson")
    first, second, third = [json.loads(line) for line in response.content.splitlines()]
    assert (second["problem"]["code"], second["problem"]["pointer"]) == ("invalid_json", "/context/execution")
    assert first["verdicts"] == third["verdicts"] == [{"score": 1.0, "reason": "ok"}]


@pytest.mark.parametrize("depth", [65, 900, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ('{"items": ', "}"),
        ('{"items": [', "]}"),
        ('{"items": [{"completions": [', "]}]}"),
        ('{"items": [{"completions": [], "context": {"execution": ', "}}]}"),
    ],
)
async def test_brackets_without_end_are_refused_anywhere(service, before, after, opening, closing, depth):
    response = await post(service, before + opening * depth + "0" + closing * depth + after)
    assert response.status_code in {400, 422}
    assert Problem.model_validate_json(response.content)

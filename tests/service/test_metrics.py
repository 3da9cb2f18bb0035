"""The metrics: what is counted, from closed lists, and how much of it there is at most."""

import json

from prometheus_client.parser import text_string_to_metric_families

import goodcall
from goodcall import native
from goodcall.rewards import CATALOGUE
from goodcall.web.problems import ProblemCode
from suites import golden_cases

MAX_SERIES = 500
JSON = {"content-type": "application/json"}
WIRE_FIELDS = ("tools", "ground_truth", "assistant_prefix", "context")


async def samples(service):
    """Every series with its value."""
    text = (await service.get("/metrics")).text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def item(case):
    return {"completions": [case["completion"]]} | {name: case[name] for name in WIRE_FIELDS if name in case}


async def test_everything_that_can_be_asked_for_makes_few_series(service):
    for reward_id in CATALOGUE:
        items = [item(case) for case in golden_cases(reward_id)]
        body = json.dumps({"items": items, "reward": reward_id})
        response = await service.post("/score", content=body, headers=JSON)
        assert response.status_code == 200, response.text
    for path in ("/rewards", "/rewards/tool_n1/hardened", "/livez", "/readyz", "/version", "/limits", "/openapi.json"):
        assert (await service.get(path)).status_code == 200
    for number in range(20):
        assert (await service.get(f"/made-up/{number}")).status_code == 404
    for body in ("no JSON", '{"items": 1}', '{"items": [], "more": 1}', '{"items": [], "reward": "none"}'):
        await service.post("/score", content=body, headers=JSON)
    made = await samples(service)
    assert {key[3] for key in made if key[0] == "goodcall_verdicts_total"} == set(CATALOGUE)
    assert len(made) <= MAX_SERIES


async def test_problems_are_counted_by_code_those_of_lines_too(service):
    lines = '{"ground_truth": [], "completions": []}\nno JSON\n{"completions": 1}\n{"completions": 2}'
    await service.post("/score", content=lines, headers={"content-type": "application/x-ndjson"})
    await service.get("/nowhere")
    counted = await samples(service)
    found = {code: counted.get(("goodcall_problems_total", code)) for code in ProblemCode}
    assert {code: count for code, count in found.items() if count} == {
        "invalid_json": 1,
        "invalid_request": 2,
        "not_found": 1,
    }


async def test_nulls_are_told_from_verdicts(service):
    items = [{"tools": 5, "ground_truth": [], "completions": ["a", "b"]}, {"ground_truth": [], "completions": ["c"]}]
    await service.post("/score", json={"items": items})
    counted = await samples(service)
    nulls = {key[1:]: value for key, value in counted.items() if key[0] == "goodcall_verdicts_total"}
    assert nulls == {
        ("true", "tools_malformed", "tool_n1/hardened@1"): 2,
        ("false", "think_missing", "tool_n1/hardened@1"): 1,
    }


async def test_the_cache_says_what_it_holds_and_what_it_was_good_for(service):
    tool = {"name": "f", "parameters": {"type": "object"}}
    task = {"tools": [tool], "ground_truth": [], "completions": ["a"]}
    other = task | {"ground_truth": [{"name": "f", "arguments": {}}]}
    for items in ([task], [task, other], [task]):
        await service.post("/score", json={"items": items})
    counted = await samples(service)
    found = {kind: counted["goodcall_cache_entries", kind] for kind in ("tasks", "tools")}
    assert found == {"tasks": 2, "tools": 1}
    assert counted["goodcall_cache_lookups_total", "tasks", "miss"] == 2
    assert counted["goodcall_cache_lookups_total", "tasks", "hit"] == 2
    assert counted["goodcall_cache_bytes", "tasks"] > len(json.dumps(task))
    assert counted["goodcall_cache_evictions_total", "tasks"] == 0


async def test_requests_that_wait_and_how_long_are_seen(service):
    for _ in range(3):
        await service.post("/score", json={"items": [{"ground_truth": [], "completions": ["a"]}]})
    counted = await samples(service)
    assert counted["goodcall_wait_seconds_count",] == 3
    assert counted["goodcall_request_seconds_count", "/score"] == 3
    assert counted["goodcall_request_seconds_bucket", "+Inf", "/score"] == 3
    assert counted["goodcall_requests_waiting",] == 0
    assert counted["goodcall_requests_in_flight",] == 1
    assert counted["goodcall_build_info", str(native.judge_group is not None).lower(), goodcall.__version__] == 1


async def test_metrics_name_no_time_at_which_a_series_began(service):
    assert not [key for key in await samples(service) if key[0].endswith("_created")]

"""Bad requests: always a problem that says what, where and what to do; never a 500, never an echo."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from goodcall.web.app import create_app
from goodcall.web.inflate import ACCEPTED
from goodcall.web.problems import Problem
from goodcall.web.settings import Settings
from suites import golden_cases

JSON_TYPE = {"content-type": "application/json"}
ITEM = {"ground_truth": [], "completions": ["x"]}


async def post(service, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await service.post("/score", content=content, headers={**JSON_TYPE, **headers})


def problem_of(response):
    assert response.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(response.content)
    assert problem.status == response.status_code
    assert problem.request_id == response.headers["x-request-id"]
    assert problem.type == f"urn:goodcall:problem:{problem.code}"
    return problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"{",
        b'{"items": [}',
        b'{"items": []} x',
        b'\xef\xbb\xbf{"items": []}',
        '{"items": []}'.encode("utf-16"),
        b'{"items": [], "reward": "\xff"}',
        b'{"items": [{"ground_truth": [NaN], "completions": []}]}',
        b'{"items": [{"ground_truth": ' + b"[" * 100_000 + b"]" * 100_000 + b', "completions": []}]}',
        b'{"items": [{"ground_truth": [NaN], "completions": ["\\ud800"]}]}',
        b'{"items": [], "items": [{"ground_truth": [], "completions": ["\\ud800"]}]}',
        b'{"items": ["\\ud800"',
        b'{"items": [{"completions": ["\\ud800"], "ground_truth": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
        b'{"items": [{"ground_truth": [], "completions": ["\\ud800", "\xff"]}]}',
    ],
)
async def test_a_body_that_is_no_json_is_refused(service, body):
    problem = problem_of(await post(service, body))
    assert (problem.status, problem.code) == (400, "invalid_json")
    must = "The body must be one JSON text (RFC 8259) in UTF-8. "
    assert problem.detail.startswith((f"{must}The decoder says: ", f"{must}Its brackets are nested too deep."))


@pytest.mark.parametrize("half", ["\\ud800", "\\uD800", "\\udc00 \\uD800"])
async def test_half_a_surrogate_pair_costs_its_completion_the_score_and_no_other(service, half):
    body = f'{{"items": [{{"ground_truth": [], "completions": ["{half}", "<think>t</think>No."]}}]}}'
    [item] = (await post(service, body.encode())).json()["items"]
    assert [verdict["score"] for verdict in item["verdicts"]] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ("x", ""),
        (None, ""),
        ({}, ""),
        ({"items": {}}, "/items"),
        ({"items": [5]}, "/items/0"),
        ({"items": [{"ground_truth": []}]}, "/items/0"),
        ({"items": [{"completions": []}]}, "/items/0"),
        ({"items": [ITEM, {**ITEM, "completions": ["", 5]}]}, "/items/1/completions/1"),
        ({"items": [{**ITEM, "completions": "x"}]}, "/items/0/completions"),
        ({"items": [{**ITEM, "completions": [{"content": 5}]}]}, "/items/0/completions/0/content"),
        (
            {"items": [{**ITEM, "completions": [{"tool_calls": [{"function": {"name": "f"}}]}]}]},
            "/items/0/completions/0/tool_calls/0/function",
        ),
        ({"items": [{**ITEM, "id": 5}]}, "/items/0/id"),
        ({"items": [{**ITEM, "context": {"step": -1}}]}, "/items/0/context/step"),
        ({"items": [], "reward": 5}, "/reward"),
        ({"items": [], "explain": "yes"}, "/explain"),
        ({"items": [], "assistant_prefix": None}, "/assistant_prefix"),
        ({"items": [{**ITEM, "completions": ["\ud800", 5]}]}, "/items/0/completions/1"),
        ({"items": [{**ITEM, "completions": ["\ud800"], "id": 5}]}, "/items/0/id"),
        (
            {"items": [{**ITEM, "completions": ["\ud800", {"tool_calls": [5]}]}]},
            "/items/0/completions/1/tool_calls/0",
        ),
    ],
)
async def test_a_body_of_another_form_is_refused_with_the_place(service, body, pointer):
    problem = problem_of(await post(service, body))
    assert (problem.status, problem.code, problem.pointer) == (422, "invalid_request", pointer)
    assert problem.detail.startswith(("Expected `", "Object missing required field `", "tool_n1/hardened@1 needs "))


@pytest.mark.parametrize(
    ("body", "pointer", "known"),
    [
        ({"items": [], "canary": 1}, "", "items, reward, assistant_prefix, explain"),
        ({"items": [{**ITEM, "canary": 1}]}, "/items/0", "completions, ground_truth, tools"),
        ({"items": [{**ITEM, "context": {"canary": 1}}]}, "/items/0/context", "step, num_turns"),
        ({"items": [{**ITEM, "completions": ["\ud800"], "canary": 1}]}, "/items/0", "completions"),
        ({"items": [{**ITEM, "completions": ["\ud800"]}], "canary": 1}, "", "items, reward"),
    ],
)
async def test_an_unknown_field_is_refused_and_the_known_ones_are_named(service, body, pointer, known):
    response = await post(service, body)
    problem = problem_of(response)
    assert (problem.status, problem.code, problem.pointer) == (422, "unknown_field", pointer)
    assert known in problem.detail
    assert "canary" not in response.text


async def test_a_field_name_with_a_lone_surrogate_is_an_unknown_field(service):
    problem = problem_of(await post(service, b'{"items": [], "\\ud800": 1}'))
    assert (problem.status, problem.code) == (422, "unknown_field")
    assert problem.detail == "A lone surrogate stands in a field's name, or in a string where none belongs."


@pytest.mark.parametrize("name", ["", "tool_n1", "tool_n1/hardened@2", "canary", "tool_n1/hardened@"])
async def test_an_unknown_reward_is_refused_and_the_known_ones_are_named(service, name):
    response = await post(service, {"items": [ITEM], "reward": name})
    problem = problem_of(response)
    assert (problem.status, problem.code, problem.pointer) == (422, "unknown_reward", "/reward")
    assert "tool_n1/hardened@1" in problem.detail
    assert "canary" not in response.text


async def test_a_message_for_a_reward_that_judges_text_is_refused(service):
    item = {**ITEM, "completions": ["x", {"content": "x"}]}
    problem = problem_of(await post(service, {"items": [ITEM, item], "reward": "tool_n1/released"}))
    assert (problem.status, problem.code) == (422, "unsupported_completion")
    assert problem.pointer == "/items/1/completions"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
async def test_another_media_type_is_refused(service, content_type):
    problem = problem_of(await service.post("/score", content=b"{}", headers={"content-type": content_type}))
    assert (problem.status, problem.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "", "canary"])
async def test_a_body_compressed_in_an_unknown_way_is_refused_and_the_known_ones_are_named(service, coding):
    response = await post(service, b"", **{"content-encoding": coding})
    problem = problem_of(response)
    assert (problem.status, problem.code) == (415, "unsupported_media_type")
    assert response.headers["accept-encoding"] == ACCEPTED
    assert "gzip" in problem.detail
    assert "canary" not in response.text


async def test_a_charset_beside_the_media_type_is_fine(service):
    response = await post(service, {"items": []}, **{"content-type": "Application/JSON; charset=utf-8"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nowhere", "not_found"),
        ("GET", "/score", "method_not_allowed"),
        ("POST", "/livez", "method_not_allowed"),
        ("GET", "/rewards/tool_n1/nothing", "reward_not_found"),
        ("GET", "/rewards/tool_n1/hardened@9", "reward_not_found"),
    ],
)
async def test_wrong_paths_and_methods_are_problems_too(service, method, path, code):
    assert problem_of(await service.request(method, path)).code == code


class TestSmallLimits:
    """The same service with limits that a test can reach."""

    @pytest.fixture
    def settings(self):
        return Settings(max_body_bytes=500, max_items=2, max_completions=3, max_completion_bytes=8)

    async def test_a_body_over_the_limit_is_refused(self, service):
        problem = problem_of(await post(service, {"items": [{**ITEM, "completions": ["x" * 500]}]}))
        assert (problem.status, problem.code) == (413, "body_too_large")
        assert "500" in problem.detail

    async def test_a_body_of_unknown_length_over_the_limit_is_refused(self, service):
        async def chunks():
            for _ in range(100):
                yield b"[" * 100

        response = await service.post("/score", content=chunks(), headers=JSON_TYPE)
        assert problem_of(response).code == "body_too_large"

    @pytest.mark.parametrize("items", [[ITEM] * 3, [{**ITEM, "completions": [""] * 4}]])
    async def test_more_than_a_request_may_hold_is_refused(self, service, items):
        problem = problem_of(await post(service, {"items": items}))
        assert (problem.status, problem.code, problem.pointer) == (422, "limit_exceeded", "/items")

    async def test_a_completion_over_its_limit_is_a_verdict(self, service):
        response = await post(service, {"items": [{**ITEM, "completions": ["x" * 9]}]})
        [verdict] = response.json()["items"][0]["verdicts"]
        assert verdict == {"score": 0.0, "reason": "completion_too_long"}

    async def test_the_limits_are_shown(self, service):
        assert (await service.get("/limits")).json() == {
            "max_body_bytes": 500,
            "max_bytes_in_flight": 256 << 20,
            "max_requests_in_flight": 1024,
            "max_headers": 100,
            "max_header_bytes": 32 << 10,
            "header_timeout_s": 10.0,
            "body_timeout_s": 20.0,
            "max_json_depth": 64,
            "key_check_bytes": 4096,
            "max_items": 2,
            "max_completions": 3,
            "max_completions_in_flight": 16_384,
            "max_expected_wait_s": 0.5,
            "max_completion_bytes": 8,
            "max_tools": 256,
            "max_tool_bytes": 64 << 10,
            "max_schema_nodes": 5_000,
            "max_schema_depth": 32,
            "max_schema_checks": 20_000,
            "request_deadline_s": 30.0,
        }


async def test_our_own_failure_is_a_500_problem_and_no_verdict(service):
    """The app is asked while a part of it is missing, which stands for any failure that nobody foresaw."""
    del service._transport.app.state.scorers
    problem = problem_of(await post(service, {"items": [ITEM]}))
    assert (problem.status, problem.code) == (500, "internal")


async def test_before_it_has_started_the_service_is_not_ready():
    app = create_app(Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
        problem = problem_of(await http.get("/readyz"))
    assert (problem.status, problem.code) == (503, "not_ready")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=8,
)
requests = st.fixed_dictionaries(
    {
        "items": st.lists(
            st.fixed_dictionaries(
                {"completions": st.lists(st.text(st.characters()) | json_values, max_size=3)},
                optional={"ground_truth": json_values, "tools": json_values, "context": json_values},
            ),
            max_size=3,
        )
    },
    optional={"reward": st.sampled_from(["tool_n1/hardened", "tool_n1/released@1"]), "explain": st.booleans()},
)


@given(requests | json_values)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_json_is_answered_with_verdicts_or_a_problem(service, body):
    response = await post(service, body)
    assert response.status_code in {200, 400, 422}


@given(st.binary(max_size=200))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_bytes_are_answered_with_a_problem(service, body):
    response = await post(service, body)
    assert response.status_code in {400, 422}


async def test_a_poisoned_item_changes_no_other_verdict(service):
    clean = [
        {key: case[key] for key in ("tools", "ground_truth") if key in case}
        for case in golden_cases("tool_n1/hardened@1")
    ]
    items = [{**item, "completions": ["<think>t</think>No."]} for item in clean]
    alone = [(await post(service, {"items": [item]})).json()["items"][0] for item in items]
    poison = {"tools": [{"name": "f", "parameters": {"$ref": "file:///etc/hostname"}}], **ITEM}
    together = (await post(service, {"items": [poison, *items, poison]})).json()["items"]
    assert together[1:-1] == alone

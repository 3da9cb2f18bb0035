"""``POST /score`` line by line: in order, in bounded memory, and with a problem in the place of a bad line."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall.web.app import create_app
from goodcall.web.lines import split_lines
from goodcall.web.problems import Problem
from goodcall.web.settings import Settings
from suites import golden_cases, write_completion

NDJSON = {"content-type": "application/x-ndjson"}
CALL = {"name": "f", "arguments": {"a": 1}}
ITEM = {"id": "a", "ground_truth": [CALL], "completions": [write_completion([CALL]), "Sure."]}
ANSWER = {"id": "a", "verdicts": [{"score": 1.0, "reason": "ok"}, {"score": 0.0, "reason": "think_missing"}]}


@pytest.fixture
def settings():
    return Settings(max_body_bytes=1 << 16, max_completions=300)


def to_lines(*items):
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


async def in_chunks(body, size):
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def post(service, body, query=""):
    return await service.post(f"/score{query}", content=body, headers=NDJSON)


def answers(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    assert not response.content or response.content.endswith(b"\n")
    return [json.loads(line) for line in response.content.splitlines()]


async def test_every_item_gets_a_line_in_its_order(service):
    items = [{**ITEM, "id": str(number)} for number in range(100)]
    response = await post(service, in_chunks(to_lines(*items), 1000))
    assert answers(response) == [{**ANSWER, "id": str(number)} for number in range(100)]
    assert response.headers["goodcall-reward"] == "tool_n1/hardened@1"
    assert response.headers["goodcall-digest"].startswith("sha256:")


async def test_lines_get_the_golden_verdicts(service):
    cases = golden_cases("tool_n1/hardened@1")
    items = [
        {key: value for key, value in case.items() if key not in {"completion", "score", "reason"}}
        | {"completions": [case["completion"]]}
        for case in cases
    ]
    verdicts = [answer["verdicts"][0] for answer in answers(await post(service, to_lines(*items)))]
    assert [(it["score"], it["reason"]) for it in verdicts] == [(case["score"], case["reason"]) for case in cases]


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        ("?reward=tool_n1/released", {"score": 0.0, "reason": "no_tool_call_block"}),
        ("?assistant_prefix=%3Cthink%3Et%3C/think%3E", {"score": 0.0, "reason": "call_wanted"}),
    ],
)
async def test_the_query_holds_the_options(service, query, verdict):
    [answer] = answers(await post(service, to_lines({**ITEM, "completions": ["Sure."]}), query))
    assert answer["verdicts"] == [verdict]


async def test_a_query_can_ask_for_explanations(service):
    [answer] = answers(await post(service, to_lines(ITEM), "?explain=true"))
    assert answer["verdicts"][1]["detail"]["stage"] == "form"


@pytest.mark.parametrize("query", ["?rewrad=x", "?explain=perhaps", "?reward=a&reward=b"])
async def test_other_queries_are_refused(service, query):
    response = await post(service, to_lines(ITEM), query)
    problem = Problem.model_validate_json(response.content)
    assert (problem.status, problem.code) == (422, "invalid_request")


async def test_a_query_beside_a_json_body_is_refused(service):
    response = await service.post("/score?explain=true", json={"items": [ITEM]})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_an_unknown_reward_is_refused_before_anything_is_read(service):
    response = await post(service, to_lines(ITEM), "?reward=none")
    assert (response.status_code, response.json()["code"]) == (422, "unknown_reward")
    assert "pointer" not in response.json()


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        (b"{", "invalid_json", None),
        (b"\xff", "invalid_json", None),
        (b"[]", "invalid_request", ""),
        (b'{"completions": [5]}', "invalid_request", "/completions/0"),
        (b'{"completions": [], "x": 1}', "unknown_field", ""),
        (b'{"completions": ["x"]}', "invalid_request", ""),
        (b'{"completions": [], "ground_truth": [], "id": "' + b"a" * (1 << 16) + b'"}', "body_too_large", None),
        (json.dumps({**ITEM, "completions": [""] * 301}).encode(), "limit_exceeded", "/items"),
    ],
)
async def test_a_bad_line_gets_a_problem_and_the_others_their_verdicts(service, line, code, pointer):
    body = to_lines(ITEM) + line + b"\n" + to_lines(ITEM)
    before, bad, after = answers(await post(service, in_chunks(body, 1024)))
    assert before == after == ANSWER
    problem = Problem.model_validate(bad["problem"])
    assert (problem.code, problem.pointer) == (code, pointer)


async def test_a_message_gets_a_problem_where_the_reward_judges_text(service):
    line = to_lines({"ground_truth": [], "completions": [{"content": "x"}]})
    [answer] = answers(await post(service, line, "?reward=tool_n1/released"))
    assert (answer["problem"]["code"], answer["problem"]["pointer"]) == ("unsupported_completion", "/completions")


async def test_an_empty_body_has_an_empty_answer(service):
    assert answers(await post(service, b"")) == []


async def test_what_the_lines_hold_is_counted(service):
    await post(service, to_lines(ITEM, ITEM, ITEM) + b"{\n")
    metrics = (await service.get("/metrics")).text.splitlines()
    assert 'goodcall_verdicts_total{null="false",reason="ok",reward="tool_n1/hardened@1"} 3.0' in metrics
    assert "goodcall_batch_completions_sum 6.0" in metrics


async def collect(chunks, max_bytes):
    async def body():
        for chunk in chunks:
            yield chunk

    return [line async for lines in split_lines(body(), max_bytes) for line in lines]


@given(st.lists(st.text("ab \r\t", max_size=9).map(str.encode)), st.integers(1, 7), st.booleans())
async def test_lines_are_the_same_whatever_the_chunks(lines, size, ended):
    body = b"\n".join(lines) + (b"\n" if ended else b"")
    found = await collect([body[start : start + size] for start in range(0, len(body), size)], 6)
    assert found == [line if len(line) <= 6 else None for line in lines if line.strip() or len(line) > 6]


async def test_answers_come_while_items_are_still_sent():
    """Spoken to at its ASGI interface, since an HTTP client in process would collect the answer first."""
    app = create_app(Settings())
    asked, sent = [], []

    async def receive():
        asked.append(len(sent))
        return {"type": "http.request", "body": to_lines(ITEM), "more_body": len(asked) < 4}

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/x-ndjson")]
    scope = {"type": "http", "method": "POST", "path": "/score", "headers": headers, "query_string": b""}
    await app(scope, receive, send)
    assert asked == [1, 2, 3, 4]
    assert [message.get("body", b"").count(b"\n") for message in sent] == [0, 1, 1, 1, 1, 0]


async def test_a_caller_that_goes_away_ends_the_work():
    app = create_app(Settings())
    messages = iter([{"type": "http.request", "body": to_lines(ITEM), "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    async def send(_):
        pass

    headers = [(b"content-type", b"application/x-ndjson")]
    scope = {"type": "http", "method": "POST", "path": "/score", "headers": headers, "query_string": b""}
    await app(scope, receive, send)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
        lines = (await http.get("/metrics")).text.splitlines()
    assert "goodcall_requests_in_flight 1.0" in lines
    assert "goodcall_batch_completions_sum 2.0" in lines

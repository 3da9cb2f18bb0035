"""The servers that are compared answer what they should, so that their figures are of the work that is claimed."""

import json

import pytest

from benchmarks import asgi, bodies, limit_server, naive_server, plain_scorer
from benchmarks.corpus import GROUP, make_corpus
from benchmarks.raw_client import RawClient
from benchmarks.servers import LIMIT, serving
from benchmarks.supply import Supply, count_completions, warming
from goodcall.web.app import create_app
from goodcall.web.settings import Settings

TASKS = make_corpus(tasks=16)


def scores(answer):
    return [verdict["score"] for item in json.loads(answer)["items"] for verdict in item["verdicts"]]


async def test_the_service_answers_the_same_grouped_and_inline():
    app = create_app(Settings())
    [grouped], [inline] = (make(TASKS, 1024) for make in (bodies.grouped, bodies.inline))
    found = scores(await asgi.post(app, grouped))
    assert found == scores(await asgi.post(app, inline))
    assert 0 < sum(found) < len(found) == count_completions(TASKS)


async def test_the_naive_server_answers_what_the_plain_scorer_answers():
    expected = [plain_scorer.score(text, task.ground_truth.decode()) for task in TASKS for text in task.completions]
    answers = [json.loads(await asgi.post(naive_server.app, body)) for body in bodies.single(TASKS)]
    assert [answer["score"] for answer in answers] == expected


async def test_the_limit_answers_as_many_verdicts_as_there_are_completions():
    [body] = bodies.grouped(TASKS, 1024)
    assert scores(await asgi.post(limit_server.app, body)) == [1.0] * count_completions(TASKS)


@pytest.mark.parametrize(("size", "requests"), [(1, 16), (8, 16), (64, 2), (1024, 1)])
def test_grouped_bodies_hold_as_many_completions_as_asked_for(size, requests):
    found = [json.loads(body)["items"] for body in bodies.grouped(TASKS, size)]
    assert len(found) == requests
    assert {sum(len(item["completions"]) for item in items) for items in found} == {min(size, 16 * GROUP)}


def test_inline_bodies_repeat_the_tools_for_every_completion():
    [body] = bodies.inline(TASKS, 1024)
    items = json.loads(body)["items"]
    assert [item["completions"] for item in items] == [[text] for task in TASKS for text in task.completions]
    assert all(item["tools"] for item in items)


def test_a_server_in_its_own_process_answers_and_its_cost_is_seen():
    [body] = bodies.grouped(TASKS, 1024)
    with serving(LIMIT) as server, RawClient(server.url, connections=3) as client:
        before = server.cpu_s()
        answers = client.post_together([body] * 3)
        assert [len(scores(answer)) for answer in answers] == [count_completions(TASKS)] * 3
        assert server.cpu_s() > before
        assert server.peak_bytes() >= server.memory_bytes() > 0


def test_a_refused_body_is_an_error_of_the_benchmark():
    with serving(LIMIT) as server, RawClient(server.url) as client, pytest.raises(RuntimeError, match="500"):
        client.post(b"no JSON")


def test_a_server_that_does_not_start_is_an_error_of_the_benchmark():
    with (
        pytest.raises(RuntimeError, match="ended before it listened"),
        serving(["benchmarks.no_such_server"]),
    ):
        pass


def test_a_supply_never_hands_out_a_task_twice():
    supply = Supply(TASKS)
    taken = supply.take(10 * len(TASKS))
    assert len({task.tools for task in taken}) == len(taken)
    assert [task.completions for task in taken] == [task.completions for task in TASKS] * 10


def test_warming_calls_every_tool_with_a_payload_that_occurs_nowhere_else():
    for task in TASKS:
        warm = warming(task)
        assert len(warm.completions) == len(json.loads(task.tools))
        assert not set(warm.completions) & set(task.completions)

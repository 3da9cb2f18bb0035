"""An endpoint that fails is asked again or is an error, never a wrong answer; what it says comes back as meant."""

import asyncio
import json
import socket
import threading

import pytest

from evaluation.standin_endpoint import HANG_UP, StandInEndpoint, call_right, right_calls, say
from goodcall_trainer.evaluation import endpoint as endpoints
from goodcall_trainer.evaluation.conversation import read_message, wire_messages, wire_tools
from goodcall_trainer.evaluation.endpoint import Endpoint, EndpointEngine, chat_form, completions_form
from goodcall_trainer.evaluation.engine import Prompt
from goodcall_trainer.evaluation.failures import EndpointFailed

NO_ANSWER = (200, {}, b'{"choices": []}')


@pytest.fixture(autouse=True)
def _without_long_pauses(monkeypatch):
    monkeypatch.setattr(endpoints, "_FIRST_PAUSE_S", 0.01)


def engine_for(endpoint, prompt=Prompt.PAPER, form=None, **changes):
    settings = {"concurrency": 4, "deadline_s": 30.0} | changes
    described = Endpoint(url=endpoint.url, model="m", **settings)
    return EndpointEngine(described, form or chat_form(prompt), prompt=prompt, max_tokens=64)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def answers_of(engine, questions, answered=()):
    kept = {}
    engine.answer(questions, answered, lambda question, answer: kept.setdefault(question.key, answer))
    return kept


def test_every_question_is_asked_once_greedily_and_its_answer_kept(endpoint, questions):
    kept = answers_of(engine_for(endpoint), questions)
    assert sorted(endpoint.asked) == sorted(kept) == sorted(question.key for question in questions)
    assert all(answer.completion == say(right_calls(q))["content"] for q in questions for answer in [kept[q.key]])
    assert {(body["model"], body["temperature"], body["max_tokens"]) for body in endpoint.bodies} == {("m", 0.0, 64)}
    assert not any("tools" in body for body in endpoint.bodies)


def test_questions_that_have_an_answer_are_not_asked(endpoint, questions):
    answered = {question.key for question in questions[1:]}
    assert list(answers_of(engine_for(endpoint), questions, answered)) == [questions[0].key]
    assert endpoint.asked == [questions[0].key]


def test_no_more_questions_are_under_way_than_allowed(endpoint, questions):
    three = threading.Barrier(3)
    endpoint.hold = lambda: three.wait(timeout=30)
    answers_of(engine_for(endpoint, concurrency=3), questions[:30])
    assert endpoint.most_at_once == 3


@pytest.mark.parametrize(
    "fault",
    [(500, {}, b""), (503, {"retry-after": "1"}, b""), (429, {}, b""), HANG_UP, NO_ANSWER, (200, {}, b"<html>")],
)
def test_a_request_that_failed_is_made_again(fault, endpoint, questions):
    endpoint.fault = lambda number: fault if number == 0 else None
    kept = answers_of(engine_for(endpoint, concurrency=1), questions[:2])
    assert len(kept) == 2
    assert len(endpoint.bodies) == 3


def test_a_request_that_hangs_is_made_again(endpoint, questions):
    released = threading.Event()
    endpoint.hold = lambda: released.wait(timeout=30) if len(endpoint.bodies) == 1 else released.set()
    kept = answers_of(engine_for(endpoint, attempt_timeout_s=0.2), questions[:1])
    assert list(kept) == [questions[0].key]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((500, {}, b'{"error": "out of memory"}'), "500 out of memory"),
        (NO_ANSWER, "none of this API"),
        (HANG_UP, "Error"),
    ],
)
def test_an_endpoint_that_keeps_failing_is_an_error_and_what_was_answered_is_kept(fault, said, endpoint, questions):
    endpoint.fault = lambda number: fault if number >= 2 else None
    kept = {}
    with pytest.raises(EndpointFailed, match=rf"gave no answer to \S+ within 0.5 s \(\d+ attempts\): .*{said}"):
        engine_for(endpoint, deadline_s=0.5, concurrency=1).answer(
            questions, (), lambda question, answer: kept.setdefault(question.key, answer)
        )
    assert len(kept) == 2


def test_being_asked_to_wait_longer_than_the_deadline_ends_the_run_at_once(endpoint, questions):
    endpoint.fault = lambda _: (429, {"retry-after": "3600"}, b"slow down")
    with pytest.raises(EndpointFailed, match=r"1 attempts.*429 slow down"):
        answers_of(engine_for(endpoint), questions[:1])


def test_whoever_waits_is_told_why_once_in_a_while(endpoint, questions):
    endpoint.fault = lambda number: (429, {}, b"slow down") if number < 3 else None
    told = []
    described = Endpoint(url=endpoint.url, model="m", concurrency=2)
    engine = EndpointEngine(described, chat_form(Prompt.PAPER), prompt=Prompt.PAPER, max_tokens=64, notice=told.append)
    answers_of(engine, questions[:2])
    assert told == [f"{endpoint.url}/chat/completions: 429 slow down; asking again, each question for 600 s"]


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_a_refusal_is_an_error_at_once(status, endpoint, questions):
    endpoint.fault = lambda _: (status, {}, b'{"error": {"message": "no such model"}}')
    with pytest.raises(EndpointFailed, match=rf"refused \S+: {status} no such model"):
        answers_of(engine_for(endpoint, concurrency=1), questions)
    assert len(endpoint.bodies) == 1


TOO_LONG = b'{"error": {"message": "This model\'s maximum context length is 4096 tokens."}}'


def test_a_prompt_that_is_too_long_for_the_model_has_no_answer_and_its_neighbours_have(endpoint, questions):
    endpoint.fault = lambda number: (400, {}, TOO_LONG) if 1 <= number < 8 else None
    kept = answers_of(engine_for(endpoint, concurrency=1), questions[:3])
    assert [answer.fault for answer in kept.values()] == ["", "prompt_too_long", ""]
    assert [body["max_tokens"] for body in endpoint.bodies] == [64, 64, 32, 16, 8, 4, 2, 1, 64]
    assert kept[questions[1].key].completion is None


def test_a_longest_answer_that_the_model_has_no_room_for_is_halved_until_it_has(endpoint, questions):
    endpoint.fault = lambda number: (400, {}, TOO_LONG) if number < 2 else None
    kept = answers_of(engine_for(endpoint, concurrency=1), questions[:2])
    assert [answer.fault for answer in kept.values()] == ["", ""]
    assert [body["max_tokens"] for body in endpoint.bodies] == [64, 32, 16, 64]


def test_an_endpoint_that_is_not_there_is_an_error(questions):
    engine = engine_for(StandInEndpoint(url=f"http://127.0.0.1:{closed_port()}/v1"), deadline_s=0.3)
    with pytest.raises(EndpointFailed, match="ConnectError"):
        answers_of(engine, questions[:1])


def test_the_key_is_sent_and_is_in_no_message(endpoint, questions):
    endpoint.fault = lambda _: (401, {}, b"no")
    with pytest.raises(EndpointFailed) as failed:
        answers_of(engine_for(endpoint, api_key="s3cret"), questions[:1])
    assert endpoint.headers[0]["authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(failed.value)


def test_with_the_servers_template_tools_are_a_field_and_calls_come_back_under_their_own_names(endpoint, questions):
    endpoint.say = call_right
    kept = answers_of(engine_for(endpoint, Prompt.CHAT_TEMPLATE), questions)
    [body] = [
        body
        for body in endpoint.bodies
        if body["messages"][-1]["content"].startswith("In live_simple, please draw figure 1")
    ]
    assert [tool["function"]["name"] for tool in body["tools"]] == ["shapes_draw", "shapes_erase"]
    [call] = kept["bfcl/live_simple_1-1-0"].completion["tool_calls"]
    assert call["function"]["name"] == "shapes.draw"
    assert json.loads(call["function"]["arguments"])["figure"] == 1
    assert kept["bfcl/irrelevance_0"].completion == "No."


def test_plain_completions_get_the_rendered_prompt(endpoint, questions):
    endpoint.text, endpoint.finish_reason = "<tool_call>[", "length"
    form = completions_form(lambda row: f"PROMPT {row.id}")
    kept = answers_of(engine_for(endpoint, form=form), questions[:1])
    assert endpoint.bodies[0]["prompt"] == f"PROMPT {questions[0].id}"
    [answer] = kept.values()
    assert (answer.completion, answer.truncated) == ("<tool_call>[", True)


def test_a_text_that_is_no_text_is_an_error(endpoint, questions):
    endpoint.text = None
    with pytest.raises(EndpointFailed, match="none of this API"):
        answers_of(engine_for(endpoint, form=completions_form(lambda _: ""), deadline_s=0.2), questions[:1])


def test_messages_on_the_wire_have_ids_and_results_say_whose_they_are():
    calls = [{"type": "function", "function": {"name": "a.b", "arguments": {"x": "ü"}}}] * 2
    messages = (
        {"role": "tool", "content": "early"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "one"},
        {"role": "tool", "content": "two"},
    )
    early, user, assistant, one, two = wire_messages(messages)
    assert user == {"role": "user", "content": "hi"}
    assert early["tool_call_id"] == "call_0"
    assert [call["id"] for call in assistant["tool_calls"]] == [one["tool_call_id"], two["tool_call_id"]]
    assert assistant["tool_calls"][0]["function"] == {"name": "a_b", "arguments": '{"x": "ü"}'}


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {"content": 3},
        {"tool_calls": [3]},
        {"tool_calls": [{"function": {"name": "f"}}]},
        {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
    ],
)
def test_what_is_no_message_is_no_answer(message):
    with pytest.raises(ValueError, match=r"no message|a call without"):
        read_message(message, ())


def test_a_message_without_words_or_calls_is_an_empty_answer():
    assert read_message({"content": None, "tool_calls": []}, ()) == ""


def test_a_name_that_no_tool_has_stays_as_it_was_called(questions):
    tools = wire_tools(questions[0].row.tools)
    message = {"tool_calls": [{"function": {"name": "x.y", "arguments": "{"}}]}
    assert read_message(message, tools)["tool_calls"][0]["function"] == {"name": "x.y", "arguments": "{"}


def test_an_interruption_while_answers_are_under_way_leaves_no_task_behind(endpoint, questions):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine_for(endpoint).answer(questions, (), interrupt)
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()

"""An OpenAI-compatible endpoint on loopback whose model knows the acceptable answers, and gives them, or others.

It runs by itself, too: `python standin_endpoint.py bfcl=FOLDER apibank=FOLDER` prints its URL and serves until killed.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from goodcall_trainer.evaluation.conversation import wire_messages, wire_name
from goodcall_trainer.evaluation.options import READERS
from goodcall_trainer.evaluation.questions import Question
from goodcall_trainer.prepare.sources import bfcl
from goodcall_trainer.tool_n1_prompt import tool_n1_messages

Say = Callable[[Question], dict[str, Any]]


def read_questions(name: str, place: str) -> tuple[Question, ...]:
    reader, categories = READERS[name]
    return reader(place, frozenset(categories)).questions


def right_calls(question: Question) -> list[dict[str, Any]]:
    """The expected calls; of BFCL with the first acceptable value of each argument."""
    if question.benchmark != "bfcl":
        return question.ground_truth[:1]
    if question.category == "live_relevance":
        return [{"name": question.tools[0]["name"], "arguments": {}}]
    if not question.ground_truth:
        return []
    # A few questions accept no value of an argument at all; they can't be answered right, and still are answered.
    answers = [{name: {key: values or ["?"] for key, values in a.items()}} for e in question.ground_truth for name, a in e.items()]
    record = {"question": [list(question.row.messages)], "function": question.tools, "ground_truth": answers}
    return list(list(bfcl.read(record, question.id))[-1].ground_truth)


def say(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """A message in the form that the paper's prompt asks for."""
    return {"role": "assistant", "content": f"<think>t</think><tool_call>{json.dumps(calls)}</tool_call>"}


def say_right(question: Question) -> dict[str, Any]:
    return say(right_calls(question))


def call_right(question: Question) -> dict[str, Any]:
    """The same as calls that a server has parsed, under the names that the wire allows."""
    calls = [
        {"id": "c", "type": "function", "function": {"name": wire_name(c["name"]), "arguments": json.dumps(c["arguments"])}}
        for c in right_calls(question)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls} if calls else {"role": "assistant", "content": "No."}


@dataclass(kw_only=True)
class StandInEndpoint:
    """What it was asked, and what it says."""

    url: str = ""
    say: Say = say_right
    asked: list[str] = field(default_factory=list)
    """Keys of the questions, in the order in which they came."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    fault: Callable[[int], tuple[int, dict[str, str], bytes] | None] = lambda _: None
    """What is wrong with the request of this number, if anything: status, headers, body."""
    finish_reason: str = "stop"
    delay_s: float = 0.0
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serve(questions: Iterator[Question] | tuple[Question, ...]) -> Iterator[StandInEndpoint]:
    """Knows these questions by their conversations, however they are put."""
    known = {}
    for question in questions:
        for messages in (question.row.messages, tool_n1_messages(question.row, reasoning=True)):
            known[_key(wire_messages(messages), question.row.tools)] = question
            known.setdefault(_key(wire_messages(messages), ()), question)
    stand_in = StandInEndpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with stand_in.lock:
                number = len(stand_in.bodies)
                stand_in.bodies.append(body)
                stand_in.under_way += 1
                stand_in.most_under_way = max(stand_in.most_under_way, stand_in.under_way)
            try:
                self._respond(number, body)
            finally:
                with stand_in.lock:
                    stand_in.under_way -= 1

        def _respond(self, number: int, body: dict[str, Any]) -> None:
            if stand_in.delay_s:
                time.sleep(stand_in.delay_s)
            if fault := stand_in.fault(number):
                self._answer(*fault)
                return
            question = known.get(_key(body["messages"], body.get("tools", ())))
            if question is None:
                self._answer(400, {}, json.dumps({"error": {"message": "I was not told of this question"}}).encode())
                return
            stand_in.asked.append(question.key)
            choice = {"index": 0, "message": stand_in.say(question), "finish_reason": stand_in.finish_reason}
            self._answer(200, {}, json.dumps({"choices": [choice]}).encode())

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Stays quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        stand_in.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield stand_in
        server.shutdown()
        thread.join()


def _key(messages: Any, tools: Any) -> str:
    return json.dumps([messages, sorted(wire_name(tool["function"]["name"]) for tool in tools)])


if __name__ == "__main__":
    named = (argument.partition("=") for argument in sys.argv[1:])
    with serve(tuple(question for name, _, place in named for question in read_questions(name, place))) as endpoint:
        print(endpoint.url, flush=True)  # noqa: T201 - for whoever started it
        threading.Event().wait()

"""An OpenAI-compatible endpoint on loopback whose model knows the acceptable answers, and gives them, or others.

By itself, `python standin_endpoint.py right bfcl=FOLDER apibank=FOLDER` prints its URL and serves until it is killed.
Instead of `right`, it takes another of `MANNERS`.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from goodcall_trainer.evaluation.conversation import wire_messages, wire_name, wire_tools
from goodcall_trainer.evaluation.options import READERS
from goodcall_trainer.evaluation.questions import Question
from goodcall_trainer.tool_n1_prompt import tool_n1_messages

Say = Callable[[Question], dict[str, Any]]


def read_questions(name: str, place: str) -> tuple[Question, ...]:
    reader, categories = READERS[name]
    return reader(place, frozenset(categories)).questions


def right_calls(question: Question) -> list[dict[str, Any]]:
    """The expected calls; of BFCL with the first acceptable value of each argument, as far as there is one."""
    if question.benchmark != "bfcl":
        return question.ground_truth[:1]
    if question.category == "live_relevance":
        return [{"name": question.tools[0]["name"], "arguments": {}}]
    declared = {tool["name"]: tool["parameters"] for tool in question.tools}
    return [
        {"name": name, "arguments": right_arguments(acceptable, declared[name])}
        for expected in question.ground_truth or ()
        for name, acceptable in expected.items()
    ]


def right_arguments(acceptable: dict[str, list[Any]], declared: dict[str, Any]) -> dict[str, Any]:
    arguments = {}
    for name, values in acceptable.items():
        given = [value for value in values if value != ""]
        if given and ("" not in values or name in declared["properties"]):
            arguments[name] = first_within(given[0])
        elif not given and name in declared.get("required", ()):
            arguments[name] = ""
    return arguments


def first_within(value: Any) -> Any:
    """An acceptable object with the first of each key's own acceptable values; the same within a list of objects."""
    if isinstance(value, list):
        return [first_within(element) if isinstance(element, dict) else element for element in value]
    if not isinstance(value, dict):
        return value
    return {key: values[0] for key, values in value.items() if values[0] != ""}


def say(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """A message in the form that the paper's prompt asks for."""
    return {"role": "assistant", "content": f"<think>t</think><tool_call>{json.dumps(calls)}</tool_call>"}


def say_right(question: Question) -> dict[str, Any]:
    return say(right_calls(question))


def call_right(question: Question) -> dict[str, Any]:
    """The same as calls that a server has parsed, under the names that the wire allows."""
    calls = [
        {
            "id": "c",
            "type": "function",
            "function": {"name": wire_name(c["name"]), "arguments": json.dumps(c["arguments"])},
        }
        for c in right_calls(question)
    ]
    return (
        {"role": "assistant", "content": None, "tool_calls": calls}
        if calls
        else {"role": "assistant", "content": "No."}
    )


def refuse(_: Question) -> dict[str, Any]:
    return say([])


def call_the_same(_: Question) -> dict[str, Any]:
    return say([{"name": "get_weather", "arguments": {"city": "Oslo"}}])


def call_the_first(question: Question) -> dict[str, Any]:
    """The first tool, with nothing filled in."""
    return say([{"name": tool["function"]["name"], "arguments": {}} for tool in question.row.tools[:1]])


MANNERS: dict[str, Say] = {
    "right": say_right,
    "right-parsed": call_right,
    "refuse": refuse,
    "the-same": call_the_same,
    "the-first": call_the_first,
}


Fault = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer that is none."""

HANG_UP: Fault = (0, {}, b"")
"""Instead of an answer, the end of the connection."""


@dataclass(kw_only=True)
class StandInEndpoint:
    """What it was asked, and what it says."""

    url: str = ""
    known: dict[str, Question] = field(default_factory=dict)
    say: Say = say_right
    text: str = ""
    """Said to every prompt of plain completions."""
    finish_reason: str = "stop"
    fault: Callable[[int], Fault | None] = lambda _: None
    """What is wrong with the request of this number, if anything."""
    hold: Callable[[], None] = lambda: None
    """Called before each answer."""
    asked: list[str] = field(default_factory=list)
    """Keys of the questions that were answered, in their order."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def asked_at_once(self, body: dict[str, Any], headers: dict[str, str]) -> Iterator[int]:
        """Counts a request while it is under way; gives its number."""
        with self._lock:
            number = len(self.bodies)
            self.bodies.append(body)
            self.headers.append(headers)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self.hold()
            yield number
        finally:
            with self._lock:
                self._at_once -= 1


@contextmanager
def serve(questions: Iterable[Question]) -> Iterator[StandInEndpoint]:
    """Knows these questions by their conversations, however they are put."""
    stand_in = StandInEndpoint()
    for question in questions:
        paper = wire_messages(tool_n1_messages(question.row, reasoning=True))
        stand_in.known[_key(paper, ())] = question
        stand_in.known[_key(wire_messages(question.row.messages), wire_tools(question.row.tools))] = question
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        stand_in.url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    """As many as are asked at once; with fewer, some connections take a second longer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stand_in: StandInEndpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.stand_in.asked_at_once(body, {name.lower(): value for name, value in self.headers.items()}) as number:
            fault = self.stand_in.fault(number)
            if fault is None:
                self._answer(200, {}, json.dumps(self._said(body)).encode())
            elif fault is not HANG_UP:
                self._answer(*fault)
            else:
                self.close_connection = True

    def _said(self, body: dict[str, Any]) -> Any:
        if "prompt" in body:
            return {"choices": [{"index": 0, "text": self.stand_in.text, "finish_reason": self.stand_in.finish_reason}]}
        question = self.stand_in.known[_key(body["messages"], body.get("tools", ()))]
        self.stand_in.asked.append(question.key)
        message = self.stand_in.say(question)
        return {"choices": [{"index": 0, "message": message, "finish_reason": self.stand_in.finish_reason}]}

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # of whoever gave up waiting
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stays quiet."""


def _key(messages: Any, tools: Any) -> str:
    """A conversation, and the tools in the request if there are any."""
    return json.dumps([messages, list(tools)])


if __name__ == "__main__":
    manner, *named = sys.argv[1:]
    places = (argument.partition("=") for argument in named)
    with serve(question for name, _, place in places for question in read_questions(name, place)) as endpoint:
        endpoint.say = MANNERS[manner]
        print(endpoint.url, flush=True)  # noqa: T201 - for whoever started it
        threading.Event().wait()

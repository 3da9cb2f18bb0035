"""Where the time of a verdict over HTTP goes: ``python -m benchmarks.pieces [ROUNDS]`` prints a table in Markdown.

The pieces of client and service, each called by itself in this process, beside what the whole costs.
"""

import asyncio
import statistics
import sys
from collections.abc import Callable, Sequence

from benchmarks import asgi, bodies
from benchmarks.corpus import Task, make_corpus
from benchmarks.over_http import to_item, warm_up
from benchmarks.raw_client import RawClient
from benchmarks.rounds import cpu_s
from benchmarks.servers import GOODCALL, Server, serving
from benchmarks.supply import Supply, count_completions, warming
from goodcall.items import to_completions, to_task
from goodcall.rewards.tool_n1 import HARDENED
from goodcall.scoring import Scorer
from goodcall.types import Verdict
from goodcall.web.app import create_app
from goodcall.web.garbage_collection import keep_collections_short
from goodcall.web.memory import keep_memory_at_hand
from goodcall.web.settings import Settings
from goodcall.web.wire import decode_request
from goodcall_client import AsyncClient
from goodcall_client._answer import merge, read_answer
from goodcall_client._request import ScoreRequest, plan

_PER_REQUEST = 1024

Measured = dict[str, list[float]]
"""Microseconds a completion by piece, one figure a round."""


class Pieces:
    """Measures the pieces of both sides, round by round."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self._tasks = make_corpus()
        self._supply = Supply(self._tasks)
        self._server, self._loop = server, loop
        self._client, self._raw = AsyncClient(server.url), RawClient(server.url)
        self._app = create_app(Settings())
        self.measured: Measured = {}

    def run(self) -> None:
        """One round, with an edition of the tasks of its own."""
        tasks = self._supply.take(len(self._tasks))
        warm_up(self._raw, tasks)
        self._run_client(tasks)
        self._run_service(tasks)

    def _run_client(self, tasks: Sequence[Task]) -> None:
        items, completions = [to_item(task) for task in tasks], count_completions(tasks)
        requests: list[ScoreRequest] = []

        def make_requests() -> None:
            requests[:] = plan(tuple(items), limit=_PER_REQUEST, reward=None, assistant_prefix="", explain=False)

        self._note("client: check, split and encode", make_requests, completions)
        answers: list[bytes] = []
        self._note("client: send and receive, by httpx", lambda: answers.extend(self._exchange(requests)), completions)
        self._note("the same bytes over a plain socket", lambda: self._post(requests), completions)
        read = [*map(read_answer, answers, requests)]
        self._note("client: read and check", lambda: [*map(read_answer, answers, requests)], completions)
        self._note("client: merge", lambda: merge(requests, read), completions)
        whole = cpu_s(lambda: self._loop.run_until_complete(self._client.score(items)))
        self._add("client: the whole", whole / completions)

    def _exchange(self, requests: Sequence[ScoreRequest]) -> list[bytes]:
        async def exchange() -> list[bytes]:
            url = f"{self._server.url}/score"
            return [(await self._client._exchange("POST", url, request.body)).content for request in requests]  # noqa: SLF001

        return self._loop.run_until_complete(exchange())

    def _post(self, requests: Sequence[ScoreRequest]) -> None:
        for request in requests:
            self._raw.post(request.body)

    def _run_service(self, tasks: Sequence[Task]) -> None:
        completions, scorer = count_completions(tasks), Scorer()
        ready = bodies.grouped(tasks, _PER_REQUEST)
        for body in bodies.grouped([*map(warming, tasks)], _PER_REQUEST):
            self._loop.run_until_complete(asgi.post(self._app, body))
            _judge(scorer, body)
        self._note("service: decode", lambda: [decode_request(body) for body in ready], completions)
        self._note("service: decode and judge", lambda: [_judge(scorer, body) for body in ready], completions)
        post = asgi.post
        self._note(
            "service: the app without its network",
            lambda: [self._loop.run_until_complete(post(self._app, body)) for body in ready],
            completions,
        )
        before = self._server.cpu_s()
        for body in ready:
            self._raw.post(body)
        self._add("service: the whole", (self._server.cpu_s() - before) / completions)

    def _note(self, piece: str, work: Callable[[], object], completions: int) -> None:
        self._add(piece, cpu_s(work) / completions)

    def _add(self, piece: str, seconds: float) -> None:
        self.measured.setdefault(piece, []).append(seconds * 1e6)


def _judge(scorer: Scorer, body: bytes) -> list[list[Verdict]]:
    items = decode_request(body).items
    return [scorer.score_group(to_completions(item), to_task(item), HARDENED) for item in items]


def main() -> None:
    """Prints the medians of the rounds."""
    # As in the service: the pieces are measured where it runs them.
    keep_collections_short()
    keep_memory_at_hand()
    with serving(GOODCALL) as server, asyncio.Runner() as runner:
        pieces = Pieces(server, runner.get_loop())
        for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 9):
            pieces.run()
    sys.stdout.write("| piece | µs a completion |\n| --- | ---: |\n")
    for piece, figures in pieces.measured.items():
        sys.stdout.write(f"| {piece} | {statistics.median(figures):.2f} |\n")


if __name__ == "__main__":
    main()

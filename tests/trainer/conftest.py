"""A stand-in for the reward service on loopback, and a policy small enough to train in a test."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import torch

from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.demonstrations import Demonstration, demonstrate
from goodcall_trainer.demo.generate import Splits, generate_splits
from goodcall_trainer.demo.policy import build_policy, train_tokenizer

# Threads of several test processes on few cores would mostly wait for each other.
torch.set_num_threads(1)

Judge = Callable[[dict[str, Any], str], dict[str, Any]]


def lenient_verdict(item: dict[str, Any], completion: str) -> dict[str, Any]:
    """Half of all texts are right, whatever they say: an untrained policy needs rewards that differ, too."""
    del item
    return {"score": 1.0, "reason": "ok"} if len(completion) % 2 else {"score": 0.0, "reason": "odd"}


@dataclass(kw_only=True)
class StandIn:
    """What the stand-in was asked, and what it says."""

    url: str = ""
    judge: Judge = lenient_verdict
    judge_by: Callable[[str, dict[str, Any], str], dict[str, Any]] | None = None
    """Takes the place of `judge` for verdicts that depend on the reward."""
    digest: str = "sha256:0"
    unknown: str = ""
    """A reward that the stand-in does not have."""
    requests: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[StandIn]:
    """A service that follows the wire: `POST /score` and `GET /readyz`."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"status": "ready"})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            stand_in.requests.append(request)
            if request["reward"] == stand_in.unknown:
                self._answer({"code": "unknown_reward", "status": 404, "detail": "There is none."}, status=404)
                return
            reward = request["reward"]
            items = [
                {"id": item.get("id"), "verdicts": [self._judge(reward, item, text) for text in item["completions"]]}
                for item in request["items"]
            ]
            answer = {"reward": request["reward"], "digest": stand_in.digest, "request_id": "r", "items": items}
            self._answer(answer)

        def _judge(self, reward: str, item: dict[str, Any], text: str) -> dict[str, Any]:
            return stand_in.judge_by(reward, item, text) if stand_in.judge_by else stand_in.judge(item, text)

        def _answer(self, body: dict[str, Any], *, status: int = 200) -> None:
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json" if status == 200 else "application/problem+json")
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_: Any) -> None:
            """Stays quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        stand_in.url = f"http://127.0.0.1:{server.server_port}"
        yield stand_in
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def splits() -> Splits:
    return generate_splits(seed=1, sft=600, grpo=60, heldout=60)


@pytest.fixture(scope="session")
def demonstrations(splits: Splits) -> list[Demonstration]:
    config, rng = DemoConfig(), random.Random(1)
    return [
        demonstrate(row, habit_share=config.habit_share, slip_share=config.slip_share, rng=rng) for row in splits.sft
    ]


@pytest.fixture(scope="session")
def tokenizer(demonstrations: list[Demonstration]) -> Any:
    return train_tokenizer(d.prompt + d.completion for d in demonstrations)


@pytest.fixture
def policy(tokenizer: Any) -> Any:
    return build_policy(tokenizer, seed=1)

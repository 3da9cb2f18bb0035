"""Where the test data is: golden cases of this repository, and suites beside it that others wrote."""

import gzip
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parent.parent
SHARED = REPOSITORY.parent / "shared"


def golden_cases(reward_id: str) -> list[dict[str, Any]]:
    """The golden cases of one reward: items of the wire with one completion, and the score and reason it gets."""
    name = reward_id.partition("@")[0].replace("/", "_")
    lines = (REPOSITORY / "tests" / "golden" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def conformance(name: str) -> Path:
    """A conformance file: what published scorers and an independent verifier answered."""
    return _shared("conformance", name)


def suite(name: str) -> Path:
    """The folder of a test suite that others wrote."""
    return _shared("suites", name)


def dataset(*parts: str) -> Path:
    """A file or a folder of the datasets that others made."""
    return _shared("data", *parts)


def _shared(*parts: str) -> Path:
    """Something beside the checkout; skips the test where it is absent, except where it must be there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing and must be there in CI")
        pytest.skip(f"there is no {'/'.join(parts)} beside this checkout")
    return path


@cache
def conformance_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a gzipped conformance file."""
    with gzip.open(conformance(name), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@cache
def conformance_tasks() -> dict[str, dict[str, Any]]:
    """The tasks of the conformance files by their ids."""
    return {task["id"]: task for task in conformance_rows("tasks.jsonl.gz")}


def released_vectors(scorer: str = "v0") -> Iterator[tuple[str, str, str, float, bool]]:
    """Name, completion, ground truth text, score of a published scorer and whether it raises, of each vector."""
    for vector in json.loads(conformance("tool_n1_vectors.json").read_text(encoding="utf-8"))["vectors"]:
        completion, score = vector["completion"], vector["score"][scorer]
        if isinstance(completion, dict):
            completion = deep_list_completion(completion)
        raises = isinstance(score, dict)
        yield vector["name"], completion, vector["ground_truth"], 0.0 if raises else score, raises


def deep_list_completion(recipe: dict[str, Any]) -> str:
    """The completion that a vector describes instead of spelling it out."""
    assert recipe["recipe"] == "deep nest list 100k"
    completion = f"<think>t</think><tool_call>{'[' * 100_000}{']' * 100_000}</tool_call>"
    assert len(completion) == recipe["length"]
    return completion


def write_completion(calls: list[dict[str, Any]]) -> str:
    """A completion in perfect form that makes these calls."""
    return f"<think>The request asks for it.</think><tool_call>{json.dumps(calls)}</tool_call>"

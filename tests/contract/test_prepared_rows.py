"""What `prepare` of the trainer writes, judged by the service: it reads tools alike, and can score every row."""

import json
from contextlib import nullcontext

import pytest

from goodcall import Scorer, TaskSource, find_reward
from goodcall.dialects import normalise
from goodcall_trainer.prepare.encoded import encode_row
from goodcall_trainer.prepare.found import Unreadable
from goodcall_trainer.prepare.job import Job
from goodcall_trainer.prepare.pipeline import run
from goodcall_trainer.prepare.recipe import Recipe
from goodcall_trainer.prepare.records import read_records
from goodcall_trainer.prepare.row_files import read_rows
from goodcall_trainer.prepare.sources import Source
from goodcall_trainer.prepare.splits import SPLITS
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Row
from suites import dataset, write_completion

EVERYTHING = Recipe(keep_answers_in_words=True, irrelevance_share=0.5, masking_share=0.5)
NO_CALL = "<think>No tool fits.</think>I can't do that."


@pytest.mark.parametrize(("name", "least"), [("bfcl", 4200), ("rlla", 500)])
def test_every_row_that_is_prepared_gets_1_for_its_own_answer(tmp_path, name, least):
    job = Job(sources=[Source(name, str(dataset(name)))], recipe=EVERYTHING, seed=1)
    run(job, tmp_path, lambda _count: None)
    rows = [row for split in SPLITS for row in read_rows(tmp_path / f"{split}.parquet")]
    assert len(rows) > least
    scorer, reward = Scorer(), find_reward("tool_n1/hardened@1")
    for row in rows:
        task = TaskSource(tools=json.dumps(row.tools).encode(), ground_truth=json.dumps(row.ground_truth).encode())
        completion = write_completion(list(row.ground_truth)) if row.ground_truth else NO_CALL
        [verdict] = scorer.score_group([completion], task, reward)
        assert (verdict.score, row.id) == (1.0, row.id)


@pytest.mark.parametrize(("depth", "score"), [(61, 1.0), (62, None)])
def test_rows_may_be_as_deep_as_the_service_reads_and_no_deeper(depth, score):
    call = {"name": "f", "arguments": {"x": json.loads("[" * depth + "]" * depth)}}
    row = Row(id="deep", source="made", messages=(), tools=(), ground_truth=(call,))
    task = TaskSource(tools=None, ground_truth=json.dumps([call]).encode())
    [verdict] = Scorer().score_group([write_completion([call])], task, find_reward("tool_n1/hardened@1"))
    assert verdict.score == score
    with pytest.raises(ValueError, match="too deep") if score is None else nullcontext():
        encode_row(row)


def test_tools_are_read_as_the_service_reads_them():
    compared = 0
    for record in read_records(str(dataset("bfcl"))):
        try:
            tools = read_tools(record["function"])
        except Unreadable:
            assert record["id"] == "simple_javascript_23", "a type that is an empty word"
            continue
        for tool, normalised in zip(tools, normalise(record["function"]).tools, strict=True):
            assert tool["function"]["name"] == normalised.name
            assert tool["function"]["parameters"] == normalised.parameters
            compared += 1
    assert compared > 7000

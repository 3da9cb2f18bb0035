"""Spark: the same verdicts as in-process, from two processes that Spark starts."""

import json
import sys

import pytest

from command_line import WEATHER, call, completion
from goodcall import Scorer, find_reward
from goodcall.types import TaskSource

pytest.importorskip("pyspark", reason="Spark is in an environment of its own: make test-ray")

from pyspark.errors import PythonException
from pyspark.sql import SparkSession
from pyspark.sql.functions import explode

from goodcall.bulk.spark import schema_with_verdicts, verdicts_in_pandas, with_verdicts
from goodcall.errors import UnknownReward

# Spark 4.3 says this of the pandas that the rest is pinned to; what is used of it here works with both.
pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")

RIGHT, WRONG = completion(call()), completion(call("Rome"))


@pytest.fixture(scope="module")
def spark():
    environment = pytest.MonkeyPatch()
    environment.setenv("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    yield session
    session.stop()
    environment.undo()


def rows(count):
    """Groups of three, of which one is right; no two rows are the same."""
    tools = json.dumps([WEATHER])
    for number in range(count):
        expected = call(days=number)
        texts = [completion(expected), WRONG, f"No. {number}"]
        yield f"row-{number}", tools, json.dumps([expected]), texts, number


COLUMNS = ["id", "tools", "ground_truth", "completions", "of_my_own"]


def test_verdicts_are_those_of_this_process_and_other_columns_are_kept(spark):
    given = list(rows(300))
    scored = with_verdicts(spark.createDataFrame(given, COLUMNS).repartition(4)).collect()
    assert len(scored) == 300
    scorer, reward = Scorer(), find_reward("tool_n1/hardened")
    for row in scored:
        task = TaskSource(tools=row.tools.encode(), ground_truth=row.ground_truth.encode())
        expected = scorer.score_group(row.completions, task, reward)
        assert [(one.score, one.reason) for one in row.verdicts] == [(one.score, one.reason.value) for one in expected]
        assert row.id == f"row-{row.of_my_own}"


def test_the_function_serves_map_in_pandas_by_itself(spark):
    frame = spark.createDataFrame(list(rows(4)), COLUMNS)
    scored = frame.mapInPandas(verdicts_in_pandas(reward="schema/valid"), schema_with_verdicts(frame.schema))
    reasons = scored.select(explode("verdicts").alias("verdict")).groupBy("verdict.reason").count().collect()
    assert {row.reason: row["count"] for row in reasons} == {"ok": 8, "think_missing": 4}


def test_nested_values_are_read_as_well_as_json_text(spark):
    nested = (
        "tools array<struct<name: string>>, ground_truth array<struct<name: string, arguments: map<string, string>>>"
    )
    frame = spark.createDataFrame(
        [([("get_weather",)], [("get_weather", {"city": "Oslo"})], RIGHT)], f"{nested}, completion string"
    )
    [row] = with_verdicts(frame).collect()
    assert [one.score for one in row.verdicts] == [1.0]


def test_with_explanations_a_verdict_says_where(spark):
    frame = spark.createDataFrame([(json.dumps([call()]), WRONG)], "ground_truth string, completion string")
    [row] = with_verdicts(frame, explain=True).collect()
    detail = row.verdicts[0].detail
    assert (detail.pointer, detail.expected, detail.got) == ("/0/arguments/city", '"Oslo"', '"Rome"')


def test_verdicts_of_an_earlier_time_are_replaced(spark):
    frame = with_verdicts(spark.createDataFrame(list(rows(2)), COLUMNS), explain=True)
    again = with_verdicts(frame, reward="schema/valid")
    assert [one.score for row in again.collect() for one in row.verdicts] == [1.0, 1.0, 0.0] * 2


def test_a_row_that_is_no_item_fails_the_job_with_a_sentence(spark):
    frame = spark.createDataFrame([(7,)], "completion int")
    with pytest.raises(PythonException, match="the table, row 1"):
        with_verdicts(frame).collect()


def test_a_reward_that_does_not_exist_is_refused_before_a_job_runs(spark):
    with pytest.raises(UnknownReward):
        with_verdicts(spark.createDataFrame(list(rows(1)), COLUMNS), reward="tool_n1/hardend")

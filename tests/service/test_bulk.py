"""Bulk scoring without its engines: parts of Parquet files, and folders of verdicts that are never half true."""

import json
import os
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_line import call, completion, goodcall, goodcall_process, item, read_lines
from goodcall import CATALOGUE, UnknownReward
from goodcall.bulk.failures import UnusableFolder, UnusableRows
from goodcall.bulk.judging import Judging
from goodcall.bulk.parts import plan_parts, read_part
from goodcall.bulk.run_folder import begin_run, end_run
from goodcall.bulk.score_part import Work, score_part
from goodcall.bulk.tables import with_verdicts

RIGHT, WRONG = completion(call()), completion(call("Rome"))
REWARD = "tool_n1/hardened@1"


def table_of(count, *, first=0):
    rows = [item(RIGHT, WRONG, f"No. {number}", id=f"row-{number}") for number in range(first, first + count)]
    columns = {name: [row[name] for row in rows] for name in ("id", "completions")}
    return pa.table(columns | {name: [json.dumps(row[name]) for row in rows] for name in ("tools", "ground_truth")})


@pytest.fixture
def rollouts(tmp_path):
    """A folder with two files of verdicts to be, one of them further down."""
    (tmp_path / "in" / "day=2").mkdir(parents=True)
    pq.write_table(table_of(5), tmp_path / "in" / "a.parquet", row_group_size=2)
    pq.write_table(table_of(4, first=5), tmp_path / "in" / "day=2" / "b.parquet")
    return tmp_path / "in"


def work_on(source, *, reward=REWARD, **judging):
    return Work(
        source=str(source),
        output=str(source.parent / "out"),
        digest=CATALOGUE[reward].digest,
        judging=Judging(rewards=(reward,), **judging),
    )


def run(work):
    parts = plan_parts(work.source)
    begin_run(work, parts)
    scored = [score_part(part, work) for part in parts]
    end_run(work, b"{}")
    return scored


def written(work):
    """The verdicts that a folder holds, as lines of ``goodcall score`` have them."""
    paths = sorted(Path(work.output).rglob("*.parquet"))
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    return [{"id": row["id"], "verdicts": row["verdicts"]} for row in rows]


@settings(deadline=None)
@given(
    groups=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    part_rows=st.integers(1, 30),
    part_bytes=st.integers(1, 2000),
)
def test_parts_are_each_row_once_and_in_order_however_files_are_grouped(
    tmp_path_factory, groups, part_rows, part_bytes
):
    path = tmp_path_factory.mktemp("parts") / "x.parquet"
    with pq.ParquetWriter(path, pa.schema([("id", pa.int64())])) as writer:
        for first, rows in zip((sum(groups[:place]) for place in range(len(groups))), groups, strict=True):
            writer.write_table(pa.table({"id": range(first, first + rows)}))
    parts = plan_parts(str(path), part_rows=part_rows, part_bytes=part_bytes)
    read = []
    for part in parts:
        batches = list(read_part(pq.ParquetFile(path), part, None, batch_rows=7))
        ids = [value for batch in batches for value in batch.column("id").to_pylist()]
        assert (len(ids), ids[0]) == (part.rows, part.first_row - 1)
        read += ids
    assert read == list(range(sum(groups)))
    assert len({part.name for part in parts}) == len(parts)
    assert plan_parts(str(path))[0].source == str(path)


def test_a_part_is_no_larger_than_it_may_be_unless_a_row_group_would_be_cut_too_often(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": range(400)}), path)
    assert [part.rows for part in plan_parts(str(path), part_rows=10)] == [50] * 8
    pq.write_table(pa.table({"id": range(100)}), path, row_group_size=4)
    assert [part.rows for part in plan_parts(str(path), part_rows=10)] == [8] * 12 + [4]


def test_verdicts_are_those_of_the_command_and_stand_beside_their_files(rollouts):
    work = work_on(rollouts)
    scored = run(work)
    assert [part.name for part in scored] == [
        "a.part-00000-of-00001.parquet",
        "day=2/b.part-00000-of-00001.parquet",
    ]
    lines = [goodcall("score", path).stdout for path in (rollouts / "a.parquet", rollouts / "day=2" / "b.parquet")]
    assert written(work) == read_lines("".join(lines))
    assert [row["row"] for row in pq.read_table(Path(work.output) / scored[0].name).to_pylist()] == [1, 2, 3, 4, 5]


def test_with_explanations_verdicts_are_those_of_the_command_too(rollouts):
    work = work_on(rollouts, explain=True)
    run(work)
    lines = read_lines(goodcall("score", rollouts / "a.parquet", "--explain").stdout)
    for row, line in zip(written(work), lines, strict=False):
        for verdict, expected in zip(row["verdicts"], line["verdicts"], strict=True):
            detail = {key: value for key, value in verdict.pop("detail").items() if value is not None}
            assert {**verdict, "detail": detail} == expected


def test_half_a_surrogate_pair_that_an_explanation_shows_is_written_as_its_escape():
    message = {"reasoning_content": "t", "tool_calls": [{"function": {"name": "f", "arguments": '{"a": "\\ud800"}'}}]}
    for completion_ in (message, '<think>t</think><tool_call>{"name": "f\\ud800", "arguments": {}}</tool_call>'):
        table = pa.table({"completions": [[completion_]], "ground_truth": [json.dumps([call()])]})
        [[verdict]] = with_verdicts(table, explain=True)["verdicts"].to_pylist()
        assert verdict["score"] == 0.0


def test_a_second_run_writes_nothing_and_comes_to_the_same(rollouts):
    work = work_on(rollouts)
    first = run(work)
    before = {path: path.stat().st_mtime_ns for path in Path(work.output).rglob("*.parquet")}
    second = run(work)
    assert [part.found for part in first + second] == [False, False, True, True]
    assert [part.summary for part in second] == [part.summary for part in first]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def damage(path):
    path.write_bytes(path.read_bytes()[:-9])


def empty(path):
    path.write_bytes(b"")


def lose_its_metadata(path):
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def lose_a_row(path):
    pq.write_table(pq.read_table(path).slice(1), path)


@pytest.mark.parametrize("spoil", [damage, empty, Path.unlink, lose_its_metadata, lose_a_row])
def test_a_part_that_is_not_whole_is_scored_again_and_the_others_are_not(rollouts, spoil):
    work = work_on(rollouts)
    run(work)
    expected = written(work)
    spoil(Path(work.output) / "a.part-00000-of-00001.parquet")
    assert [part.found for part in run(work)] == [False, True]
    assert written(work) == expected


def test_a_file_that_has_changed_is_scored_again_and_the_others_are_not(rollouts):
    work = work_on(rollouts)
    run(work)
    pq.write_table(table_of(4, first=50), rollouts / "day=2" / "b.parquet")
    assert [part.found for part in run(work)] == [True, False]
    assert [row["id"] for row in written(work)][5:] == [f"row-{number}" for number in range(50, 54)]


def test_what_a_killed_attempt_left_is_no_part_and_is_gone_at_the_end(rollouts):
    work = work_on(rollouts)
    left = Path(work.output) / "day=2" / ".b.part-00000-of-00001.parquet.0123abcd.unfinished"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"PAR1 half")
    run(work)
    assert not left.exists()
    assert len(written(work)) == 9


def test_success_is_said_when_all_is_there_and_taken_back_when_more_is_to_do(rollouts):
    work = work_on(rollouts)
    run(work)
    success = Path(work.output) / "_SUCCESS"
    assert success.exists()
    begin_run(work, plan_parts(work.source))
    assert not success.exists()


def refused_to_begin(work):
    with pytest.raises(UnusableFolder) as refusal:
        begin_run(work, plan_parts(work.source))
    return str(refusal.value)


def test_another_reward_or_other_options_need_another_folder(rollouts):
    run(work_on(rollouts))
    others = ({"reward": "schema/valid@1"}, {"explain": True}, {"assistant_prefix": "<think>"})
    for other in others:
        assert "holds verdicts of tool_n1/hardened@1" in refused_to_begin(work_on(rollouts, **other))


def test_a_folder_with_parts_of_other_files_is_refused(rollouts):
    work = work_on(rollouts)
    run(work)
    (rollouts / "a.parquet").rename(rollouts / "c.parquet")
    assert "holds a.part-00000-of-00001.parquet" in refused_to_begin(work)


def test_a_folder_with_something_else_is_refused_and_left_alone(rollouts):
    work = work_on(rollouts)
    Path(work.output).mkdir()
    (Path(work.output) / "thesis.txt").write_text("mine")
    assert "is not empty" in refused_to_begin(work)
    assert [path.name for path in Path(work.output).iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("below", ["", "out"])
def test_a_folder_among_the_rows_is_refused(rollouts, below):
    work = work_on(rollouts)
    inside = Work(source=work.source, output=str(rollouts / below), digest=work.digest, judging=work.judging)
    assert "is where the rows are read from" in refused_to_begin(inside)


def test_a_file_in_place_of_the_folder_is_refused(rollouts):
    work = work_on(rollouts)
    Path(work.output).write_text("mine")
    assert "is a file" in refused_to_begin(work)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"completions": [["x"], ["y"]], "ground_truth": ["[]", None]}, "row 2: tool_n1/hardened@1 needs ground_truth"),
        ({"completion": ["x", "y"], "tool": ["[]", "[]"]}, "row 1: unknown field tool; did you mean tools?"),
        ({"completion": ["x", "y"], "ground_truth": [b"[]", b"[]"]}, "row 1: column ground_truth can't be written"),
        ({"completions": ["x", "y"]}, "row 1, at /completions"),
    ],
)
def test_a_row_that_is_no_item_stops_its_part_and_nothing_of_it_is_written(tmp_path, columns, words):
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "in" / "x.parquet")
    work = work_on(tmp_path / "in")
    with pytest.raises(UnusableRows, match=re.escape(words)):
        run(work)
    assert written(work) == []


def test_a_file_that_changes_while_it_is_scored_stops_its_part(rollouts):
    work = work_on(rollouts)
    [part, _] = plan_parts(work.source)
    pq.write_table(table_of(3), rollouts / "a.parquet")
    with pytest.raises(UnusableRows):
        score_part(part, work)


def test_what_is_no_parquet_is_named(tmp_path):
    with pytest.raises(UnusableRows, match="there is no file or folder"):
        plan_parts(str(tmp_path / "nowhere"))
    with pytest.raises(UnusableRows, match=r"holds no file named \*\.parquet"):
        plan_parts(str(tmp_path))
    (tmp_path / "a.parquet").write_text("hello")
    with pytest.raises(UnusableRows, match=r"a\.parquet can't be read as Parquet"):
        plan_parts(str(tmp_path))


def test_hidden_files_are_no_input_and_one_file_may_have_any_name(tmp_path):
    for name in ("rollouts", ".a.parquet", "_b.parquet", "c.parquet"):
        pq.write_table(table_of(1), tmp_path / name)
    assert [part.name for part in plan_parts(str(tmp_path))] == ["c.part-00000-of-00001.parquet"]
    assert [part.name for part in plan_parts(str(tmp_path / "rollouts"))] == ["rollouts.part-00000-of-00001.parquet"]
    assert [part.rows for part in plan_parts(f"file://{tmp_path}")] == [1]


def test_a_file_without_rows_has_no_parts(tmp_path):
    pq.write_table(table_of(0), tmp_path / "x.parquet")
    assert plan_parts(str(tmp_path)) == []


def test_a_table_gets_a_column_of_verdicts_and_keeps_its_own():
    table = table_of(3).append_column("mine", pa.array([1, 2, 3]))
    scored = with_verdicts(table)
    assert scored.drop_columns(["verdicts"]) == table
    assert [[one["score"] for one in row] for row in scored["verdicts"].to_pylist()] == [[1.0, 0.0, 0.0]] * 3
    assert with_verdicts(scored) == scored


def test_a_table_with_a_row_that_is_no_item_is_refused():
    with pytest.raises(UnusableRows, match="the table, row 2: tool_n1/hardened@1 needs ground_truth"):
        with_verdicts(table_of(2).set_column(3, "ground_truth", pa.array(["[]", None])))
    with pytest.raises(UnusableRows, match="unknown field mine"):
        with_verdicts(table_of(1).append_column("mine", pa.array([1])), ignore_unknown=False)
    with pytest.raises(UnknownReward):
        with_verdicts(table_of(1), reward="mine")


def test_without_ray_the_command_says_what_to_install(rollouts, tmp_path):
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "ray.py").write_text("raise ImportError('not here')")
    command = ("score", rollouts, "--engine", "ray", "-o", tmp_path / "out")
    result = goodcall_process(*command, environment={"PYTHONPATH": os.fspath(tmp_path / "path")})
    assert result.returncode == 3
    assert result.stderr.decode() == "goodcall score: --engine ray needs Ray: pip install 'goodcall[ray]'\n"


@pytest.mark.parametrize("options", [[], ["-o", "-"]])
def test_ray_needs_a_folder_to_write_to(rollouts, options):
    result = goodcall("score", rollouts, "--engine", "ray", *options)
    assert result.exit_code == 2
    assert "say with -o into which folder" in result.stderr


def test_the_address_of_a_cluster_without_ray_is_refused(rollouts):
    result = goodcall("score", rollouts / "a.parquet", "--ray-address", "10.0.0.1:6379")
    assert result.exit_code == 2
    assert "--ray-address is for --engine ray" in result.stderr

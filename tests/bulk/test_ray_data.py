"""Ray Data: the same verdicts as in-process, each once, whatever is killed meanwhile; on two nodes of one machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.bulk import busy_workers
from command_line import WEATHER, call, completion, goodcall_process, plain_environment, read_lines

# Read by Ray as it is imported, here and in the command: it listens on loopback, and reports to nobody.
os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
pytest.importorskip("ray", reason="Ray is in an environment of its own: make test-ray")

import ray
from ray.cluster_utils import Cluster

from goodcall.bulk.parts import plan_parts
from goodcall.bulk.tables import with_verdicts

pytestmark = [
    pytest.mark.timeout(600),
    # Of Ray's own making.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.*"),
    pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning"),
]

FILES, ITEMS, GROUP = 24, 1000, 8
"""Work for some seconds, in parts of some tenths."""
TIMEOUT_S = 100
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "node_ip_address": "127.0.0.1"}


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Parquet files of groups of which no two are the same."""
    folder = tmp_path_factory.mktemp("rollouts")
    for number in range(FILES):
        pq.write_table(table_of(range(number * ITEMS, (number + 1) * ITEMS)), folder / f"{number:02}.parquet")
    return folder


def table_of(numbers):
    rows = [item_of(number) for number in numbers]
    return pa.table({name: [row[name] for row in rows] for name in rows[0]})


def item_of(number):
    expected = call(days=number)
    texts = [completion(expected), completion(call("Rome")), f"No. {number}", completion({**expected, "name": "f"})]
    return {
        "id": f"row-{number}",
        "tools": json.dumps([WEATHER]),
        "ground_truth": json.dumps([expected]),
        "completions": texts * (GROUP // len(texts)),
    }


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory):
    """Every verdict by the item's id, from the command without Ray."""
    verdicts = {}
    for path in sorted(folder.glob("*.parquet")):
        lines = tmp_path_factory.mktemp("lines") / "out.jsonl"
        assert goodcall_process("score", path, "--workers", "1", "-o", lines).returncode == 0
        verdicts |= {row["id"]: row["verdicts"] for row in read_lines(lines.read_text(encoding="utf-8"))}
    assert len(verdicts) == FILES * ITEMS
    return verdicts


def started(cluster, source, output, *options):
    command = [sys.executable, "-m", "goodcall", "score", str(source), "--engine", "ray", "-o", str(output), "--json"]
    return subprocess.Popen(
        [*command, "--ray-address", cluster.address, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=plain_environment(),
    )


def summary_of(process):
    printed, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors.decode()
    return json.loads(printed)


def wait_until(condition, process):
    """Waits for a condition while a command runs."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := condition()):
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


def parts_in(output):
    return sorted(output.glob("*.parquet"))


def assert_exact(output, expected):
    rows = [row for path in parts_in(output) for row in pq.read_table(path).to_pylist()]
    assert Counter(row["id"] for row in rows) == Counter(expected.keys())
    assert {row["id"]: row["verdicts"] for row in rows} == expected
    assert [name.name for name in output.glob(".*")] == []
    assert json.loads((output / "_SUCCESS").read_text())["items"] == len(expected)


def test_a_cluster_of_two_nodes_gives_the_verdicts_of_one_process_and_a_second_run_scores_nothing(
    cluster, folder, expected, tmp_path
):
    summary = summary_of(started(cluster, folder, tmp_path / "out"))
    assert (summary["items"], summary["completions"]) == (FILES * ITEMS, FILES * ITEMS * GROUP)
    assert summary["already_scored_items"] == 0
    assert_exact(tmp_path / "out", expected)
    written = {path: path.stat().st_mtime_ns for path in parts_in(tmp_path / "out")}
    again = summary_of(started(cluster, folder, tmp_path / "out"))
    assert again == {**summary, "already_scored_items": FILES * ITEMS}
    assert {path: path.stat().st_mtime_ns for path in parts_in(tmp_path / "out")} == written


def test_workers_that_are_killed_half_way_lose_nothing_and_double_nothing(cluster, folder, expected, tmp_path):
    process = started(cluster, folder, tmp_path / "out")
    for done in (FILES // 4, FILES // 2):
        wait_until(lambda done=done: len(parts_in(tmp_path / "out")) >= done, process)
        for worker in wait_until(busy_workers, process):
            os.kill(worker, signal.SIGKILL)
        assert len(parts_in(tmp_path / "out")) < FILES
    summary = summary_of(process)
    assert summary["items"] == FILES * ITEMS
    assert_exact(tmp_path / "out", expected)


def test_a_node_that_is_lost_half_way_loses_nothing_and_doubles_nothing(cluster, folder, expected, tmp_path):
    node = cluster.add_node(**NODE)
    process = started(cluster, folder, tmp_path / "out")
    wait_until(lambda: len(parts_in(tmp_path / "out")) >= FILES // 3, process)
    cluster.remove_node(node, allow_graceful=False)
    assert process.poll() is None
    assert summary_of(process)["items"] == FILES * ITEMS
    assert_exact(tmp_path / "out", expected)


def test_a_run_that_is_killed_goes_on_where_it_was(cluster, folder, expected, tmp_path):
    process = started(cluster, folder, tmp_path / "out")
    wait_until(lambda: len(parts_in(tmp_path / "out")) >= FILES // 3, process)
    process.kill()
    process.communicate(timeout=TIMEOUT_S)
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    before = {path: path.stat().st_mtime_ns for path in parts_in(tmp_path / "out")}
    summary = summary_of(started(cluster, folder, tmp_path / "out"))
    assert FILES // 3 * ITEMS <= summary["already_scored_items"] < FILES * ITEMS
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert_exact(tmp_path / "out", expected)


def test_an_interrupt_ends_with_130_and_no_traceback(cluster, folder, tmp_path):
    process = started(cluster, folder, tmp_path / "out")
    wait_until(lambda: parts_in(tmp_path / "out"), process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130, errors.decode()
    assert b"Traceback" not in errors


def test_a_row_that_is_no_item_ends_with_its_place_and_2(cluster, tmp_path):
    pq.write_table(table_of(range(10)), tmp_path / "a.parquet")
    broken = pa.table({"completions": [["x"], ["y"]], "ground_truth": ["[]", None]})
    pq.write_table(broken, tmp_path / "b.parquet")
    process = started(cluster, tmp_path, tmp_path.parent / f"{tmp_path.name}-out")
    printed, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, printed) == (2, b"")
    assert f"{tmp_path / 'b.parquet'}, row 2: tool_n1/hardened@1 needs ground_truth".encode() in errors
    assert len(errors.splitlines()) == 1


def test_a_part_that_can_not_be_written_ends_with_3_and_the_others_stay(cluster, folder, tmp_path):
    (tmp_path / "out" / "03.part-00000-of-00001.parquet" / "in the way").mkdir(parents=True)
    process = started(cluster, folder, tmp_path / "out")
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 3
    assert b"03.part-00000-of-00001.parquet" in errors
    assert b"the same command goes on from there" in errors
    assert b"Traceback" not in errors


def test_a_cluster_that_is_not_there_ends_with_3(folder, tmp_path):
    command = ("score", folder, "--engine", "ray", "-o", tmp_path / "out", "--ray-address", "127.0.0.1:1")
    result = goodcall_process(*command)
    assert result.returncode == 3, result.stderr.decode()
    assert b"there is no Ray cluster at 127.0.0.1:1" in result.stderr
    assert b"Traceback" not in result.stderr


def test_verdicts_become_a_column_of_a_dataset_at_hand(cluster, folder, expected):
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        dataset = ray.data.read_parquet(str(folder / "03.parquet"))
        rows = dataset.map_batches(with_verdicts, batch_format="pyarrow").take_all()
    finally:
        ray.shutdown()
    assert len(rows) == ITEMS
    for row in rows:
        assert list(row["verdicts"]) == expected[row["id"]]


def test_the_parts_of_this_folder_are_its_files(folder):
    assert [part.rows for part in plan_parts(str(folder))] == [ITEMS] * FILES

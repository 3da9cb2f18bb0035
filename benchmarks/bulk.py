"""A million completions on a Ray cluster of two nodes with a worker killed half-way: ``python -m benchmarks.bulk``.

Needs ``goodcall[ray]`` and some 2 GB of disk. The nodes are processes of this machine on loopback, one CPU each.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.corpus import GROUP, make_corpus
from benchmarks.document import machine, table
from benchmarks.servers import family

COMPLETIONS = 1_000_000
NODES = 2

_TASKS_A_TIME = 2000
_POLL_S = 0.02
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}

_REPORT = """\
# A million completions, and a worker killed half-way

Written by `make bulk-report`, on {machine}.

{completions} completions in {items} groups of {group}, {megabytes} MB of Parquet in one file, no two groups the same,
were scored by three commands. The Ray cluster had {nodes} nodes with one CPU each, processes of this one machine. When
half of the {parts} parts were written, every worker that was scoring was ended with `kill -9`: {killed} of them.

{runs}

- **Exact count**: {items} rows of verdicts for {items} rows, every id once, {completions} verdicts: {exact}.
- **Same scores as in-process**: every score and reason is equal to those of one process: {same}.
- **Lost to the kills**: the parts that were being scored, {killed} of {parts}; other workers began them anew.
- **Again**: the same command a second time found every part whole and scored nothing, in {again_s} s.

Everything is of the whole command, from its start to its end. The wall times were taken while others used both cores
({load}) and say little. The CPU time says what holds elsewhere: what a completion costs on one
core, all processes together, and so what a number of cores can do at best. One process does {one_per_s} completions
in a second of its core. With every core of one machine the same costs {cores_times} times as much, and on Ray
{ray_times} times: its scheduler, its object store, the start of its workers and the parts that were begun twice
included. The start is once a run. Two nodes that share one machine's cores can't show a speed-up; this shows the price
of the engine.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A command that scored everything."""

    name: str
    wall_s: float
    cpu_s: float
    """Of all processes that took part, Ray's own included."""
    summary: dict[str, Any]

    @property
    def cpu_us(self) -> float:
        """For each completion."""
        return self.cpu_s / float(self.summary["completions"]) * 1e6


def make_rollouts(path: Path, completions: int) -> None:
    """A Parquet file of groups, no two the same, in row groups of some megabytes."""
    writer = None
    for number in range(0, completions // GROUP, _TASKS_A_TIME):
        tasks = make_corpus(seed=number, tasks=min(_TASKS_A_TIME, completions // GROUP - number))
        rows = pa.table(
            {
                "id": [f"row-{number + place}" for place in range(len(tasks))],
                "tools": [task.tools.decode() for task in tasks],
                "ground_truth": [task.ground_truth.decode() for task in tasks],
                "completions": [list(task.completions) for task in tasks],
            }
        )
        writer = writer or pq.ParquetWriter(path, rows.schema, compression="zstd")
        writer.write_table(rows)
    if writer:
        writer.close()


@contextmanager
def ray_cluster(nodes: int) -> Iterator[str]:
    """The address of a cluster of so many nodes with one CPU each, on loopback, for the length of the block."""
    os.environ |= _LOOPBACK
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - reads the environment as it is imported

    node = {"num_cpus": 1, "object_store_memory": 200 << 20, "node_ip_address": "127.0.0.1"}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(**node)
        yield cluster.address
    finally:
        cluster.shutdown()


def score(name: str, *options: str, meanwhile: Callable[["subprocess.Popen[bytes]"], None] | None = None) -> Run:
    """Runs ``goodcall score``, and something else while it runs."""
    started, cpu_s = time.perf_counter(), _cpu_s_of_family()
    command = [sys.executable, "-m", "goodcall", "score", *options, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own command
        if meanwhile:
            meanwhile(process)
        printed, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{name}: goodcall score ended with {process.returncode}; its own words are above")
    return Run(
        name=name,
        wall_s=time.perf_counter() - started,
        cpu_s=_cpu_s_of_family() - cpu_s,
        summary=json.loads(printed),
    )


def _cpu_s_of_family() -> float:
    """CPU seconds of this process, of those that it started and still run, and of all that have ended below them."""
    ticks = 0
    for pid in family(os.getpid()):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def kill_busy_workers(output: Path, when: int) -> Callable[["subprocess.Popen[bytes]"], list[int]]:
    """What waits until so many parts are written and then ends, with SIGKILL, every worker that scores one."""

    def kill(process: "subprocess.Popen[bytes]") -> list[int]:
        while process.poll() is None:
            if len(list(output.glob("*.parquet"))) >= when and (busy := busy_workers()):
                for worker in busy:
                    os.kill(worker, signal.SIGKILL)
                return busy
            time.sleep(_POLL_S)
        raise RuntimeError("the run was over before a worker could be killed")

    return kill


def busy_workers() -> list[int]:
    """The processes of this one's Ray cluster that score a part just now."""
    return [pid for pid in family(os.getpid()) if _title(pid).startswith(b"ray::Map(_score)")]


def _title(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def verdicts_of_lines(path: Path) -> Iterator[tuple[str, list[tuple[float, str]]]]:
    """Ids and verdicts out of the lines of ``goodcall score``."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["id"], [(verdict["score"], verdict["reason"]) for verdict in row["verdicts"]]


def verdicts_of_parts(folder: Path) -> Iterator[tuple[str, list[tuple[float, str]]]]:
    """Ids and verdicts out of a folder of parts."""
    for path in sorted(folder.glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            yield row["id"], [(verdict["score"], verdict["reason"]) for verdict in row["verdicts"]]


def report(completions: int) -> str:
    """Scores everything three times and says what came of it, in Markdown."""
    from goodcall.bulk.parts import plan_parts  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="goodcall-bulk-"))
    try:
        source, lines, output = folder / "rollouts.parquet", folder / "one.jsonl", folder / "verdicts"
        make_rollouts(source, completions)
        parts = len(plan_parts(str(source)))
        one = score("`goodcall score --workers 1`", str(source), "--workers", "1", "-o", str(lines))
        cores = score("`goodcall score`, every core", str(source), "-o", str(folder / "all.jsonl"))
        killed: list[int] = []
        kill = kill_busy_workers(output, parts // 2)
        with ray_cluster(NODES) as address:
            on_ray = ("--engine", "ray", "--ray-address", address, "-o", str(output))
            ray = score(
                "`goodcall score --engine ray`, workers killed",
                str(source),
                *on_ray,
                meanwhile=lambda process: killed.extend(kill(process)),
            )
            again = score("again", str(source), *on_ray)
        in_process = dict(verdicts_of_lines(lines))
        found = list(verdicts_of_parts(output))
        exact = len(found) == len(dict(found)) == len(in_process) == completions // GROUP
        return _REPORT.format(
            machine=machine(),
            completions=f"{ray.summary['completions']:,}",
            items=f"{ray.summary['items']:,}",
            group=GROUP,
            megabytes=f"{source.stat().st_size / 1e6:,.0f}",
            nodes=NODES,
            parts=parts,
            killed=len(killed),
            runs=_runs(one, cores, ray),
            exact=_yes(exact and again.summary["already_scored_items"] == len(found)),
            same=_yes(dict(found) == in_process and one.summary["reasons"] == ray.summary["reasons"]),
            again_s=f"{again.wall_s:.0f}",
            one_per_s=f"{1e6 / one.cpu_us:,.0f}",
            cores_times=f"{cores.cpu_s / one.cpu_s:.2f}",
            ray_times=f"{ray.cpu_s / one.cpu_s:.2f}",
            load=f"the load average was {os.getloadavg()[1]:.1f}",
        )
    finally:
        shutil.rmtree(folder)


def _runs(*runs: Run) -> str:
    first = runs[0]
    rows = (
        (
            run.name,
            f"{run.cpu_s:.0f}",
            f"{run.cpu_us:.1f}",
            f"{run.cpu_s / first.cpu_s:.2f}",
            f"{run.wall_s:.0f}",
            f"{run.summary['completions'] / run.wall_s:,.0f}",
        )
        for run in runs
    )
    heads = ("", "CPU s", "CPU µs a completion", "times one process", "wall s", "completions a second")
    return table(heads, rows)


def _yes(holds: bool) -> str:
    return "yes" if holds else "**no**"


def main() -> None:
    """Writes the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--completions", type=int, default=COMPLETIONS)
    parser.add_argument("--into", type=Path, metavar="FILE", help="where the report goes; standard output without it")
    arguments = parser.parse_args()
    text = report(arguments.completions)
    if arguments.into:
        arguments.into.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()

"""``python -m benchmarks.prepare``: what `goodcall-train prepare` takes for so many rows, and the memory it needs.

Half of the rows are like xLAM's and half like ToolACE's (`raw_datasets`); the command runs in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.raw_datasets import write_toolace, write_xlam

SEED = 20261125


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the command."""

    records: int
    input_bytes: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    """Highest resident memory of the process."""


def measure(records: int, folder: Path) -> Run:
    """Prepares so many generated records in a folder, which keeps what was read and written."""
    xlam, toolace = folder / "xlam.json", folder / "toolace.json"
    write_xlam(xlam, records // 2, SEED)
    write_toolace(toolace, records - records // 2, SEED + 1)
    arguments = [f"--source=xlam={xlam}", f"--source=toolace={toolace}", f"--out={folder / 'rows'}"]
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "goodcall_trainer", "prepare", *arguments, "--irrelevance-share=0.15"],
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Run(
        records=records,
        input_bytes=xlam.stat().st_size + toolace.stat().st_size,
        wall_s=time.perf_counter() - started,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    )


def main() -> None:
    """Reads the command line, and prints a line for each number of records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prepare", description=__doc__)
    parser.add_argument("records", type=int, nargs="*", default=[10_000, 100_000], help="how many; several runs")
    for records in parser.parse_args().records:
        with tempfile.TemporaryDirectory() as folder:
            run = measure(records, Path(folder))
        sys.stdout.write(
            f"{run.records:>9,} records  {run.input_bytes / 1e6:7.1f} MB  {run.wall_s:6.1f} s  {run.cpu_s:6.1f} s CPU  "
            f"peak {run.peak_bytes / 2**20:5.0f} MiB\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()

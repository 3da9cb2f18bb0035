"""What a run leaves beside its rows: `report.json`, `manifest.json`, and a table for people."""

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.table import Table

from goodcall_trainer.prepare.job import Job
from goodcall_trainer.prepare.records import HUB, data_files
from goodcall_trainer.prepare.sources import source_files
from goodcall_trainer.prepare.splits import SPLITS
from goodcall_trainer.prepare.tally import Tally

_PACKAGES = ("goodcall-trainer", "pyarrow", "jsonschema-rs")
_SHOWN_IDS = 3


def report_of(job: Job, tally: Tally) -> dict[str, Any]:
    """All counts as JSON values: for the whole, for each source, for each reason and each note."""
    counts = tally.sources.values()
    return {
        "rows": {
            "records": sum(count.records for count in counts),
            "found": sum(count.found for count in counts),
            "added": sum(count.added for count in counts),
            "removed": sum(count.removed.total() for count in counts),
            **{split: tally.rows_in(split) for split in SPLITS},
        },
        "sources": {name: count.as_json() for name, count in tally.sources.items()},
        "removed": tally.reasons(),
        "notes": tally.notes(),
        "benchmark": {"questions": job.benchmark.questions} if job.benchmark else None,
    }


def manifest_of(job: Job, tally: Tally, out: Path, benchmarks: Sequence[str]) -> dict[str, Any]:
    """What the rows were made of and with, and their hashes; nothing in it tells when or where."""
    return {
        "seed": job.seed,
        "recipe": job.recipe.as_json(),
        "versions": {"python": platform.python_version()} | {package: version(package) for package in _PACKAGES},
        "inputs": [
            entry for source in job.sources for entry in _inputs(source.name, source.place, source_files(source))
        ],
        "benchmark": [entry for place in benchmarks for entry in _inputs("bfcl", place, data_files(place))],
        "outputs": [_file(out / f"{split}.parquet") | {"rows": tally.rows_in(split)} for split in SPLITS],
    }


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file for people to read, too."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def sources_table(tally: Tally) -> Table:
    """What came of each source."""
    table = Table(title="Sources", title_justify="left")
    table.add_column("source")
    for heading in ("records", "found", "added", "removed", *SPLITS):
        table.add_column(heading, justify="right")
    for name, count in tally.sources.items():
        numbers = (count.records, count.found, count.added, count.removed.total(), *map(count.written.get, SPLITS))
        table.add_row(name, *(f"{number or 0:,}" for number in numbers))
    return table


def reasons_table(tally: Tally) -> Table:
    """Why rows were removed, and what was noted of others, with some ids."""
    table = Table(title="Removed, and notes", title_justify="left")
    table.add_column("rows", justify="right")
    for heading in ("reason", "what", "for example"):
        table.add_column(heading, overflow="fold")
    for kinds in (tally.reasons(), tally.notes()):
        for kind, case in kinds.items():
            table.add_row(f"{case['rows']:,}", kind.value, case["what"], ", ".join(case["sample"][:_SHOWN_IDS]))
        table.add_section()
    return table


def _inputs(name: str, place: str, files: Sequence[Path]) -> list[dict[str, Any]]:
    if place.startswith(HUB):
        return [{"source": name, "dataset": place.removeprefix(HUB)}]
    return [{"source": name, **_file(path)} for path in files]


def _file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": digest}

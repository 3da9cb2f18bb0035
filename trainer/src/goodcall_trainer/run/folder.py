"""A run's folder: where each thing lies, and the files of lines that grow while the run goes on."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths under a run's `--out`. Making one touches nothing; only rank 0 of a run writes into it.

    Files of lines hold one JSON object a line. A run that is killed may leave half a line at the end: readers leave it
    out, and the next line that is added takes its place.
    """

    path: Path

    @property
    def record(self) -> Path:
        """What the run is: see `run.record.RunRecord`."""
        return self.path / "run.json"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def heldout_file(self) -> Path:
        return self.path / "heldout.jsonl"

    @property
    def completions(self) -> Path:
        """TRL's tables of completions, one Parquet file a step."""
        return self.path / "completions"

    @property
    def checkpoints(self) -> Path:
        """`checkpoint-N` for each step N that was saved; see `run.checkpoints`."""
        return self.path / "checkpoints"

    @property
    def policy(self) -> Path:
        """The final weights, as safetensors, and the tokenizer."""
        return self.path / "policy"

    @property
    def evaluations(self) -> Path:
        return self.path / "evaluations"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def evaluation(self, name: str) -> Path:
        """The folder of one evaluation: `answers.jsonl` and `result.json`."""
        return self.evaluations / name

    def metrics(self) -> list[dict[str, Any]]:
        """What `append_metrics` wrote, in order; nothing where there is no file."""
        return list(_objects(self.metrics_file))

    def heldout(self) -> list[dict[str, Any]]:
        """What `append_heldout` wrote, in order; nothing where there is no file."""
        return list(_objects(self.heldout_file))

    def append_metrics(self, phase: str, step: int, **values: Any) -> None:
        """Adds the line of one step: phase, step and any JSON values."""
        _append(self.metrics_file, {"phase": phase, "step": step, **values})

    def append_heldout(self, step: int, **values: Any) -> None:
        """Adds one measurement on held-out rows."""
        _append(self.heldout_file, {"step": step, **values})

    def drop_steps_after(self, step: int, *, phase: str) -> None:
        """Leaves out what a killed run wrote beyond the checkpoint that the next one goes on from.

        Lines of `metrics.jsonl` of that phase, measurements, and tables of completions; each step then occurs once.
        """
        _rewrite(self.metrics_file, lambda line: line.get("phase") != phase or line["step"] <= step)
        _rewrite(self.heldout_file, lambda line: line["step"] <= step)
        for table in self.completions.glob("completions_*.parquet"):
            number = table.stem.rpartition("_")[2]
            if number.isdigit() and int(number) > step:
                table.unlink()


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """One write call a line, so that a kill can cut only the last line; what one cut before is taken away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as lines:
        _cut_to_whole_lines(lines.fileno())
        lines.write(json.dumps(line).encode() + b"\n")


def _cut_to_whole_lines(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.ftruncate(descriptor, os.pread(descriptor, size, 0).rfind(b"\n") + 1)


def _rewrite(path: Path, keep: Callable[[dict[str, Any]], bool]) -> None:
    if path.exists():
        replace_text(path, "".join(json.dumps(line) + "\n" for line in _objects(path) if keep(line)))


def replace_text(path: Path, text: str) -> None:
    """Writes the file at once or not at all: whoever reads it finds the old text or the new, even after a power cut."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)

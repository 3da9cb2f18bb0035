"""A few completions for each reason, from the Parquet files that TRL leaves of every step."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from goodcall_trainer.reporting.run_log import is_number
from goodcall_trainer.run.folder import RunFolder

NO_REASON = "(reason not logged)"
_MOST_FILES = 24
_MOST_SHOWN = 3
_MOST_CHARACTERS = 6000
_KNOWN_COLUMNS = {"step", "prompt", "completion", "advantage", "reason", "row_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One completion with its verdict."""

    step: int
    row_id: str
    prompt: str
    """As logged; of a long one its end."""
    text: str
    """As logged; of a long one its two ends."""
    reason: str
    score: float | None
    """None where the service gave none."""
    advantage: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completions:
    """What was found, the newest first."""

    by_reason: Mapping[str, Sequence[Completion]]
    files: int
    """All that there are; of many, some are read."""
    unreadable: int
    """Files that were read and are torn or no Parquet."""


def read_completions(run: RunFolder) -> Completions:
    """A few completions of each reason: from the newest steps, and from earlier ones where those have too few."""
    files = sorted(run.completions.glob("completions_*.parquet"), key=_number)
    found: dict[str, list[Completion]] = {}
    unreadable = 0
    for path in reversed(_spread(files)):
        try:
            for completion in _completions(path):
                _keep(found.setdefault(completion.reason, []), completion)
        except (pa.ArrowException, OSError):  # torn: the run is writing it, or died then
            unreadable += 1
    return Completions(by_reason=found, files=len(files), unreadable=unreadable)


def _number(path: Path) -> tuple[int, str]:
    digits = path.stem.rpartition("_")[2]
    return (int(digits) if digits.isdecimal() else -1, path.name)


def _spread(files: Sequence[Path]) -> list[Path]:
    """The last two thirds of what may be read from the end, the others evenly from before."""
    if len(files) <= _MOST_FILES:
        return list(files)
    newest = 2 * _MOST_FILES // 3
    earlier, last = files[:-newest], files[-newest:]
    others = _MOST_FILES - newest
    return [earlier[len(earlier) * number // others] for number in range(others)] + list(last)


def _completions(path: Path) -> Iterator[Completion]:
    with pq.ParquetFile(path) as file:
        score_column = next((name for name in file.schema_arrow.names if name not in _KNOWN_COLUMNS), None)
        for batch in file.iter_batches(batch_size=256):
            for row in batch.to_pylist():
                yield _completion(row, score_column)


def _completion(row: Mapping[str, Any], score_column: str | None) -> Completion:
    step, row_id, reason = row.get("step"), row.get("row_id"), row.get("reason")
    return Completion(
        step=step if isinstance(step, int) else 0,
        row_id="" if row_id is None else str(row_id),
        prompt=_end(_text(row.get("prompt"))),
        text=_ends(_text(row.get("completion"))),
        reason=NO_REASON if reason is None else str(reason),
        score=_finite(row.get(score_column or "")),
        advantage=_finite(row.get("advantage")),
    )


def _keep(kept: list[Completion], completion: Completion) -> None:
    """Keeps few, and of one row only one: TRL logs what was not made anew again."""
    if len(kept) < _MOST_SHOWN and all(completion.row_id != other.row_id or not completion.row_id for other in kept):
        kept.append(completion)


def _text(value: object) -> str:
    """A text as it is, and of chat messages the contents."""
    if isinstance(value, list):
        return "\n\n".join(_text(part) for part in value)
    if isinstance(value, dict):
        return f"{value.get('role', '')}: {_text(value.get('content'))}"
    return "" if value is None else str(value)


def _end(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"[…]{text[-_MOST_CHARACTERS:]}"


def _ends(text: str) -> str:
    half = _MOST_CHARACTERS // 2
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters …]\n{text[-half:]}"


def _finite(value: object) -> float | None:
    return float(value) if is_number(value) and math.isfinite(value) else None

"""Rows to train on: read from files or made on the spot, then drawn by the recipe's mix, number and share."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import ArrowException, parquet

from goodcall_trainer.demo.config import DemoConfig
from goodcall_trainer.demo.demonstrations import demonstrate
from goodcall_trainer.demo.generate import unique_rows
from goodcall_trainer.prepare.found import Unreadable
from goodcall_trainer.prepare.row_files import COLUMNS, row_of
from goodcall_trainer.prepare.sources import plain
from goodcall_trainer.recipe.settings import DataSettings
from goodcall_trainer.recipe.unusable import RecipeUnusable
from goodcall_trainer.row import Row
from goodcall_trainer.run.record import data_file

_COMPLETION = "completion"
_BATCH_ROWS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A row, with an answer to imitate where its file has one."""

    row: Row
    completion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What a recipe draws its rows from, and what it measures."""

    train: tuple[Example, ...]
    heldout: tuple[Example, ...]
    files: tuple[dict[str, Any], ...]
    """The files, as a run's record keeps them; none where rows are made on the spot."""


def examples_of(data: DataSettings) -> Examples:
    """The recipe's rows, drawn and in their drawn order.

    Raises:
        RecipeUnusable: a file can't be read, is no file of rows, or nothing is left to train on.
    """
    if data.made_up_rows:
        return _made_up(data)
    found = {path: list(_read(Path(path))) for path in (*data.files, *data.heldout)}
    train = draw([example for path in data.files for example in found[path]], data)
    if not train:
        raise RecipeUnusable(f"nothing to train on in {', '.join(data.files)} with the recipe's mix, rows and share")
    heldout = [example for path in data.heldout for example in found[path]]
    random.Random(data.seed).shuffle(heldout)
    return Examples(
        train=tuple(train),
        heldout=tuple(heldout[: data.heldout_rows]),
        files=tuple(data_file(Path(path), len(rows)) for path, rows in found.items()),
    )


def draw(examples: Iterable[Example], data: DataSettings) -> list[Example]:
    """The examples that the recipe trains on: shuffled, mixed, cut to its number, then to its share."""
    drawn = list(examples)
    random.Random(data.seed).shuffle(drawn)
    if data.mix:
        drawn = _mixed(drawn, data)
    drawn = drawn[: data.rows]
    low, high = data.share
    return drawn[round(low * len(drawn)) : round(high * len(drawn))]


def _mixed(examples: Sequence[Example], data: DataSettings) -> list[Example]:
    """The largest set in which each source has its weight's part, none drawn twice, in the order given."""
    there = Counter(example.row.source for example in examples)
    if missing := [source for source in data.mix if not there[source]]:
        raise RecipeUnusable(
            f"data.mix names {', '.join(missing)}, and no row is from there; rows are from {', '.join(sorted(there))}"
        )
    whole = sum(data.mix.values())
    total = min(there[source] * whole / weight for source, weight in data.mix.items())
    if data.rows is not None:
        total = min(total, data.rows)
    left = {source: round(total * weight / whole) for source, weight in data.mix.items()}
    mixed = []
    for example in examples:
        if left.get(example.row.source, 0) > 0:
            left[example.row.source] -= 1
            mixed.append(example)
    return mixed


def _made_up(data: DataSettings) -> Examples:
    """Tasks of the demo, with its demonstrations; some of those are wrong on purpose."""
    rng = random.Random(data.seed)
    rows = unique_rows(rng)
    heldout = tuple(Example(row=next(rows)) for _ in range(data.heldout_rows or 0))
    flaws = DemoConfig()
    train = []
    for _ in range(data.made_up_rows):
        row = next(rows)
        shown = demonstrate(row, habit_share=flaws.habit_share, slip_share=flaws.slip_share, rng=rng)
        train.append(Example(row=row, completion=shown.completion))
    return Examples(train=tuple(draw(train, data)), heldout=heldout, files=())


def _read(path: Path) -> Iterator[Example]:
    try:
        yield from _parquet(path) if path.suffix == ".parquet" else _json_lines(path)
    except UnicodeDecodeError:
        raise RecipeUnusable(
            f"{path} is no text: rows are JSON, one a line, or Parquet in a file that ends in .parquet"
        ) from None
    except (OSError, ArrowException) as error:
        hint = "; `goodcall-train prepare` makes such files, and --data names others" if not path.exists() else ""
        raise RecipeUnusable(f"{path} can't be read: {getattr(error, 'strerror', None) or error}{hint}") from None


def _parquet(path: Path) -> Iterator[Example]:
    file = parquet.ParquetFile(path)
    names = file.schema_arrow.names
    if missing := [name for name in COLUMNS if name not in names]:
        raise RecipeUnusable(
            f"{path} is no file of rows: it has no column {missing[0]}; `goodcall-train prepare` first"
        )
    wanted = [*COLUMNS, _COMPLETION] if _COMPLETION in names else list(COLUMNS)
    for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
        for columns in batch.to_pylist():
            yield Example(row=row_of(columns), completion=columns.get(_COMPLETION))


def _json_lines(path: Path) -> Iterator[Example]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _example(line, f"{path}:{number}", f"{path.stem}-{number}")


def _example(line: str, place: str, made_id: str) -> Example:
    try:
        record = json.loads(line)
        named = record.get("id") if isinstance(record, dict) else None
        row = next(plain.read(record, named if isinstance(named, str) else made_id))
    except ValueError:
        raise RecipeUnusable(f"{place} is no JSON: a file that does not end in .parquet has one row a line") from None
    except Unreadable as fault:
        raise RecipeUnusable(f"{place} is no row: {fault}; `goodcall-train prepare` says more") from None
    if not isinstance(row, Row):
        raise RecipeUnusable(f"{place} is no row to train on; `goodcall-train prepare` says more")
    completion = record.get(_COMPLETION)
    return Example(row=row, completion=completion if isinstance(completion, str) else None)

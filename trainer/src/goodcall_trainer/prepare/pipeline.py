"""Rows on their way from sources to files: filtered, compared, split, augmented, written, and counted throughout."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from goodcall_trainer.prepare.draws import rng_of, share_of
from goodcall_trainer.prepare.encoded import EncodedRow, encode_row
from goodcall_trainer.prepare.filters import FILTERS
from goodcall_trainer.prepare.found import AnswerInWords, Found, Note, Reason, Removed
from goodcall_trainer.prepare.irrelevance import irrelevant
from goodcall_trainer.prepare.job import Job
from goodcall_trainer.prepare.masking import can_be_masked, masked, random_renaming
from goodcall_trainer.prepare.repeats import Repeats
from goodcall_trainer.prepare.row_files import RowWriter
from goodcall_trainer.prepare.schema_checks import examine
from goodcall_trainer.prepare.sources import Source, read_source
from goodcall_trainer.prepare.splits import SPLITS, split_of
from goodcall_trainer.prepare.tally import Tally
from goodcall_trainer.row import Row


def run(job: Job, out: Path, on_record: Callable[[int], None]) -> Tally:
    """Writes `train.parquet` and `heldout.parquet` into a folder, and returns the counts.

    Both files appear together at the end; a run that fails leaves what was there before. Calls `on_record(count)`
    after each record.

    Raises:
        SourceUnusable: a source can't be read on.
        OSError: the folder can't be written to.
    """
    with ExitStack() as stack:
        writers = {split: stack.enter_context(RowWriter(out / f"{split}.parquet")) for split in SPLITS}
        preparation = _Preparation(job, writers)
        for count, (source, found) in enumerate(_all_found(job.sources), 1):
            preparation.take(source, found)
            on_record(count)
        for writer in writers.values():
            writer.publish()
    return preparation.tally


def _all_found(sources: Sequence[Source]) -> Iterator[tuple[str, list[Found]]]:
    """What each record gives; the records of sources of one name are numbered through."""
    numbers: dict[str, int] = {}
    for source in sources:
        for found in read_source(source, numbers.get(source.name, 0)):
            numbers[source.name] = numbers.get(source.name, 0) + 1
            yield source.name, found


class _Preparation:
    def __init__(self, job: Job, writers: dict[str, RowWriter]) -> None:
        self.tally = Tally(job.seed)
        self._job = job
        self._recipe = job.recipe
        self._filters = [(reason, check) for reason, check in FILTERS.items() if reason in job.recipe.filters]
        self._writers = writers
        self._repeats = Repeats()

    def take(self, source: str, found: list[Found]) -> None:
        """Runs what a record gives through everything."""
        self.tally.sources[source].records += 1
        for one in found:
            if isinstance(one, Note):
                self.tally.note(one)
                continue
            self.tally.sources[source].found += 1
            judged = self._judged(one)
            if isinstance(judged, Removed):
                self.tally.remove(source, judged)
            else:
                self._write(source, judged)

    def _judged(self, found: Row | AnswerInWords | Removed) -> EncodedRow | Removed:
        if isinstance(found, Removed):
            return found
        if isinstance(found, AnswerInWords):
            if not self._recipe.keep_answers_in_words:
                return Removed(id=found.row.id, reason=Reason.ANSWER_IN_WORDS)
            found = found.row
        try:
            encoded = encode_row(found)
        except (ValueError, RecursionError):
            return Removed(id=found.id, reason=Reason.NOT_JSON)
        return self._defect(encoded) or self._repetition(encoded) or encoded

    def _defect(self, encoded: EncodedRow) -> Removed | None:
        """What is wrong with a row by itself."""
        examined = examine(encoded)
        for reason, check in self._filters:
            detail = check(examined)
            if detail is not None:
                return Removed(id=encoded.row.id, reason=reason, detail=detail)
        return None

    def _repetition(self, encoded: EncodedRow) -> Removed | None:
        """What is wrong with a row beside the benchmark, and beside the rows before it."""
        question = self._job.benchmark.match(encoded.row) if self._job.benchmark else None
        if question is not None:
            return Removed(id=encoded.row.id, reason=Reason.CONTAMINATED, detail=question)
        reason = self._repeats.reason_to_remove(encoded, tasks=self._recipe.unique_tasks)
        return Removed(id=encoded.row.id, reason=reason) if reason else None

    def _write(self, source: str, encoded: EncodedRow) -> None:
        row = encoded.row
        split = split_of(row, seed=self._job.seed, heldout_share=self._recipe.heldout_share)
        for variant in self._variants(source, row):
            written = encoded if variant is row else encode_row(variant)
            self._writers[split].write(written.columns())
            self.tally.write(source, variant, split)

    def _variants(self, source: str, row: Row) -> Iterator[Row]:
        """The row, and the one without its tools if it is to have one; each masked if it is to be."""
        yield self._masked(source, row)
        if self._is_drawn("irrelevance", row.id, self._recipe.irrelevance_share):
            without_tools = irrelevant(row)
            if without_tools:
                self.tally.sources[source].added += 1
                yield self._masked(source, without_tools)
            else:
                self.tally.sources[source].unfit["irrelevance"] += 1

    def _masked(self, source: str, row: Row) -> Row:
        if not self._is_drawn("masking", row.id, self._recipe.masking_share):
            return row
        if not can_be_masked(row):
            self.tally.sources[source].unfit["masking"] += 1
            return row
        self.tally.sources[source].masked += 1
        return masked(row, random_renaming(row, rng_of(self._job.seed, "names", row.id)))

    def _is_drawn(self, purpose: str, name: str, share: float) -> bool:
        return share > 0 and share_of(self._job.seed, purpose, name) < share

"""Whether a row asks what a benchmark asks: rows to train on that a policy is measured on later are worth nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from goodcall_trainer.prepare.found import Unreadable
from goodcall_trainer.prepare.records import SourceUnusable, read_records
from goodcall_trainer.prepare.sources import bfcl
from goodcall_trainer.prepare.texts import words_of
from goodcall_trainer.row import Message, Row

NGRAM = 13
"""Words in a row that two texts share only when one was copied; shorter questions must be equal as a whole."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The questions of a benchmark, for comparison."""

    questions: int
    wholes: dict[str, str] = field(repr=False)
    """Words of a question to its id."""
    ngrams: dict[int, str] = field(repr=False)
    """Hash of `NGRAM` words in a row to the id of a question that has them."""

    def match(self, row: Row) -> str | None:
        """The id of a question that a user of the row asks, too; None if there is none."""
        for words in _asked(row.messages):
            whole = self.wholes.get(" ".join(words))
            found = [whole] if whole else [self.ngrams[ngram] for ngram in _ngrams(words) if ngram in self.ngrams]
            if found:
                return found[0]
        return None


def read_benchmark(places: Sequence[str]) -> Benchmark:
    """The questions of BFCL in files or folders; what users say in them, whatever their category.

    Raises:
        SourceUnusable: reading can't go on, or there is no question.
    """
    wholes: dict[str, str] = {}
    ngrams: dict[int, str] = {}
    count = 0
    for place in places:
        for record in read_records(place):
            try:
                messages = bfcl.questions(record)
            except Unreadable:
                continue
            question = str(record.get("id", count)) if isinstance(record, dict) else str(count)
            count += 1
            for words in _asked(messages):
                wholes.setdefault(" ".join(words), question)
                for ngram in _ngrams(words):
                    ngrams.setdefault(ngram, question)
    if not count:
        raise SourceUnusable(f"no question of BFCL in {', '.join(places)}")
    return Benchmark(count, wholes, ngrams)


def _asked(messages: Iterable[Message]) -> Iterator[list[str]]:
    for message in messages:
        words = words_of(message["content"]) if message["role"] == "user" else []
        if words:
            yield words


def _ngrams(words: list[str]) -> Iterator[int]:
    return (hash(tuple(words[start : start + NGRAM])) for start in range(len(words) - NGRAM + 1))

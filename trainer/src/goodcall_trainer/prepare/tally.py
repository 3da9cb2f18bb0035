"""Counts of everything that happens to rows, with a sample of ids for each reason."""

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from goodcall_trainer.prepare.draws import share_of
from goodcall_trainer.prepare.found import Note, NoteKind, Reason, Removed
from goodcall_trainer.row import Row

SAMPLE_IDS = 10
"""Ids that are kept of each reason."""
_MAX_DETAILS = 50
_OTHER_DETAILS = "other"


@dataclass(slots=True)
class SourceTally:
    """What came of one source. Always: found + added = removed + written."""

    records: int = 0
    found: int = 0
    """Rows and would-be rows in its records."""
    added: int = 0
    """Rows that augmentation made of others."""
    removed: Counter[str] = field(default_factory=Counter)
    """By reason."""
    written: Counter[str] = field(default_factory=Counter)
    """By split."""
    several_turns: int = 0
    """Rows written that an earlier turn of the assistant is part of."""
    no_call: int = 0
    """Rows written that want no call."""
    masked: int = 0
    """Rows written under other names."""
    unfit: Counter[str] = field(default_factory=Counter)
    """Rows that an augmentation was meant for and would have spoilt, by its name."""

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return {
            "records": self.records,
            "found": self.found,
            "added": self.added,
            "removed": dict(self.removed.most_common()),
            "written": dict(self.written),
            "several_turns": self.several_turns,
            "no_call": self.no_call,
            "masked": self.masked,
            "unfit": dict(self.unfit),
        }


@dataclass(slots=True)
class _Case:
    count: int = 0
    details: Counter[str] = field(default_factory=Counter)
    sample: list[tuple[float, str]] = field(default_factory=list)


class Tally:
    """The counts of a whole run."""

    def __init__(self, seed: int) -> None:
        self.sources: defaultdict[str, SourceTally] = defaultdict(SourceTally)
        self._seed = seed
        self._reasons: defaultdict[Reason, _Case] = defaultdict(_Case)
        self._notes: defaultdict[NoteKind, _Case] = defaultdict(_Case)

    def remove(self, source: str, removed: Removed) -> None:
        """Counts a row that there won't be."""
        self.sources[source].removed[removed.reason.value] += 1
        self._count(self._reasons[removed.reason], removed.id, removed.detail)

    def note(self, note: Note) -> None:
        """Counts a note."""
        self._count(self._notes[note.kind], note.id)

    def write(self, source: str, row: Row, split: str) -> None:
        """Counts a row that is written."""
        counts = self.sources[source]
        counts.written[split] += 1
        counts.several_turns += any(message["role"] == "assistant" for message in row.messages)
        counts.no_call += not row.ground_truth

    def rows_in(self, split: str) -> int:
        """Rows written to a split."""
        return sum(counts.written[split] for counts in self.sources.values())

    def reasons(self) -> dict[Reason, dict[str, Any]]:
        """What was removed, the commonest reason first."""
        return _by_count(self._reasons)

    def notes(self) -> dict[NoteKind, dict[str, Any]]:
        """What was noted, the commonest first."""
        return _by_count(self._notes)

    def _count(self, case: _Case, row_id: str, detail: str = "") -> None:
        case.count += 1
        if detail:
            known = detail in case.details or len(case.details) < _MAX_DETAILS
            case.details[detail if known else _OTHER_DETAILS] += 1
        # The ids with the smallest draws: a fair sample, whatever the order.
        heapq.heappush(case.sample, (-share_of(self._seed, "sample", row_id), row_id))
        if len(case.sample) > SAMPLE_IDS:
            heapq.heappop(case.sample)


def _by_count(cases: dict[Any, _Case]) -> dict[Any, dict[str, Any]]:
    ordered = sorted(cases.items(), key=lambda entry: (-entry[1].count, entry[0]))
    return {
        kind: {
            "rows": case.count,
            "what": kind.sentence,
            "details": dict(sorted(case.details.items(), key=lambda entry: (-entry[1], entry[0]))),
            "sample": sorted(row_id for _, row_id in case.sample),
        }
        for kind, case in ordered
    }

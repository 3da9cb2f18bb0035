"""What can be wrong with a dataset: the closed list of kinds, and one finding."""

from enum import StrEnum
from typing import Self

import msgspec

from goodcall.reasons import Reason


class Level(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The row can't be trained on: it gets no score, or none but the lowest."""
    WARNING = "warning"
    """The row can be trained on, and the dataset is worth less for it."""


class Kind(StrEnum):
    """What was found. ``kind.level`` says how bad that is and ``kind.sentence`` what it means."""

    level: Level
    sentence: str

    def __new__(cls, code: str, level: Level, sentence: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.level = level
        member.sentence = sentence
        return member

    ROW_MALFORMED = "row_malformed", Level.ERROR, "The row is not a JSON object."
    GROUND_TRUTH_MISSING = "ground_truth_missing", Level.ERROR, "The row has no ground truth."
    TOOLS_MALFORMED = Reason.TOOLS_MALFORMED.value, Level.ERROR, "The tools are not a list of function definitions."
    TOOL_SCHEMA_INVALID = (
        Reason.TOOL_SCHEMA_INVALID.value,
        Level.ERROR,
        "The parameters of a tool are not a JSON Schema that can be used offline.",
    )
    TOOLS_BEYOND_BOUNDS = (
        Reason.TOOLS_BEYOND_BOUNDS.value,
        Level.ERROR,
        "The tools are more, larger or dearer to check against than the bounds allow.",
    )
    GROUND_TRUTH_MALFORMED = (
        Reason.GROUND_TRUTH_MALFORMED.value,
        Level.ERROR,
        "The ground truth is not a list of calls with a name and arguments each.",
    )
    GROUND_TRUTH_TOOL_UNKNOWN = (
        Reason.GROUND_TRUTH_TOOL_UNKNOWN.value,
        Level.ERROR,
        "The ground truth calls a tool that the row does not offer.",
    )
    GROUND_TRUTH_INVALID = (
        Reason.GROUND_TRUTH_INVALID.value,
        Level.ERROR,
        "The arguments of the ground truth break the JSON Schema of their own tool.",
    )
    UNREACHABLE = "unreachable", Level.ERROR, "Even a completion that writes the ground truth out scores nothing."
    DUPLICATE_ID = "duplicate_id", Level.WARNING, "An earlier row has the same id."
    DUPLICATE_ROW = "duplicate_row", Level.WARNING, "An earlier row has the same prompt, tools and ground truth."
    CONSTANT_ANSWER = "constant_answer", Level.WARNING, "One and the same completion is right on many rows."


class AuditFinding(msgspec.Struct, frozen=True):
    """One thing that is wrong, with one row or with the dataset."""

    kind: str
    level: str
    what: str
    line: int | None = None
    """Of the row, or its number in Parquet or in a list; None for what the dataset as a whole has."""
    id: str | None = None
    pointer: str | None = None
    """JSON Pointer into the row; where its tools and calls stand in texts, below /tools and /ground_truth, as read."""
    expected: str | None = None
    got: str | None = None


def found(
    kind: Kind,
    *,
    line: int | None = None,
    row_id: str | None = None,
    pointer: str | None = None,
    expected: str | None = None,
    got: str | None = None,
) -> AuditFinding:
    """A finding of a kind."""
    return AuditFinding(kind.value, kind.level.value, kind.sentence, line, row_id, pointer, expected, got)

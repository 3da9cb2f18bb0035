"""What reading and filtering find, as values: rows, what becomes no row and why, and what is worth a note.

The reasons and the notes are closed lists: a report counts every one of them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeAlias

from goodcall_trainer.row import Row


class _Explained(StrEnum):
    """A code with a sentence that says it to people."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member


class Reason(_Explained):
    """Why there is no row."""

    RECORD_UNREADABLE = "record_unreadable", "The record is no JSON, or not what its source writes."
    TOOLS_UNREADABLE = "tools_unreadable", "The tools are no list of function definitions."
    TYPE_UNKNOWN = "type_unknown", "A parameter has a type that no JSON Schema can be made of."
    GROUND_TRUTH_MISSING = "ground_truth_missing", "The source does not say which calls are right."
    NEEDS_STATE = "needs_state", "The right calls depend on an environment that a row does not have."
    CALLS_UNREADABLE = "calls_unreadable", "The calls don't follow the grammar of their source."
    CALL_NESTED = "call_nested", "A call is the argument of a call; it has no value before it is made."
    ARGUMENT_POSITIONAL = "argument_positional", "An argument does not say which parameter it is for."
    VALUE_UNQUOTED = "value_unquoted", "A value is no literal: a string without quotes, or an expression."
    HISTORY_UNREADABLE = "history_unreadable", "An earlier turn of the same dialogue has calls that can't be read."
    ANSWER_IN_WORDS = "answer_in_words", "The turn calls nothing, and the recipe does not keep such turns."
    NOT_JSON = "not_json", "A value is no JSON that the service reads: not finite, half a surrogate pair, or too deep."
    TOOLS_AMBIGUOUS = "tools_ambiguous", "Two tools have one name."
    SCHEMA_INVALID = "schema_invalid", "A tool's parameters are no JSON Schema that can be used offline."
    TOOL_UNKNOWN = "tool_unknown", "An expected call names a tool that the row does not offer."
    ARGUMENT_MISSING = "argument_missing", "An expected call lacks a parameter that its tool requires."
    ARGUMENT_TYPE_WRONG = "argument_type_wrong", "An expected argument is not of the type that its tool declares."
    ARGUMENT_INVALID = "argument_invalid", "An expected argument breaks another rule of its tool's schema."
    ARGUMENT_UNKNOWN = "argument_unknown", "An expected call has an argument that its tool does not declare."
    ID_REPEATED = "id_repeated", "An earlier row has the same id."
    DUPLICATE = "duplicate", "An earlier row has the same conversation, tools and answer."
    CONTRADICTED = "contradicted", "An earlier row has the same conversation and tools, and another answer."
    CONTAMINATED = "contaminated", "What the user says is in the benchmark."


class NoteKind(_Explained):
    """What is worth knowing of rows that are rows all the same."""

    PARENTHESIS_IN_STRING = "parenthesis_in_string", "A string in the calls has a closing parenthesis."
    RELEASED_PARSER_CORRUPTS = (
        "released_parser_corrupts",
        "The parser that Tool-N1 released reads other calls than those that are written.",
    )
    RELEASED_PARSER_LOSES = "released_parser_loses", "The parser that Tool-N1 released takes the calls for words."
    SEVERAL_ANSWERS = "several_answers", "The benchmark accepts several answers; the row has the first of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A would-be row, and why it is none."""

    id: str
    reason: Reason
    detail: str = ""
    """Of few kinds, so that they can be counted: a type, the words of a fault; never a row's own text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something about the next row of a reader."""

    id: str
    kind: NoteKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerInWords:
    """The row that a turn without calls gives where a recipe keeps such turns: no call is wanted."""

    row: Row


Found: TypeAlias = Row | AnswerInWords | Removed | Note


class Unreadable(Exception):
    """A record, or a part of one, is not what its source writes."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.sentence} {detail}".rstrip())
        self.reason = reason
        self.detail = detail

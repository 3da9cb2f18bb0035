"""Questions of the Berkeley leaderboard (BFCL), single-turn, with the acceptable answers from `possible_answer/`.

A row wants one answer where the leaderboard accepts several: the first of each argument's acceptable values, and
nothing where that is the sign for an omission, unless the argument is required. (To score as the leaderboard does, use
the reward `bfcl/ast`.) The irrelevance categories want no call; relevance has no answers, and multi-turn questions need
the leaderboard's environments.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goodcall_trainer.prepare.found import Found, Note, NoteKind, Reason, Unreadable
from goodcall_trainer.prepare.records import BadLine, Record, data_files, read_records
from goodcall_trainer.prepare.sources.openai import read_messages
from goodcall_trainer.prepare.tools import read_tools
from goodcall_trainer.row import Message, Row, ToolCall

ANSWERS_FOLDER = "possible_answer"
_OMITTED = ""


def records_with_answers(place: str) -> Iterator[Record | BadLine]:
    """The questions at a place, each with its answer from the file of the same name in `possible_answer/` beside it.

    Raises:
        SourceUnusable: as `read_records`.
    """
    for path in data_files(place):
        answers = {id_: answer for file in answer_files([path]) for id_, answer in _answers(file)}
        for record in read_records(str(path)):
            if isinstance(record, dict) and str(record.get("id")) in answers:
                record["ground_truth"] = answers[str(record["id"])]
            yield record


def answer_files(files: Iterable[Path]) -> list[Path]:
    """The files of acceptable answers that belong to files of questions, as far as there are any."""
    answers = (file.parent / ANSWERS_FOLDER / file.name for file in files)
    return [file for file in answers if file.exists()]


def _answers(file: Path) -> Iterator[tuple[str, Any]]:
    for record in read_records(str(file)):
        if isinstance(record, dict) and isinstance(record.get("id"), str):
            yield record["id"], record.get("ground_truth")


def questions(record: Any) -> list[Message]:
    """All messages of a question, over all its turns.

    Raises:
        Unreadable: it has none.
    """
    turns = record.get("question") if isinstance(record, dict) else None
    if not isinstance(turns, list) or not all(isinstance(turn, list) for turn in turns):
        raise Unreadable(Reason.RECORD_UNREADABLE, "no question")
    return [turn.message for turn in read_messages([message for turn in turns for message in turn])]


def read(record: Any, record_id: str) -> Iterator[Found]:
    """The one row of a question.

    Raises:
        Unreadable: the record is no single-turn question, or has no answer.
    """
    messages = questions(record)
    if len(record["question"]) > 1 or "initial_config" in record:
        raise Unreadable(Reason.NEEDS_STATE)
    answers = [] if "irrelevance" in record_id else record.get("ground_truth")
    if not isinstance(answers, list):
        raise Unreadable(Reason.GROUND_TRUTH_MISSING)
    tools = read_tools(record.get("function"))
    required = {tool["function"]["name"]: tool["function"]["parameters"].get("required", ()) for tool in tools}
    row = Row(
        id=record_id,
        source="bfcl",
        messages=tuple(messages),
        tools=tools,
        ground_truth=tuple(_first_answer(answer, required) for answer in answers),
    )
    if any(_accepts_several(answer) for answer in answers):
        yield Note(id=row.id, kind=NoteKind.SEVERAL_ANSWERS)
    yield row


def _first_answer(answer: Any, required: Mapping[str, Sequence[str]]) -> ToolCall:
    """One call out of all that are acceptable; `required` names the parameters of each tool that can't be left out."""
    name, acceptable = _call_of(answer)
    arguments = {}
    for parameter, values in acceptable.items():
        given = [value for value in values if value != _OMITTED]
        if given and (values[0] != _OMITTED or parameter in required.get(name, ())):
            arguments[parameter] = _first_within(given[0])
    return {"name": name, "arguments": arguments}


def _call_of(answer: Any) -> tuple[str, dict[str, list[Any]]]:
    """The name, and the acceptable values of each argument, of which there are some."""
    if isinstance(answer, dict) and len(answer) == 1:
        [(name, arguments)] = answer.items()
        if isinstance(arguments, dict) and all(isinstance(values, list) and values for values in arguments.values()):
            return name, arguments
    raise Unreadable(Reason.CALLS_UNREADABLE, "no acceptable values")


def _first_within(value: Any) -> Any:
    """An acceptable object with the first of each key's own acceptable values; the same within a list of objects."""
    if isinstance(value, list):
        return [_first_within(element) if isinstance(element, dict) else element for element in value]
    if not isinstance(value, dict):
        return value
    firsts = {key: values[0] if isinstance(values, list) and values else values for key, values in value.items()}
    return {key: first for key, first in firsts.items() if first != _OMITTED}


def _accepts_several(answer: Any) -> bool:
    _, arguments = _call_of(answer)
    return any(len(values) > 1 for values in arguments.values())

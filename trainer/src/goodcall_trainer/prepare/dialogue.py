"""A dialogue, cut into steps: each turn of the assistant is a task of its own, with all before it as its context."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from goodcall_trainer.prepare.found import AnswerInWords, Found, Note, NoteKind, Reason, Removed, Unreadable
from goodcall_trainer.row import Message, Row, Tool, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message, and what it means for the task of giving it."""

    message: Message
    calls: tuple[ToolCall, ...] = ()
    """What an assistant's turn calls."""
    fault: Unreadable | None = None
    """Why its calls can't be read."""
    notes: tuple[NoteKind, ...] = field(default=())


def said(role: str, content: str) -> Turn:
    """A turn that calls nothing."""
    return Turn(message={"role": role, "content": content})


def called(calls: Iterable[ToolCall], content: str = "", notes: tuple[NoteKind, ...] = ()) -> Turn:
    """A turn of the assistant that calls tools, or none."""
    calls = tuple(calls)
    return Turn(message=calling_message(calls, content), calls=calls, notes=notes)


def calling_message(calls: Iterable[ToolCall], content: str = "") -> Message:
    """The assistant's message that makes calls."""
    tool_calls = [{"type": "function", "function": call} for call in calls]
    message: Message = {"role": "assistant", "content": content}
    return message | {"tool_calls": tool_calls} if tool_calls else message


def cut_into_steps(dialogue_id: str, source: str, tools: tuple[Tool, ...], turns: Iterable[Turn]) -> Iterator[Found]:
    """What each turn of the assistant gives, in order; its id is the dialogue's with the turn's index, from 0.

    Turns before the first of a user are no tasks. What follows a turn whose calls can't be read has a history that
    can't be told.
    """
    messages: list[Message] = []
    user_spoke, history_told = False, True
    for index, turn in enumerate(turns):
        user_spoke = user_spoke or turn.message["role"] == "user"
        if turn.message["role"] == "assistant" and user_spoke:
            row = Row(
                id=f"{dialogue_id}:{index}",
                source=source,
                messages=tuple(messages),
                tools=tools,
                ground_truth=turn.calls,
            )
            yield from _step(row, turn, history_told=history_told)
            history_told = history_told and turn.fault is None
        messages.append(turn.message)


def _step(row: Row, turn: Turn, *, history_told: bool) -> Iterator[Found]:
    for kind in turn.notes:
        yield Note(id=row.id, kind=kind)
    if turn.fault:
        yield Removed(id=row.id, reason=turn.fault.reason, detail=turn.fault.detail)
    elif not history_told:
        yield Removed(id=row.id, reason=Reason.HISTORY_UNREADABLE)
    else:
        yield row if turn.calls else AnswerInWords(row=row)

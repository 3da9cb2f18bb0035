"""The answers of an evaluation, kept in a file as they come, so that a killed run goes on where it was."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from goodcall_trainer.evaluation.questions import Question

Completion: TypeAlias = str | Mapping[str, Any]
"""Text, special tokens kept; or an assistant's message that a server has parsed."""

PROMPT_TOO_LONG = "prompt_too_long"
"""Why a question could not be put: its prompt leaves no room for an answer."""


class AnswersUnusable(Exception):
    """Answers that are there belong to something else, or somebody else is writing them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the policy said to one question."""

    completion: Completion | None
    """None where the question could not be put to it: then `fault` says why."""
    truncated: bool = False
    """Whether it was cut off at the longest answer that was allowed."""
    fault: str = ""


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Keeps other evaluations off the file of answers at this path, which is there from then on.

    Raises:
        AnswersUnusable: another one is at it.
    """
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AnswersUnusable(f"another evaluation is writing to {path}; give this one another --out") from None
        yield


class AnswerFile:
    """A file of JSON lines, one an answer; a last line that was torn by a kill is dropped. See `sole_writer`.

    Raises:
        AnswersUnusable: a line is no answer, or the answers were given under other settings or to other questions.
    """

    def __init__(self, path: Path, settings_digest: str, questions: Iterable[Question]) -> None:
        self._path = path
        self._settings_digest = settings_digest
        self._digests = {question.key: question.digest() for question in questions}
        self._file = path.open("a+b")
        try:
            self._drop_torn_line()
            self._answers = self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def answers(self) -> Mapping[str, Answer]:
        """All answers by their question's key; those to questions that are not asked now are left out."""
        return self._answers

    def keep(self, question: Question, answer: Answer) -> None:
        """Writes an answer down. The first to a question stays."""
        if question.key in self._answers:
            return
        line = {
            "question": question.key,
            "question_digest": self._digests[question.key],
            "settings_digest": self._settings_digest,
            "completion": answer.completion,
            "truncated": answer.truncated,
            "fault": answer.fault,
        }
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        self._answers[question.key] = answer

    def _drop_torn_line(self) -> None:
        self._file.seek(0)
        text = self._file.read()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.truncate(self._path, whole)

    def _read(self) -> dict[str, Answer]:
        self._file.seek(0)
        return dict(self._asked(enumerate(self._file.readlines(), 1)))

    def _asked(self, lines: Iterable[tuple[int, bytes]]) -> Iterable[tuple[str, Answer]]:
        for number, text in lines:
            line = self._line(number, text)
            key = line["question"]
            if key not in self._digests:
                continue
            if line["question_digest"] != self._digests[key]:
                raise AnswersUnusable(
                    f"{self._path}:{number} answers another {key} than the one that is asked now: the benchmark's "
                    "files changed. Give this evaluation another --out."
                )
            yield key, Answer(completion=line["completion"], truncated=line["truncated"], fault=line["fault"])

    def _line(self, number: int, text: bytes) -> dict[str, Any]:
        try:
            line: dict[str, Any] = json.loads(text)
            digest = line["settings_digest"]
            _ = [line[key] for key in ("question", "question_digest", "completion", "truncated", "fault")]
        except (ValueError, KeyError, TypeError):
            raise AnswersUnusable(f"{self._path}:{number} is no answer; mend it, or give another --out") from None
        if digest != self._settings_digest:
            raise AnswersUnusable(f"{self._path}:{number} was answered under other settings; give another --out")
        return line


def missing(questions: Sequence[Question], answers: Mapping[str, Answer]) -> list[Question]:
    """The questions without an answer."""
    return [question for question in questions if question.key not in answers]

"""What answers questions: a checkpoint, or an endpoint, behind one form."""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Protocol, TypeAlias

from goodcall_trainer.evaluation.answers import Answer
from goodcall_trainer.evaluation.questions import Question
from goodcall_trainer.evaluation.settings import AnswerSettings


class Prompt(StrEnum):
    """How a question is put."""

    PAPER = "paper"
    """Tool-N1's system message, with the tools and the form of an answer in it."""
    CHAT_TEMPLATE = "chat-template"
    """The tools as the chat template, or the server, lists them."""
    SIGNATURES = "signatures"
    """The tools as bare signatures, as policies that are made on the spot see them."""


Keep: TypeAlias = Callable[[Question, Answer], None]
"""Takes an answer as soon as it is there."""


class Engine(Protocol):
    """Something that completes prompts, greedily."""

    @property
    def settings(self) -> AnswerSettings:
        """What makes its answers what they are."""

    @property
    def assistant_prefix(self) -> str:
        """What every prompt ends with that belongs to the answer; the service must put it before each completion."""

    def answer(self, questions: Sequence[Question], answered: Collection[str], keep: Keep) -> None:
        """Answers those of the questions whose keys are not among `answered`, in any order."""

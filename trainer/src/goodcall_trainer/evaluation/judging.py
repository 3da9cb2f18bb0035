"""Answers to verdicts, by the service. A question that could not be put has none, and the service isn't asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goodcall_client import Client, Item
from goodcall_trainer.evaluation import apibank, bfcl
from goodcall_trainer.evaluation.answers import Answer
from goodcall_trainer.evaluation.questions import Question

REWARDS: Mapping[str, tuple[str, ...]] = {bfcl.NAME: (bfcl.REWARD,), apibank.NAME: (apibank.SOFT, apibank.HARD)}
"""The rewards that each benchmark is judged by; the first is the one that its sources report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One answer and what one reward says of it."""

    question: Question
    answer: Answer
    reward: str
    score: float | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """A line for people who look for what went wrong."""
        return {
            "question": self.question.key,
            "category": self.question.category,
            "reward": self.reward,
            "score": self.score,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """All verdicts, and the exact versions of the rewards that gave them."""

    judged: tuple[Judged, ...]
    digests: Mapping[str, str]
    """Of each reward that was asked."""


def judge(
    client: Client, questions: Sequence[Question], answers: Mapping[str, Answer], *, assistant_prefix: str
) -> Judgements:
    """The verdicts on all answers, by benchmark and reward, in the questions' order.

    Raises:
        GoodcallError: the service gave none.
    """
    judged: list[Judged] = []
    digests = {}
    for benchmark, rewards in REWARDS.items():
        asked = [question for question in questions if question.benchmark == benchmark]
        for reward in rewards if asked else ():
            found, digests[reward] = _judge_by(reward, client, asked, answers, assistant_prefix)
            judged += found
    return Judgements(judged=tuple(judged), digests=digests)


def _judge_by(
    reward: str, client: Client, questions: Sequence[Question], answers: Mapping[str, Answer], assistant_prefix: str
) -> tuple[list[Judged], str]:
    put = [question for question in questions if answers[question.key].completion is not None]
    items = [_item(question, answers[question.key]) for question in put]
    result = client.score(items, reward=reward, assistant_prefix=assistant_prefix)
    verdicts = {
        question.key: (item.verdicts[0].score, item.verdicts[0].reason)
        for question, item in zip(put, result.items, strict=True)
    }
    judged = []
    for question in questions:
        answer = answers[question.key]
        score, reason = verdicts.get(question.key, (None, answer.fault))
        judged.append(Judged(question=question, answer=answer, reward=reward, score=score, reason=reason))
    return judged, result.digest


def _item(question: Question, answer: Answer) -> Item:
    assert answer.completion is not None  # noqa: S101 - the caller left the others out
    return Item(
        id=question.id,
        tools=question.tools,
        ground_truth=question.ground_truth,
        completions=[answer.completion],
        context={"category": question.category} if question.benchmark == bfcl.NAME else None,
    )

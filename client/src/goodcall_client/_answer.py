"""From the bytes of an answer to verdicts: read, checked against the request, merged. Pure functions.

An answer is exactly right or it is refused: no score is guessed, repaired or filled in. Fields that this
version does not know are passed over.
"""

import contextlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._encoding import decode
from ._errors import GoodcallError
from ._request import Part, ScoreRequest
from ._retry import AnswerUnusable
from ._types import (
    SERVICE_UNAVAILABLE,
    Detail,
    ItemVerdicts,
    RewardCatalogue,
    RewardInfo,
    ScoreResult,
    Verdict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAnswer:
    """A checked answer to one request: the verdicts of each of its parts. A masked one has no names."""

    reward: str = ""
    digest: str = ""
    request_id: str = ""
    verdicts: tuple[tuple[Verdict, ...], ...]
    masked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What could be read of an error body. Anything may answer with a 502, so nothing is required."""

    code: str | None
    pointer: str | None
    detail: str | None
    request_id: str | None


def read_answer(body: bytes, request: ScoreRequest) -> ScoreAnswer:
    """The verdicts of an answer with status 200: one for each completion of `request`, in its order.

    Raises:
        AnswerUnusable: Anything else; the message says what and where.
    """
    answer = _object(_json_value(body), "the body")
    reward = _name(answer, "reward", "")
    if request.reward is not None and not f"{reward}@".startswith(f"{request.reward}@"):
        raise AnswerUnusable(f"/reward is {reward!r}, {request.reward!r} was asked for")
    items = _list(answer, "items", "", wanted=len(request.parts))
    known: dict[Any, Verdict] = {}
    return ScoreAnswer(
        reward=reward,
        digest=_name(answer, "digest", ""),
        request_id=_name(answer, "request_id", ""),
        verdicts=tuple(
            _verdicts(item, part, f"/items/{index}", known)
            for index, (item, part) in enumerate(zip(items, request.parts, strict=True))
        ),
    )


def mask(request: ScoreRequest, error: GoodcallError) -> ScoreAnswer:
    """What stands in for the answer that a request did not get: no score for any of its completions."""
    verdict = Verdict(score=None, reason=SERVICE_UNAVAILABLE, detail=Detail(stage="request", hint=str(error)))
    return ScoreAnswer(verdicts=tuple((verdict,) * part.count for part in request.parts), masked=True)


def merge(requests: Sequence[ScoreRequest], answers: Sequence[ScoreAnswer]) -> ScoreResult:
    """One result from the answers to all requests of a call. The same reward must have given all not masked."""
    ids: list[str | None] = []
    runs: list[list[tuple[Verdict, ...]]] = []
    for request, answer in zip(requests, answers, strict=True):
        for part, verdicts in zip(request.parts, answer.verdicts, strict=True):
            if part.start == 0:
                ids.append(part.id)
                runs.append([])
            runs[-1].append(verdicts)
    given = [answer for answer in answers if not answer.masked]
    named = given[0] if given else answers[0]
    return ScoreResult(
        reward=named.reward,
        digest=named.digest,
        items=tuple(
            ItemVerdicts(id=id_, verdicts=tuple(itertools.chain(*run))) for id_, run in zip(ids, runs, strict=True)
        ),
        request_ids=tuple(answer.request_id for answer in given),
    )


def read_catalogue(body: bytes) -> RewardCatalogue:
    """The answer to `GET /rewards`.

    Raises:
        AnswerUnusable: It is no catalogue.
    """
    answer = _object(_json_value(body), "the body")
    return RewardCatalogue(
        default=_name(answer, "default", ""),
        rewards=tuple(
            _reward_info(_object(entry, f"/rewards/{index}"), f"/rewards/{index}")
            for index, entry in enumerate(_list(answer, "rewards", ""))
        ),
    )


def read_problem(body: bytes) -> Problem:
    """What an error body says, as far as it can be understood. Never raises: a proxy may have written it."""
    try:
        value = _json_value(body)
    except AnswerUnusable:
        value = None
    problem: Mapping[str, Any] = value if isinstance(value, dict) else {}

    def text(name: str) -> str | None:
        found = problem.get(name)
        return found[:1000] if isinstance(found, str) and found else None

    return Problem(
        code=text("code"),
        pointer=text("pointer"),
        detail=text("detail") or text("title"),
        request_id=text("request_id"),
    )


def _verdicts(item: Any, part: Part, where: str, known: dict[Any, Verdict]) -> tuple[Verdict, ...]:
    found = _object(item, where)
    if found.get("id") != part.id:
        raise AnswerUnusable(f"{where}/id is not the id that was sent: the items are not in order")
    verdicts = _list(found, "verdicts", where, wanted=part.count)
    try:
        # What is no verdict makes no key, or one that leads nowhere.
        return tuple([known[type(one["score"]), one["score"], one["reason"], one.get("detail")] for one in verdicts])
    except (KeyError, TypeError):
        return tuple([_verdict(verdict, f"{where}/verdicts/{index}", known) for index, verdict in enumerate(verdicts)])


def _verdict(value: Any, where: str, known: dict[Any, Verdict]) -> Verdict:
    """The verdict. Equal ones without detail are one object: an answer has few that differ, and they are frozen."""
    verdict = _new_verdict(value, where)
    if verdict.detail is not None:
        return verdict
    # By type too, because 1 == 1.0 == True.
    return known.setdefault((type(value["score"]), verdict.score, verdict.reason, None), verdict)


def _new_verdict(value: Any, where: str) -> Verdict:
    verdict = _object(value, where)
    if "score" not in verdict:
        raise AnswerUnusable(f"{where}/score is missing")
    score, reason = verdict["score"], _name(verdict, "reason", where)
    if reason == SERVICE_UNAVAILABLE:
        raise AnswerUnusable(f"{where}/reason is {reason!r}, which only a client says")
    return Verdict(
        score=None if score is None else _number(score, f"{where}/score"),
        reason=reason,
        detail=_detail(verdict.get("detail"), f"{where}/detail"),
    )


def _detail(value: Any, where: str) -> Detail | None:
    if value is None:
        return None
    detail = _object(value, where)
    pointer, offset = detail.get("pointer"), detail.get("offset")
    if not isinstance(pointer, str | None):
        raise AnswerUnusable(f"{where}/pointer is not a string")
    if not isinstance(offset, int | None) or isinstance(offset, bool):
        raise AnswerUnusable(f"{where}/offset is not an integer")
    return Detail(
        stage=_name(detail, "stage", where),
        hint=_text(detail, "hint", where),
        pointer=pointer,
        offset=offset,
        expected=detail.get("expected"),
        got=detail.get("got"),
    )


def _reward_info(entry: Mapping[str, Any], where: str) -> RewardInfo:
    low, high = _list(entry, "range", where, wanted=2)
    needs = _list(entry, "needs", where)
    if not all(isinstance(need, str) for need in needs):
        raise AnswerUnusable(f"{where}/needs is not a list of strings")
    return RewardInfo(
        id=_name(entry, "id", where),
        digest=_name(entry, "digest", where),
        summary=_text(entry, "summary", where),
        range=(_number(low, f"{where}/range/0"), _number(high, f"{where}/range/1")),
        needs=tuple(needs),
        source=_text(entry, "source", where),
    )


def _json_value(body: bytes) -> Any:
    try:
        return decode(body)
    except UnicodeDecodeError as error:
        raise AnswerUnusable("the body is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise AnswerUnusable(f"the body is not JSON: {error}") from error


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AnswerUnusable(f"{where} is not an object")
    return value


def _list(holder: Mapping[str, Any], name: str, where: str, *, wanted: int | None = None) -> list[Any]:
    found = holder.get(name)
    if not isinstance(found, list):
        raise AnswerUnusable(f"{where}/{name} is not a list")
    if wanted is not None and len(found) != wanted:
        raise AnswerUnusable(f"{where}/{name} has {len(found)} entries, {wanted} are wanted")
    return found


def _name(holder: Mapping[str, Any], name: str, where: str) -> str:
    found = _text(holder, name, where)
    if not found:
        raise AnswerUnusable(f"{where}/{name} is empty")
    return found


def _text(holder: Mapping[str, Any], name: str, where: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str):
        raise AnswerUnusable(f"{where}/{name} is not a string")
    return found


def _number(value: Any, where: str) -> float:
    # bool is an int in Python; JSON disagrees.
    if isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # an integer can be larger than any double
            number = float(value)
            if math.isfinite(number):
                return number + 0.0  # makes 0.0 of -0.0: they are equal, so one may stand for the other
    raise AnswerUnusable(f"{where} is not a finite number")

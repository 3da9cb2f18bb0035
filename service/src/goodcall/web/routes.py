"""The endpoints: wire to verifier and back."""

import platform
from collections.abc import Callable
from itertools import chain
from operator import attrgetter
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel
from starlette.background import BackgroundTask

import goodcall
from goodcall import native
from goodcall.errors import UnknownReward
from goodcall.items import encode
from goodcall.rewards import DEFAULT_REWARD, Reward, find_reward
from goodcall.scoring import Scorer
from goodcall.web.admission import Slot
from goodcall.web.auth import authenticate
from goodcall.web.batch import Batch
from goodcall.web.bodies import content_coding, read_body, stream_body
from goodcall.web.catalogue import Catalogue, RewardEntry
from goodcall.web.envelope import refuse_deeper_contexts, refuse_repeated_keys
from goodcall.web.inflate import Coding
from goodcall.web.limits import Limits, declared_bytes, media_type, refuse_beyond
from goodcall.web.lines import NDJSON, LineScorer, read_options
from goodcall.web.problems import ProblemCode, RequestProblem
from goodcall.web.request_record import record_of
from goodcall.web.wire import ScoreRequest, ScoreResponse, decode_request


class Status(BaseModel):
    """The answer of a probe."""

    status: str


class Version(BaseModel):
    """What is running."""

    goodcall: str
    python: str
    default_reward: str
    compiled_judge: bool
    """Whether groups are judged by the compiled module; the scores are the same."""


_VERDICTS = attrgetter("verdicts")

router = APIRouter(dependencies=[Depends(authenticate)])


@router.post("/score", summary="Judge completions")
async def score(request: Request) -> Response:
    """One verdict for each completion, in order. A bad completion is a verdict, never an error."""
    media, coding = media_type(request), content_coding(request)
    if media == "application/json":
        return await _score_json(request, coding)
    if media == NDJSON:
        return _score_lines(request, coding)
    raise RequestProblem(
        ProblemCode.UNSUPPORTED_MEDIA_TYPE,
        f"Send JSON with the header Content-Type: application/json, or an item a line with {NDJSON}.",
    )


async def _score_json(request: Request, coding: Coding | None) -> Response:
    if request.url.query:
        raise RequestProblem(
            ProblemCode.INVALID_REQUEST, "The options of an application/json request stand in its body."
        )
    state, team = request.app.state, request.state.team
    declared = declared_bytes(request, state.limits)
    # What a compressed body holds shows only as it is inflated.
    known = declared if coding is None else None
    async with state.admission.enter(team, known, request.receive) as slot:
        score_request = await _read(request, coding, slot, _held_already if known is not None else slot.hold_bytes)
        reward, scorer = _named(score_request.reward, "/reward"), _scorer(request)
        batch = Batch(
            reward, scorer, slot, assistant_prefix=score_request.assistant_prefix, explain=score_request.explain
        )
        items = await batch.score(score_request.items)
        verdicts = [*chain.from_iterable(map(_VERDICTS, items))]
        record = record_of(request)
        record.nulls = state.metrics.count_verdicts(reward.id, verdicts)
        record.reward, record.items, record.completions = reward.id, len(items), len(verdicts)
        record.wait_s = slot.wait_s
        state.metrics.observe_batch(team.name, len(verdicts))
        answer = encode(ScoreResponse(reward.id, reward.digest, record.request_id, items))
    watched = state.alarm.takes(reward)
    return Response(
        answer,
        media_type="application/json",
        background=BackgroundTask(state.alarm.compare, score_request, items, reward, scorer) if watched else None,
    )


async def _read(request: Request, coding: Coding | None, slot: Slot, hold: Callable[[int], object]) -> ScoreRequest:
    limits = request.app.state.limits
    body = await read_body(request, coding, limits, hold)
    record_of(request).body_bytes = len(body)
    score_request = decode_request(body)
    if len(body) <= limits.key_check_bytes:
        refuse_repeated_keys(body)
    refuse_beyond(score_request, limits)
    refuse_deeper_contexts(score_request.items, limits.max_json_depth)
    slot.learn(sum([len(item.completions) for item in score_request.items]), len(body))
    return score_request


def _held_already(_: int) -> None:
    """Room for a body of a length that was declared is taken before it is read."""


def _score_lines(request: Request, coding: Coding | None) -> Response:
    options, state, team = read_options(request.query_params), request.app.state, request.state.team
    reward, slot = _named(options.reward, None), state.admission.enter_stream(team)
    batch = Batch(reward, _scorer(request), slot, assistant_prefix=options.assistant_prefix, explain=options.explain)
    lines = LineScorer(batch, slot, state.limits, state.metrics, record_of(request))
    return lines.respond(stream_body(request, coding, state.limits))


def _scorer(request: Request) -> Scorer:
    scorer: Scorer = request.app.state.scorers.of(request.state.team.name, request.state.teams)
    return scorer


def _named(name: str, pointer: str | None) -> Reward[Any]:
    try:
        return find_reward(name)
    except UnknownReward as error:
        raise RequestProblem(
            ProblemCode.UNKNOWN_REWARD, f"The catalogue holds {', '.join(error.known)}.", pointer
        ) from None


@router.get("/rewards", summary="The reward catalogue")
async def rewards() -> Catalogue:
    """Every reward that can be named, and the default."""
    return Catalogue.current()


@router.get("/rewards/{family}/{variant}", summary="One reward")
async def reward_entry(family: str, variant: str) -> RewardEntry:
    """One entry of the catalogue; without `@version`, the newest one."""
    try:
        return RewardEntry.of(find_reward(f"{family}/{variant}"))
    except UnknownReward as error:
        raise RequestProblem(ProblemCode.REWARD_NOT_FOUND, f"The catalogue holds {', '.join(error.known)}.") from None


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Status:
    """Answers as long as the event loop turns."""
    return Status(status="ok")


@router.get("/readyz", summary="Does the service take requests?")
async def readyz(request: Request) -> Status:
    """200 while the service takes requests, 503 before and after."""
    if not request.app.state.ready:
        raise RequestProblem(ProblemCode.NOT_READY, "The service is starting or draining; ask again.")
    return Status(status="ok")


@router.get("/version", summary="What is running")
async def version() -> Version:
    """The versions that an answer depends on."""
    return Version(
        goodcall=goodcall.__version__,
        python=platform.python_version(),
        default_reward=DEFAULT_REWARD,
        compiled_judge=native.judge_group is not None,
    )


@router.get("/limits", summary="What a request may hold")
async def limits(request: Request) -> Limits:
    """The limits in force."""
    in_force: Limits = request.app.state.limits
    return in_force


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Everything that is counted, in the Prometheus text format."""
    return Response(request.app.state.metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

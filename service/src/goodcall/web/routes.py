"""The endpoints: wire to verifier and back."""

import platform
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel
from starlette.background import BackgroundTask

import goodcall
from goodcall.errors import UnknownReward
from goodcall.items import encode
from goodcall.rewards import DEFAULT_REWARD, Reward, find_reward
from goodcall.web.batch import Batch
from goodcall.web.catalogue import Catalogue, RewardEntry
from goodcall.web.limits import Limits, media_type, read_body, refuse_beyond
from goodcall.web.lines import NDJSON, LineScorer, read_options
from goodcall.web.problems import ProblemCode, RequestProblem
from goodcall.web.wire import ScoreResponse, decode_request


class Status(BaseModel):
    """The answer of a probe."""

    status: str


class Version(BaseModel):
    """What is running."""

    goodcall: str
    python: str
    default_reward: str


router = APIRouter()


@router.post("/score", summary="Judge completions")
async def score(request: Request) -> Response:
    """One verdict for each completion, in order. A bad completion is a verdict, never an error."""
    media = media_type(request)
    if media == "application/json":
        return await _score_json(request)
    if media == NDJSON:
        return _score_lines(request)
    raise RequestProblem(
        ProblemCode.UNSUPPORTED_MEDIA_TYPE,
        f"Send JSON with the header Content-Type: application/json, or an item a line with {NDJSON}.",
    )


async def _score_json(request: Request) -> Response:
    if request.url.query:
        raise RequestProblem(
            ProblemCode.INVALID_REQUEST, "The options of an application/json request stand in its body."
        )
    state = request.app.state
    score_request = decode_request(await read_body(request, state.limits))
    refuse_beyond(score_request, state.limits)
    reward = _named(score_request.reward, "/reward")
    batch = Batch(reward, state.scorer, assistant_prefix=score_request.assistant_prefix, explain=score_request.explain)
    items = [await batch.score(item, f"/items/{index}") for index, item in enumerate(score_request.items)]
    verdicts = [verdict for item in items for verdict in item.verdicts]
    state.metrics.count_verdicts(reward.id, verdicts)
    state.metrics.observe_batch(len(verdicts))
    response = ScoreResponse(reward.id, reward.digest, request.state.request_id, items)
    watched = state.alarm.takes(reward)
    return Response(
        encode(response),
        media_type="application/json",
        background=BackgroundTask(state.alarm.compare, score_request, items, reward) if watched else None,
    )


def _score_lines(request: Request) -> Response:
    options, state = read_options(request.query_params), request.app.state
    batch = Batch(
        _named(options.reward, None), state.scorer, assistant_prefix=options.assistant_prefix, explain=options.explain
    )
    return LineScorer(batch, state.limits, state.metrics, request.state.request_id).respond(request.stream())


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
    return Version(goodcall=goodcall.__version__, python=platform.python_version(), default_reward=DEFAULT_REWARD)


@router.get("/limits", summary="What a request may hold")
async def limits(request: Request) -> Limits:
    """The limits in force."""
    in_force: Limits = request.app.state.limits
    return in_force


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Everything that is counted, in the Prometheus text format."""
    return Response(request.app.state.metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

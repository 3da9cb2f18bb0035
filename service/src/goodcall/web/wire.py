"""The bodies of ``POST /score``: their shapes, and decoding with problems that say where."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from goodcall.errors import InvalidJSON, InvalidShape, MalformedInput, UnknownField
from goodcall.items import Item, ItemVerdicts, children, decode, make_item_raw
from goodcall.rewards import DEFAULT_REWARD
from goodcall.web.problems import ProblemCode, RequestProblem


class ScoreRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What to judge, and by which reward."""

    items: list[Item]
    reward: Annotated[
        str,
        Meta(description="`family/variant@version`; without the version, the newest one."),
    ] = DEFAULT_REWARD
    assistant_prefix: Annotated[
        str,
        Meta(
            description="Text that the chat template put before each completion, such as `<think>`; it is put "
            "in front again before judging. Parsed messages have no use for it."
        ),
    ] = ""
    explain: Annotated[bool, Meta(description="Whether each verdict carries its detail.")] = False


class ScoreResponse(msgspec.Struct):
    """The verdicts on all items, in their order."""

    reward: Annotated[str, Meta(description="The full id of the reward that judged.")]
    digest: Annotated[str, Meta(description="The digest of that version of the reward.")]
    request_id: str
    items: list[ItemVerdicts]


_decoder = msgspec.json.Decoder(ScoreRequest)
_CODES = {
    InvalidJSON: ProblemCode.INVALID_JSON,
    UnknownField: ProblemCode.UNKNOWN_FIELD,
    InvalidShape: ProblemCode.INVALID_REQUEST,
}


def decode_request(body: bytes) -> ScoreRequest:
    """The request that a body holds.

    Raises:
        RequestProblem: the body is not JSON, or not of the form of a request; says where.
    """
    try:
        return decode(body, _decoder, _make_raw)
    except MalformedInput as error:
        raise malformed(error, "The body") from None


def malformed(error: MalformedInput, what: str) -> RequestProblem:
    """The problem with something that is not of the form that was asked for."""
    detail = str(error)
    if isinstance(error, InvalidJSON):
        detail = f"{what} must be one JSON text (RFC 8259) in UTF-8. {detail}"
    return RequestProblem(_CODES[type(error)], detail, error.pointer)


def _make_raw(request: Any) -> None:
    for item in children(request, "items"):
        make_item_raw(item)

"""The bodies of ``POST /score``: their shapes, and decoding with problems that say where."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from goodcall.errors import InvalidJSON, InvalidShape, MalformedInput, UnknownField
from goodcall.items import Item, ItemVerdicts, children, decode, make_item_raw, to_context, to_task
from goodcall.rewards import DEFAULT_REWARD, Reward
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
_CODES = {UnknownField: ProblemCode.UNKNOWN_FIELD, InvalidShape: ProblemCode.INVALID_REQUEST}


def decode_request(body: bytes) -> ScoreRequest:
    """The request that a body holds.

    Raises:
        RequestProblem: the body is not JSON, or not of the form of a request; says where.
    """
    try:
        return decode(body, _decoder, _make_raw)
    except InvalidJSON as error:
        raise RequestProblem(
            ProblemCode.INVALID_JSON, f"The body must be one JSON text (RFC 8259) in UTF-8. {error}"
        ) from None
    except MalformedInput as error:
        raise RequestProblem(_CODES[type(error)], str(error), error.pointer) from None


def _make_raw(request: Any) -> None:
    for item in children(request, "items"):
        make_item_raw(item)


def refuse_missing(request: ScoreRequest, reward: Reward[Any]) -> None:
    """Lets a request pass whose items carry all that the reward needs.

    Raises:
        RequestProblem: something is missing in an item.
    """
    for index, item in enumerate(request.items):
        if need := reward.missing_need(to_task(item), to_context(item)):
            raise RequestProblem(
                ProblemCode.INVALID_REQUEST, f"{reward.id} needs {need} in every item.", f"/items/{index}"
            )

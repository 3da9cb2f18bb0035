"""What goes in and what comes out: items to score, verdicts, and the catalogue of rewards.

Values only. Nothing here checks, sends or reads; `_request` turns these into bytes and `_answer` reads bytes
into them. Fields that a newer service adds to its answers are dropped, so that an older client keeps working.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

SERVICE_UNAVAILABLE = "service_unavailable"
"""The reason of a verdict that the client gives where the service gave none; no service says it."""

OnUnavailable: TypeAlias = Literal["raise", "mask"]


class JSONText(str):
    """A JSON text, for the `tools` or the `ground_truth` of an item: it is sent as it stands, unparsed.

    For datasets that hold both as text already, so that neither side of the wire reads and writes them once more for
    nothing: `Item(tools=JSONText(row["tools"]), ground_truth=JSONText(row["answer"]), completions=…)`. It must be one
    valid JSON text, line breaks and all. If it is not, the service refuses the whole request (RequestRejected,
    400 `invalid_json`), since nobody looked at it before. Anywhere else it is a string like any other.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One task with any number of completions; a GRPO group is one item."""

    completions: Sequence[str | Mapping[str, Any]]
    """Each is text, or an OpenAI-style assistant message (`content`, `reasoning_content`, `tool_calls`)."""

    ground_truth: Any
    """A list of `{"name": …, "arguments": {…}}`, or what the source of the reward uses; or a `JSONText` of it.

    A plain str is a JSON string, which is what some rewards take.
    """

    tools: Sequence[Mapping[str, Any]] | JSONText | None = None
    """OpenAI function schemas, or a `JSONText` of them.

    None is left out: nothing to check against. Empty: no tool may be called.
    """

    id: str | None = None
    """Yours; it comes back with the verdicts. The client does not ask that it is unique."""

    context: Mapping[str, Any] | None = None
    """What some rewards need besides: `step`, `num_turns`, `execution`, `category`."""

    assistant_prefix: str | None = None
    """Text that the chat template put before the completion; None takes the one of the whole call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Where a verdict was decided, and why. `expected` and `got` are any JSON value."""

    stage: str
    hint: str
    pointer: str | None = None
    offset: int | None = None
    """In the completion, in Unicode code points."""
    expected: Any = None
    got: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the service says of one completion.

    `score` is None when there is no verdict: the task itself is unusable, and `reason` says how. A failed request
    raises, or, where the call asked for that, is `masked`; it never becomes a number.
    """

    score: float | None
    reason: str
    detail: Detail | None = None

    @property
    def masked(self) -> bool:
        """The service did not answer, and the client put this in its place: the row may be perfectly good."""
        return self.reason == SERVICE_UNAVAILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemVerdicts:
    """The verdicts of one item, one for each of its completions, in their order."""

    id: str | None
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResult:
    """The answer to one `score` call: one entry for each item, in the order given.

    `reward` and `digest` name the exact version that gave every one of these scores; both are empty where every
    verdict is masked. `request_ids` has one id for each request that was answered, for finding them in the service's
    logs.
    """

    reward: str
    digest: str
    items: tuple[ItemVerdicts, ...]
    request_ids: tuple[str, ...]

    @property
    def scores(self) -> tuple[float | None, ...]:
        """The scores of all completions in one row, in the order given: what a trainer wants."""
        return tuple(verdict.score for item in self.items for verdict in item.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardInfo:
    """One entry of the service's catalogue."""

    id: str
    """`family/variant@version`."""
    digest: str
    summary: str
    range: tuple[float, float]
    """Lowest and highest score."""
    needs: tuple[str, ...]
    """What an item must carry: `ground_truth`, `tools`, `context.step` and so on."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardCatalogue:
    """Every reward that the service offers, and the id of the one it takes when none is named."""

    default: str
    rewards: tuple[RewardInfo, ...]

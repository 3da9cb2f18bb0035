"""The nouns of the verifier: completions, calls, tasks, findings, verdicts. Data only, no behaviour of note.

What is made for every completion is a msgspec struct, which costs a tenth of a dataclass to make, and the garbage
collector does not look at those that hold plain values. Verdicts are encoded as they are: their shape on the wire is
defined here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from goodcall.reasons import Reason

JSON: TypeAlias = Any
"""A decoded JSON value: dict, list, str, int, float, bool or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCall:
    """One entry of an assistant message's ``tool_calls``."""

    name: str
    arguments: str
    """JSON text, as OpenAI-style servers send it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantMessage:
    """A completion that a framework has parsed already, in the form of an OpenAI chat message."""

    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: tuple[MessageCall, ...] = ()


Completion: TypeAlias = str | AssistantMessage
"""One output of the policy for a prompt: its text, or a message parsed from it."""


class CompletionText(NamedTuple):
    """The text that is judged, with the assistant prefix already in front of it."""

    text: str
    prefix_length: int = 0
    """Code points of ``text`` that the chat template wrote, not the policy."""


class ToolCall(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One call: which tool, with which arguments."""

    name: str
    arguments: dict[str, JSON]


class TaskSource(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A task as it came: JSON text, not yet read. The bytes are what caches are keyed by."""

    tools: bytes | None
    """JSON text of the list of tools; None when there is nothing to check names and arguments against."""
    ground_truth: bytes | None
    """JSON text of what the reward compares with, usually the expected calls; None for rewards without one."""


class Context(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What some rewards need to know beside the task; a reward names what it needs."""

    step: int | None = None
    """The training step."""
    num_turns: int | None = None
    """Turns of the rollout so far."""
    execution: JSON = None
    """What running the calls gave."""
    category: str | None = None
    """The benchmark category of the task."""


NO_CONTEXT = Context()


class Place(NamedTuple):
    """Where something was found, and what was wanted there. Whatever does not apply is None."""

    pointer: str | None = None
    """JSON Pointer (RFC 6901) into the calls, the message, the tools or the ground truth."""
    offset: int | None = None
    """Code points from the start of the completion."""
    expected: str | None = None
    got: str | None = None


class Finding(msgspec.Struct, frozen=True):
    """What a stage found. The place is worked out only when somebody asks for it.

    What the place is worked out from must hold no exception: its traceback leads back to the finding.
    """

    reason: Reason
    place: Callable[[], Place] | None = None


class Judgement(msgspec.Struct, frozen=True):
    """What a reward answers for one completion."""

    score: float
    finding: Finding


class Detail(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Why a verdict is what it is, and where. Texts are cut to a readable length."""

    stage: str
    hint: str
    pointer: Annotated[str, Meta(description="JSON Pointer (RFC 6901) to what was found.")] | None = None
    offset: Annotated[int, Meta(description="Code points from the start of the completion.")] | None = None
    expected: str | None = None
    got: str | None = None


class Verdict(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The answer for one completion."""

    score: Annotated[
        float | None,
        Meta(description="Null when there is no verdict, because the task itself is unusable."),
    ]
    """None is a fault of the dataset row, never of the policy and never of this code."""
    reason: Annotated[Reason, Meta(description="A code from a closed list.")]
    detail: Detail | None = None


Tools: TypeAlias = list[Mapping[str, JSON]]
"""Function definitions, in OpenAI form or in another dialect that ``goodcall.dialects`` reads."""

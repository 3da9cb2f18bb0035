"""What normalising a tool can't keep: a closed list of kinds, and a record of each case."""

from dataclasses import dataclass
from enum import StrEnum


class LossKind(StrEnum):
    """Why something of a tool's definition is missing from its JSON Schema."""

    UNKNOWN_TYPE = "unknown_type"
    """The type is neither a word nor an expression that is known; nothing is checked in its place."""
    CALLABLE = "callable"
    """A function can't be sent as JSON; any string passes in its place."""
    KEY_TYPE = "key_type"
    """The keys of a JSON object are strings; the type that was declared for them isn't checked."""
    DEFAULT_IN_TYPE = "default_in_type"
    """The default stands in words beside the type; it makes the parameter optional, and the value is dropped."""
    OPTIONAL_CONTRADICTED = "optional_contradicted"
    """The parameter is marked as optional and listed as required; it stays required."""
    REQUIRED_MALFORMED = "required_malformed"
    """``required`` is no list of names; it is dropped, so that nothing is required there."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that was not kept."""

    pointer: str
    """JSON Pointer (RFC 6901) into the definitions as they came."""
    kind: LossKind
    lost: str
    """What was not kept, as JSON, cut to a readable length."""

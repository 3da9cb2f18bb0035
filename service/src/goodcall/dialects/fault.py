"""What the readers of dialects raise when their input is not in that dialect."""

from goodcall.reasons import Reason


class DialectFault(ValueError):
    """The input is not what its dialect asks for; the message says what was expected.

    Attributes:
        position: code points from the start of the text, where the fault lies in a text.
        pointer: JSON Pointer (RFC 6901) into the decoded input, where the fault lies in its shape.
        reason: the verdict's reason that fits, where there is one.
    """

    def __init__(
        self,
        message: str,
        position: int | None = None,
        *,
        pointer: str | None = None,
        reason: Reason | None = None,
    ) -> None:
        super().__init__(message)
        self.position = position
        self.pointer = pointer
        self.reason = reason


class MalformedTools(DialectFault):
    """Tools are not what they should be, as far as that can be told before their schemas are compiled.

    Attributes:
        pointer: JSON Pointer into the definitions as they came; that of the root where they came as prose.
        expected: what should stand there.
    """

    pointer: str

    def __init__(self, expected: str, pointer: str, position: int | None = None) -> None:
        place = pointer or ("the root" if position is None else f"position {position}")
        super().__init__(f"expected {expected} at {place}", position, pointer=pointer)
        self.expected = expected

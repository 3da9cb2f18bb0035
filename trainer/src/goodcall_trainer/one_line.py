"""What an error says, as far as it fits into a message of our own."""

_LONGEST = 300


def one_line(error: Exception) -> str:
    """Its words on one line, cut off where they are many; its type's name where it says nothing."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

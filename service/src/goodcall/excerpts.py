"""JSON values as short texts for people, cut to a length that fits a log line."""

import json

from goodcall.types import JSON

EXCERPT_LENGTH = 200


def excerpt(value: JSON) -> str:
    """The JSON text of a value, at most ``EXCERPT_LENGTH`` code points, the cut marked with an ellipsis."""
    text = writable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= EXCERPT_LENGTH else text[: EXCERPT_LENGTH - 1] + "…"


def pointer_token(key: str | int) -> str:
    """A key or an index as one reference token of a JSON Pointer (RFC 6901, section 3)."""
    return "/" + writable(str(key).replace("~", "~0").replace("/", "~1"))


def writable(text: str) -> str:
    """A text with its lone surrogates escaped, since UTF-8 can't write them."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()

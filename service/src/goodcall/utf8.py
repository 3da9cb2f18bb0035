"""How many bytes of UTF-8 texts have, without encoding them where a glance tells."""

from collections.abc import Sequence

_MAX_BYTES_OF_A_CODE_POINT = 4


def fits(text: str, max_bytes: int) -> bool:
    """Whether a text has for sure at most so many bytes, at the cost of a glance."""
    return len(text) * (1 if text.isascii() else _MAX_BYTES_OF_A_CODE_POINT) <= max_bytes


def are_longer(texts: Sequence[str], limit: int) -> bool:
    """Whether texts have more bytes together than the limit."""
    code_points = sum(map(len, texts))
    if code_points * _MAX_BYTES_OF_A_CODE_POINT <= limit:
        return False
    return code_points > limit or sum(len(text.encode(errors="surrogatepass")) for text in texts) > limit

"""Text that others wrote, made safe and plain to see on a terminal: what can't be printed shows as an escape."""

from rich.text import Text


def visible(text: str) -> str:
    """The text with control characters, odd spaces, invisible characters and lone surrogates as escapes.

    No completion can then steer the terminal, and a space that is none can be told from one.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def plain(text: str, style: str = "") -> Text:
    """The visible text as rich takes it, with nothing in it read as markup."""
    return Text(visible(text), style=style)

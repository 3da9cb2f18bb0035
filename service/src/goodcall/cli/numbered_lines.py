"""Lines of JSON as rows with their numbers."""

import gzip
import zlib
from collections.abc import Iterable, Iterator

from goodcall.bulk.rows import Row
from goodcall.cli.failures import CommandFailed, EnvironmentFailed

_UTF8_MARK = b"\xef\xbb\xbf"


def numbered_lines(lines: Iterable[bytes], name: str, *, first: int = 1) -> Iterator[Row]:
    """The lines that are not blank; a byte order mark before the file's first is no part of it.

    Args:
        lines: as a file gives them.
        name: of the file, for people.
        first: the number of the first of these lines.

    Raises:
        CommandFailed: what is unpacked is damaged.
        EnvironmentFailed: reading failed.
    """
    number = first - 1
    try:
        for number, line in enumerate(lines, first):
            text = line.removeprefix(_UTF8_MARK) if number == 1 else line
            if not text.isspace() and text:
                yield Row(number, text)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise CommandFailed(f"{name}, after line {number}: the gzip stream is damaged or cut short") from None
    except OSError as error:
        raise EnvironmentFailed(f"{name}, after line {number}: reading failed: {error.strerror}") from None

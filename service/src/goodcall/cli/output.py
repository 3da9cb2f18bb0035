"""Where the lines of a command go."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TypeAlias

import typer

from goodcall.cli.failures import CommandFailed, EnvironmentFailed
from goodcall.cli.rows import STDIN

STDOUT = STDIN
"""The same dash, the other way."""

OutputFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write all lines here, as JSON; - is standard output.",
        show_default=False,
    ),
]


@contextmanager
def open_output(path: Path, source: str) -> Iterator[BinaryIO]:
    """A file to write to, for the length of the block.

    Args:
        path: of the file; ``-`` is standard output.
        source: what is being read meanwhile, which must be another file.

    Raises:
        CommandFailed: it is the file that is being read.
        EnvironmentFailed: it can't be written, now or later in the block.
    """
    if str(path) == STDOUT:
        yield sys.stdout.buffer
        return
    if source != STDIN and path.exists() and path.samefile(source):
        raise CommandFailed(f"{path} is the file that is read; write to another one")
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise EnvironmentFailed(f"{path} can't be written: {error.strerror}") from None

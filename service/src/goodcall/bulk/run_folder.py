"""The folder of a run's verdicts: of one reward, judged in one way, with nothing in it but the parts of one plan."""

from collections.abc import Iterable

import msgspec
from pyarrow import fs

from goodcall.bulk.failures import UnusableFolder
from goodcall.bulk.judging import Judging
from goodcall.bulk.parts import Part
from goodcall.bulk.places import Place, locate
from goodcall.bulk.score_part import UNFINISHED, Work

RUN_FILE = "_run.json"
SUCCESS_FILE = "_SUCCESS"
"""There once every part is; the name that Hadoop gave it, which many tools wait for. It holds the summary."""


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """What must be the same for verdicts to stand in one folder."""

    digest: str
    judging: Judging


def begin_run(work: Work, parts: Iterable[Part]) -> None:
    """Makes the folder, or finds it as an interrupted run of the same work left it.

    Raises:
        UnusableFolder: it holds something else, or verdicts by another reward, or parts of other files; or it is where
            the rows come from. Nothing is changed then.
        OSError: it can't be made or read.
    """
    output, source = locate(work.output), locate(work.source)
    if f"{output.path}/".startswith(f"{source.path}/"):
        raise UnusableFolder(f"{output} is where the rows are read from; write to another folder")
    if output.info().type == fs.FileType.File:
        raise UnusableFolder(f"{output} is a file; name a folder")
    run = _Run(digest=work.digest, judging=work.judging)
    before = _run_before(output)
    files = output.files()
    if before is None and files:
        raise UnusableFolder(f"{output} is not empty and was not made by a run like this; name another folder")
    if before is not None and before != run:
        raise UnusableFolder(
            f"{output} holds verdicts of {before.judging.rewards[0]} that were made with another reward or other "
            f"options (its {RUN_FILE} says which); name another folder"
        )
    strangers = {output.relative(file.path) for file in files} - {part.name for part in parts}
    if strangers:
        raise UnusableFolder(
            f"{output} holds {min(strangers)}, which is no part of what is to be scored now; name another folder, or "
            "remove what does not belong"
        )
    output.file_system.create_dir(output.path, recursive=True)
    if output.file_system.get_file_info(output.below(SUCCESS_FILE)).type == fs.FileType.File:
        output.file_system.delete_file(output.below(SUCCESS_FILE))
    if before is None:
        _write(output, RUN_FILE, msgspec.json.encode(run))


def end_run(work: Work, summary: bytes) -> None:
    """Says that every part is there, and removes what killed attempts left."""
    output = locate(work.output)
    for file in output.hidden_files():
        if file.path.endswith(UNFINISHED):
            output.file_system.delete_file(file.path)
    _write(output, SUCCESS_FILE, summary)


def _run_before(output: Place) -> _Run | None:
    try:
        with output.file_system.open_input_file(output.below(RUN_FILE)) as file:
            return msgspec.json.decode(file.read(), type=_Run)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _write(output: Place, name: str, text: bytes) -> None:
    with output.file_system.open_output_stream(output.below(name)) as file:
        file.write(text)

"""Which weights a folder holds, told by their content and in a second: training on changes every part of them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from goodcall_trainer.evaluation.failures import CheckpointUnusable

_WHOLE_BYTES = 64 << 20
_PIECES = 64
_PIECE_BYTES = 64 << 10
_SUFFIXES = (".safetensors", ".json", ".jinja", ".model", ".txt")


def checkpoint_fingerprint(folder: Path) -> str:
    """The hash of the weights, configuration and tokenizer in a folder; of large files, of pieces all over them.

    Raises:
        CheckpointUnusable: it holds no weights as safetensors.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix in _SUFFIXES) if folder.is_dir() else []
    if not any(path.suffix == ".safetensors" for path in files):
        raise CheckpointUnusable(
            f"{folder} is no folder with weights as safetensors. Name one, such as the policy/ of a run, or the URL of "
            "an endpoint with --model."
        )
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        for piece in _pieces(path):
            total.update(piece)
    return "sha256:" + total.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            yield file.read()
            return
        for number in range(_PIECES):
            file.seek((size - _PIECE_BYTES) * number // (_PIECES - 1))
            yield file.read(_PIECE_BYTES)

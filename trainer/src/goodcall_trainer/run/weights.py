"""How weights may be loaded: as safetensors, with no code of their own. A pickle runs whatever its author wrote."""

from pathlib import Path
from typing import Any

from goodcall_trainer.run.stop import ENVIRONMENT, USAGE, RunStopped

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def loading_arguments(model: str | Path, *, trust_remote_code: bool = False) -> dict[str, Any]:
    """Arguments for `from_pretrained` of a model, after a look at the folder, if `model` is one.

    Of a name on the hub nothing is known here; transformers then finds safetensors or fails.

    Raises:
        RunStopped: The folder is not there, holds no safetensors, or an index names files that are something else.
    """
    folder = Path(model)
    # A relative path of two parts may be a name on the hub; one that starts with a dot or a slash can't be.
    if folder.exists() or str(model).startswith((".", "/", "~")):
        _expect_safetensors(folder)
    return {"use_safetensors": True, "trust_remote_code": trust_remote_code}


def _expect_safetensors(folder: Path) -> None:
    if not folder.is_dir():
        raise RunStopped(f"{folder} is no folder with a model in it.", exit_code=ENVIRONMENT)
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    found = f"only {', '.join(pickles)}, and loading those runs any code in them" if pickles else "no weights at all"
    raise RunStopped(
        f"{folder} holds no safetensors: {found}. Convert it where that may happen "
        "(`from_pretrained` there, then `save_pretrained`), and pass the new folder.",
        exit_code=USAGE,
    )

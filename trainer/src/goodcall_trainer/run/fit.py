"""Whether the weights in a folder are those of the model that its configuration describes.

transformers draws what is missing at random and says so in a log alone: the model then trains, or answers, as something
that nobody meant.
"""

from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM

from goodcall_trainer.one_line import one_line

DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
    TypeError,
    ValueError,
)
"""What transformers raises of a damaged configuration, tokenizer or file: whatever its code runs into."""


class WeightsUnusable(Exception):
    """The weights in a folder can't become the model that its configuration describes; says why."""


def weights_without_place(folder: Path, *, trust_remote_code: bool = False) -> list[str]:
    """The names of weights in a folder that the model of its configuration has no place for, and would not use.

    Only the heads of the files are read, which takes a second whatever the model's size. Adapters are looked at as part
    of what they adapt.

    Raises:
        WeightsUnusable: configuration or files are damaged, or the model needs weights that are not there, or that have
            another shape.
    """
    try:
        _, found = AutoModelForCausalLM.from_pretrained(
            folder,
            device_map="meta",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            local_files_only=True,
        )
    except DAMAGE as error:
        raise WeightsUnusable(f"{folder} can't be loaded: {one_line(error)}") from None
    if missing := sorted(found["missing_keys"]):
        raise WeightsUnusable(
            f"{folder} has no {missing[0]}{_and_more(missing)}, which the model of its config.json needs and which "
            "would be drawn at random. Is a file missing, or the configuration another model's?"
        )
    if mismatched := sorted(found["mismatched_keys"]):
        raise WeightsUnusable(
            f"{folder} has weights of other shapes than the model of its config.json: {_shapes(*mismatched[0])}"
            f"{_and_more(mismatched)}. Is the configuration another model's?"
        )
    return sorted(found["unexpected_keys"])


def unused(folder: Path, names: list[str]) -> str:
    """What to tell people of weights that have no place."""
    return (
        f"{folder} has weights that the model of its config.json has no place for, and does not use: "
        f"{names[0]}{_and_more(names)}"
    )


def _shapes(name: str, stored: Any, wanted: Any) -> str:
    return f"{name} is {list(stored)} and not {list(wanted)}"


def _and_more(found: list[Any]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""

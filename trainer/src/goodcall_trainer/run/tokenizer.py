"""A policy's tokenizer, by transformers, which makes an empty one where a folder has none."""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from goodcall_trainer.one_line import one_line
from goodcall_trainer.run.fit import DAMAGE


class TokenizerUnusable(Exception):
    """There is no tokenizer at a place, or none that can be loaded; says what is wrong."""


def load_tokenizer(
    path: str | Path, *, trust_remote_code: bool = False, local_files_only: bool = False
) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder or of a name on the hub, padding and cutting on the left as generation needs it.

    Raises:
        TokenizerUnusable: there is none.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            path,
            trust_remote_code=trust_remote_code,
            local_files_only=local_files_only,
            padding_side="left",
            truncation_side="left",
        )
    except DAMAGE as error:
        raise TokenizerUnusable(f"{path} has no tokenizer that can be loaded: {one_line(error)}") from None
    if not tokenizer("a word")["input_ids"]:
        raise TokenizerUnusable(f"{path} has no tokenizer: its files are missing, and text becomes no tokens")
    return tokenizer

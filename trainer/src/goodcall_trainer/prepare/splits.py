"""Which rows are trained on, and which are held out."""

from goodcall_trainer.prepare.draws import share_of
from goodcall_trainer.prepare.texts import first_question
from goodcall_trainer.row import Row

TRAIN, HELDOUT = "train", "heldout"
SPLITS = (TRAIN, HELDOUT)


def split_of(row: Row, *, seed: int, heldout_share: float) -> str:
    """The split that a row belongs to: the same for all steps of a dialogue, and for all rows with one question."""
    return HELDOUT if share_of(seed, "heldout", first_question(row.messages)) < heldout_share else TRAIN

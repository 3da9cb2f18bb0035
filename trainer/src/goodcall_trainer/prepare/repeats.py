"""What earlier rows say of a row: the same id, the same task, or the same task with another answer.

Rows are remembered by fingerprints of 64 bits, about 200 bytes a row in all, so memory grows slowly with their number
and not at all with their size.
"""

from goodcall_trainer.prepare.encoded import EncodedRow
from goodcall_trainer.prepare.found import Reason
from goodcall_trainer.prepare.texts import fingerprint


class Repeats:
    """The rows so far."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._tasks: set[int] = set()
        self._answered: set[int] = set()

    def reason_to_remove(self, encoded: EncodedRow, *, tasks: bool) -> Reason | None:
        """What the rows before say against this one, which is one of them from now on unless its id is taken.

        Args:
            encoded: the next row.
            tasks: whether to look at more than ids.
        """
        if self._is_known(self._ids, fingerprint(encoded.row.id)):
            return Reason.ID_REPEATED
        if not tasks:
            return None
        task = task_text(encoded)
        is_answered = self._is_known(self._answered, fingerprint(task, answer_text(encoded)))
        if not self._is_known(self._tasks, fingerprint(task)):
            return None
        return Reason.DUPLICATE if is_answered else Reason.CONTRADICTED

    @staticmethod
    def _is_known(known: set[int], print_: int) -> bool:
        before = len(known)
        known.add(print_)
        return len(known) == before


def task_text(encoded: EncodedRow) -> str:
    """Equal for rows with the same conversation and the same tools, these in any order."""
    return "\n".join([encoded.messages, *sorted(encoded.tools)])


def answer_text(encoded: EncodedRow) -> str:
    """Equal for rows that want the same calls, these in any order."""
    return "\n".join(sorted(encoded.ground_truth))

"""What earlier rows say of a row: the same id, the same task, or the same task with another answer.

Rows are remembered by fingerprints of 64 bits, about 200 bytes a row in all, so memory grows slowly with their number
and not at all with their size.
"""

import json

from goodcall_trainer.data.row import Row
from goodcall_trainer.prepare.found import Reason
from goodcall_trainer.prepare.texts import fingerprint


class Repeats:
    """The rows so far."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._tasks: set[int] = set()
        self._answered: set[int] = set()

    def reason_to_remove(self, row: Row, *, tasks: bool) -> Reason | None:
        """What the rows before say against this one, which is one of them from now on unless its id is taken.

        Args:
            row: the next row.
            tasks: whether to look at more than ids.
        """
        if self._is_known(self._ids, fingerprint(row.id)):
            return Reason.ID_REPEATED
        if not tasks:
            return None
        task = task_text(row)
        is_answered = self._is_known(self._answered, fingerprint(task, answer_text(row)))
        if not self._is_known(self._tasks, fingerprint(task)):
            return None
        return Reason.DUPLICATE if is_answered else Reason.CONTRADICTED

    @staticmethod
    def _is_known(known: set[int], print_: int) -> bool:
        before = len(known)
        known.add(print_)
        return len(known) == before


def task_text(row: Row) -> str:
    """Equal for rows with the same conversation, but for blanks, and the same tools, in any order."""
    said = [message | {"content": " ".join(message["content"].split())} for message in row.messages]
    return json.dumps([said, sorted(json.dumps(tool, sort_keys=True) for tool in row.tools)], sort_keys=True)


def answer_text(row: Row) -> str:
    """Equal for rows that want the same calls, in any order."""
    return json.dumps(sorted(json.dumps(call, sort_keys=True) for call in row.ground_truth))

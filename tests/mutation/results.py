"""What became of each mutant, kept where mutmut keeps it, so that its own commands know it too."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

SURVIVED, NO_TESTS = 0, 33
"""What a mutant is noted as when no test fails, and when no test reaches its function."""

HEAD = "| module | mutants | noticed | survived | share |\n|---|--:|--:|--:|--:|\n"


class Results:
    """The outcome of every mutant: an exit code, None while there is none.

    Args:
        folder: where mutmut has put the sources with their mutants.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py.meta"))}
        self._file_of = {mutant: path for path in self._files for mutant in self._outcomes(path)}

    def open_mutants(self) -> list[str]:
        """The mutants that nobody has met yet."""
        return [mutant for mutant, path in self._file_of.items() if self._outcomes(path)[mutant] is None]

    def survivors(self) -> list[str]:
        """The mutants that were not noticed."""
        return [
            mutant for mutant, path in self._file_of.items() if self._outcomes(path)[mutant] in {SURVIVED, NO_TESTS}
        ]

    def put(self, mutant: str, outcome: int | None) -> None:
        """Notes what became of a mutant."""
        path = self._file_of[mutant]
        self._outcomes(path)[mutant] = outcome
        path.write_text(json.dumps(self._files[path], indent=4), encoding="utf-8")

    def share(self) -> float:
        """How many of the mutants were noticed, 1.0 for all."""
        return 1 - len(self.survivors()) / len(self._file_of)

    def table(self) -> str:
        """Mutants, noticed mutants and survivors of each module, in Markdown."""
        mutants, survivors = _by_module(self._file_of), _by_module(self.survivors())
        rows = [_row(f"`{module}`", mutants[module], survivors[module]) for module in sorted(mutants)]
        return HEAD + "".join(rows) + _row("**all**", mutants.total(), survivors.total())

    def _outcomes(self, path: Path) -> dict[str, int | None]:
        outcomes: dict[str, int | None] = self._files[path]["exit_code_by_key"]
        return outcomes


def _by_module(mutants: Iterable[str]) -> Counter[str]:
    """How many mutants each module has: ``parsing`` has ``goodcall.parsing.x_parse__mutmut_1``."""
    return Counter(mutant.rpartition(".")[0].removeprefix("goodcall.") for mutant in mutants)


def _row(label: str, mutants: int, survivors: int) -> str:
    noticed = mutants - survivors
    return f"| {label} | {mutants:,} | {noticed:,} | {survivors:,} | {noticed / mutants:.1%} |\n"

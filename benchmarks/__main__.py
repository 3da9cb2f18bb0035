"""``python -m benchmarks``: measures everything and writes the document and its plot."""

import argparse
import sys
import time
from pathlib import Path

from benchmarks import document, plot
from benchmarks.goals import check
from benchmarks.measurements import FULL, QUICK, measure

COMMAND = "make bench"


def main() -> None:
    """Reads the command line; exits with 0 whether or not goals are met, since machines differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of five, and rougher figures")
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="where the document goes; docs, and nowhere with --quick"
    )
    arguments = parser.parse_args()
    into = arguments.into or (None if arguments.quick else Path("docs"))
    started = time.monotonic()

    def tell(what: str) -> None:
        _say(f"{time.monotonic() - started:4.0f} s  {what}")

    found = measure(QUICK if arguments.quick else FULL, tell)
    tell("done")
    for goal in check(found):
        bound = f"{'>=' if goal.at_least else '<='} {goal.bound:g}{goal.unit}"
        _say(f"{'met   ' if goal.is_met else 'MISSED'}  {goal.measured:9.3f}{goal.unit:3} {bound:10} {goal.name}")
    if into:
        plot.draw(found, into / "benchmarks.svg")
        (into / "benchmarks.md").write_text(document.write(found, COMMAND, "benchmarks.svg"), encoding="utf-8")


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

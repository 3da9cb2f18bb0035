"""Runs the verifier against the second implementation on generated completions, by default a million of them.

``make oracle`` runs it. The seeds are the numbers from START on, so that any case can be made again:
``generate(seed)`` in ``tests/generated.py``.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from generated import generate
from goodcall import Scorer, TaskSource, find_reward
from oracle import oracle

CHUNK = 5000


def compare(start: int, stop: int) -> tuple[list[int], Counter[str]]:
    """The seeds on which the two disagree, and how often each reason was given."""
    scorer, reward = Scorer(), find_reward("tool_n1/hardened@1")
    disagreements, reasons = [], Counter[str]()
    for seed in range(start, stop):
        case = generate(seed)
        task = TaskSource(tools=case.tools and case.tools.encode(), ground_truth=case.ground_truth.encode())
        [verdict] = scorer.score_group([case.completion], task, reward)
        reasons[verdict.reason.value] += 1
        if verdict.score != oracle(*case):
            disagreements.append(seed)
    return disagreements, reasons


def main() -> int:
    """Exit code 1 when the two disagree anywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--processes", type=int, default=None)
    options = parser.parse_args()
    stop = options.start + options.count
    starts = range(options.start, stop, CHUNK)
    disagreements, reasons = [], Counter[str]()
    with ProcessPoolExecutor(options.processes) as executor:
        stops = [min(start + CHUNK, stop) for start in starts]
        for done, (wrong, counted) in enumerate(executor.map(compare, starts, stops), 1):
            disagreements += wrong
            reasons += counted
            if done % 20 == 0:
                sys.stderr.write(f"{min(done * CHUNK, options.count):,} of {options.count:,}\n")
    for reason, count in reasons.most_common():
        sys.stdout.write(f"{count:>9,}  {reason}\n")
    sys.stdout.write(f"{len(disagreements)} disagreements in {options.count:,} completions {disagreements[:20]}\n")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())

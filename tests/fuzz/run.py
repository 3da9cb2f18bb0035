"""Runs one target under atheris for so many seconds: ``python tests/fuzz/run.py TARGET --seconds 600``.

``make fuzz`` runs them all. What is found stays under ``.venv/fuzz/``: the corpus, which the next run goes on from, and
any input that a target raised at, hung on (10 s) or took more than 2 GB for; each of these ends the run with an exit
code that is not 0. ``--input FILE`` runs a target on such an input alone.
"""

import argparse
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent))

with atheris.instrument_imports(include=["goodcall"]):
    from fuzz.targets import TARGETS

from fuzz.seeds import write_corpus, write_words

WORKSPACE = Path(__file__).parent.parent.parent / ".venv" / "fuzz" / "work"


def main() -> None:
    """Never returns: the fuzzer ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=Path)
    options = parser.parse_args()
    target = TARGETS[options.target]
    if options.input:
        target(options.input.read_bytes())
        return
    corpus = WORKSPACE / options.target
    write_corpus(options.target, corpus)
    write_words(WORKSPACE / "words")
    settings = {
        "max_total_time": options.seconds,
        "seed": options.seed,
        "max_len": 4096,
        "timeout": 10,
        "rss_limit_mb": 2048,
        "print_final_stats": 1,
        "dict": WORKSPACE / "words",
        "artifact_prefix": WORKSPACE / f"{options.target}-",
    }
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in settings.items()), str(corpus)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Runs schemathesis, all of its checks, on a service without keys and on one with keys: ``run_schemathesis.py ST``.

``make contract`` runs it; ST is schemathesis's own command, which lives in an environment of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from goodcall.web.keys import key_of, new_token
from serving import serving

CONTRACT = FOLDER.parent.parent / "openapi.yaml"
SLOWEST_ANSWER_S = 2


def run(st: Path, url: str, token: str, examples: int, seed: int) -> int:
    """The exit code of one run."""
    options = {"url": url, "checks": "all", "max-examples": examples, "seed": seed}
    options |= {"max-response-time": SLOWEST_ANSWER_S, "header": f"Authorization: Bearer {token}"}
    with tempfile.TemporaryDirectory() as folder:
        # It keeps a cache of its own where it runs.
        (Path(folder) / "schemathesis.toml").write_text('hooks = "schemathesis_hooks"\n', encoding="utf-8")
        return subprocess.run(
            [st.absolute(), "run", CONTRACT, *(f"--{name}={value}" for name, value in options.items())],
            check=False,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(FOLDER)},
        ).returncode


def main() -> int:
    """The worst exit code; 0 where no check failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("st", type=Path)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    token, codes = new_token(), []
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        keys.write_text(key_of(token, team="blue").line + "\n", encoding="utf-8")
        for settings in ((), ("--keys-file", str(keys))):
            with serving(*settings) as (_, url):
                codes.append(run(options.st, url, token, options.examples, options.seed))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())

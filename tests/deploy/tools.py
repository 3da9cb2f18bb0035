"""Programs that look at what deploys the service; the tests that need them run under ``make test-deploy``."""

import os
import shutil
import subprocess

import pytest

from suites import REPOSITORY

TIMEOUT_S = 240
TOOLS = os.environ.get("DEPLOY_TOOLS")


def installed(name):
    """The path of a program that `make test-deploy` installs; skips the test under `make test`."""
    _skip_unless_wanted()
    return str(REPOSITORY / TOOLS / name)


def from_the_system(name, package):
    """The path of a program that the system has; skips the test where it has none."""
    _skip_unless_wanted()
    return shutil.which(name) or pytest.skip(f"there is no {name} on PATH: install {package}")


def _skip_unless_wanted():
    if not TOOLS:
        pytest.skip("`make test-deploy` runs this")


def run(*command, **options):
    """What a program says, on both of its streams; its exit status is for the test to judge."""
    return subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
        **options,
    )

"""An image's own instructions carried out in a folder, where there is no engine to build it.

Stands for the image as far as its Python goes: the same files, the same locked packages, the same environment, user and
commands. The base, and what a container may not do, are not played.
"""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from command_line import plain_environment
from deploy.dockerfiles import Stage, exec_form
from deploy.tools import run
from suites import REPOSITORY


def build(stage: Stage, root: Path) -> None:
    """Runs what a building stage runs, with ``/opt`` and ``/build`` in the folder; installs no packages of the system.

    Raises:
        AssertionError: an instruction failed; the message is what it said.
    """
    # By way of another environment, so that `python -m pip install` has one to fill, as in the image.
    assert run(sys.executable, "-m", "venv", root / "base").returncode == 0
    environment = plain_environment() | {"PATH": f"{root / 'base' / 'bin'}:{os.environ['PATH']}"}
    (root / "build").mkdir()
    for keyword, words in stage.instructions:
        if keyword == "COPY":
            *sources, target = words.split()
            for source in sources:
                _copy(REPOSITORY / source, root / "build" / target)
        elif keyword == "RUN" and "apt-get" not in words:
            command = words.replace("/opt/", f"{root}/opt/")
            done = run("sh", "-ec", command, cwd=root / "build", env=environment)
            assert done.returncode == 0, done.stdout


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so", "build"))
    else:
        shutil.copy(source, target)


@contextmanager
def running(stage: Stage, root: Path, **variables: str):
    """What the image runs, with the few rights that its pod has; ended with SIGTERM.

    Gives the process, and a function that runs another command beside it, such as the health check.
    """
    environment = {name: value for name, value in stage.variables().items() if name != "PATH"}
    environment |= {"PATH": f"{root}/opt/goodcall/bin:{os.environ['PATH']}", "TMPDIR": str(root / "tmp")} | variables
    (root / "tmp").mkdir()
    process = subprocess.Popen(
        [*_few_rights(), *exec_form(stage.last("ENTRYPOINT")), *exec_form(stage.last("CMD"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd="/",
    )
    try:
        yield process, lambda words: run(*words, env=environment, cwd="/")
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _few_rights() -> list[str]:
    """A command before another that leaves it a root file system that is read-only, one empty folder for what is
    temporary, and no capabilities; nothing where this process may not do so.
    """
    mounts = 'mount -o remount,bind,ro / && mount -t tmpfs tmpfs "$TMPDIR"'
    rights = "setpriv --no-new-privs --bounding-set=-all --inh-caps=-all"
    before = ["unshare", "--mount", "sh", "-ec", f'{mounts} && exec {rights} "$@"', "sh"]
    with TemporaryDirectory() as folder:
        tried = run(*before, "touch", f"{folder}/x", env=os.environ | {"TMPDIR": folder}, cwd="/")
    return before if tried.returncode == 0 else []

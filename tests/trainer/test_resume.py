"""A run that was cut off, by kill -9 or because the service went, ends as one that was not."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

from forked import run_forked
from goodcall_trainer.run.checkpoints import newest_complete
from goodcall_trainer.run.folder import RunFolder
from goodcall_trainer.run.record import read
from guarded_run import guarded_run
from serving import serving, until

OUTAGE_S = float(os.environ.get("OUTAGE_S", "1"))
"""How long the service is away; a minute in `make train-faults`."""
KILLS = int(os.environ.get("KILLS", "0"))
"""How often one run is killed; six times in `make train-faults`, where each start costs seconds."""
TIMEOUT_S = 120
PROGRAM = Path(__file__).parents[1] / "guarded_run.py"
TIMES = {"time_s", "step_time", "reward_wait_s", "reward_wait_share"}


@pytest.fixture(scope="module")
def url():
    with serving() as (_, url):
        yield url


@pytest.fixture(scope="module")
def uninterrupted(url, tmp_path_factory):
    """The run as it is when nothing happens: its folder and its weights."""
    out = tmp_path_factory.mktemp("uninterrupted")
    return out, weights(guarded_run(out, url))


def numbers(out):
    """The metrics of a run without the times in them."""
    return [{key: value for key, value in line.items() if key not in TIMES} for line in RunFolder(out).metrics()]


def weights(policy):
    return torch.cat([parameter.detach().flatten() for parameter in policy.parameters()])


def expect_the_same(out, policy, uninterrupted):
    """As if nothing had happened: every number of every step, and the weights to the bit."""
    assert numbers(out) == numbers(uninterrupted[0])
    assert torch.equal(weights(policy), uninterrupted[1])


def test_a_run_killed_while_it_saves_goes_on_as_if_nothing_had_happened(url, uninterrupted, tmp_path):
    out = tmp_path / "run"
    program = (
        f"import guarded_run as g; g.guarded_run(g.Path({str(out)!r}), {url!r}, callbacks=[g.KilledWhileSaving(8)])"
    )
    (killed,) = run_forked(program, tmp_path, processes=1, timeout_s=TIMEOUT_S)
    assert killed.exit_code == -signal.SIGKILL, killed.output
    folder = RunFolder(out)
    assert (folder.checkpoints / "checkpoint-8" / "model.safetensors").exists()
    assert newest_complete(folder.checkpoints) == folder.checkpoints / "checkpoint-6"
    assert len(numbers(out)) == 8

    expect_the_same(out, guarded_run(out, url), uninterrupted)
    assert [start["step"] for start in read(folder).starts] == [0, 6]


def test_a_run_goes_on_from_the_end_of_an_epoch_too(url, uninterrupted, tmp_path):
    out = shutil.copytree(uninterrupted[0], tmp_path / "run")
    shutil.rmtree(out / "checkpoints" / "checkpoint-10")
    policy = guarded_run(out, url)
    assert [start["step"] for start in read(RunFolder(out)).starts] == [0, 8]
    expect_the_same(out, policy, uninterrupted)


class Outage(TrainerCallback):
    """Kills the service before a step, and starts another at its place after a while."""

    def __init__(self, process, url, step):
        self._process, self._port, self._step = process, url.rpartition(":")[2], step
        self.again = threading.Thread(target=self._start_again)
        self.ended = threading.Event()

    def on_step_begin(self, args, state, control, **_):
        del args, control
        if state.global_step == self._step:
            self._process.kill()
            self._process.wait()
            self.again.start()

    def _start_again(self):
        threading.Event().wait(OUTAGE_S)
        with serving("--port", self._port):
            self.ended.wait(TIMEOUT_S)


def test_a_service_that_is_killed_and_comes_back_costs_time_and_no_score(uninterrupted, tmp_path):
    with serving() as (process, url):
        outage = Outage(process, url, step=6)
        try:
            policy = guarded_run(tmp_path, url, callbacks=[outage])
        finally:
            outage.ended.set()
            outage.again.join()
    expect_the_same(tmp_path, policy, uninterrupted)
    waits = {line["step"]: line["reward_wait_s"] for line in RunFolder(tmp_path).metrics()}
    assert max(waits, key=waits.get) == 7
    assert waits[7] > OUTAGE_S / 2


@pytest.mark.skipif(KILLS == 0, reason="takes a minute; make train-faults runs it")
def test_a_run_killed_at_any_moment_again_and_again_ends_as_if_nothing_had_happened(url, uninterrupted, tmp_path):
    moments = random.Random(1)
    for _ in range(KILLS):
        reached = len(numbers(tmp_path))
        program = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(tmp_path), url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # Not before it has done something since its start, or nothing would ever come of it.
        until(lambda: program.poll() is not None or len(numbers(tmp_path)) != reached)  # noqa: B023 - called here
        threading.Event().wait(moments.uniform(0, 0.6))
        program.kill()
        program.wait(TIMEOUT_S)
    expect_the_same(tmp_path, guarded_run(tmp_path, url), uninterrupted)

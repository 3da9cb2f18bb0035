"""Several processes as one run: who is who, the shipped configurations, and that whatever ends one ends all."""

import os
import subprocess
import sys

import pytest
import typer.testing
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import DistributedType

from goodcall_trainer.cli import app
from goodcall_trainer.launch.configs import CONFIGS, config_path
from goodcall_trainer.launch.process import Process, UnusableLaunch, this_process

TIMEOUT_S = 60
PROGRAM = """\
import os, signal, sys, threading
import torch, torch.distributed as dist
from goodcall_trainer.launch.peers import PeerFailed, together
from goodcall_trainer.launch import watch
watch.GRACE_S = 1.0
from goodcall_trainer.launch.process import this_process

process = this_process()
try:
    with together(process, deadline_s=30) as peers:
        dist.init_process_group("gloo")
        {work}
        dist.destroy_process_group()
except PeerFailed as failed:
    sys.exit(f"[rank {{process.rank}}] {{failed}}")
print(f"rank {{process.rank}} is done", flush=True)
"""
COLLECTIVE = "dist.all_reduce(torch.ones(1))"
"""Every process waits in it for every other."""


def torchrun(work, *, processes=2):
    """What two processes print that each do `work` between meeting and parting, and how torchrun ends."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PROGRAM": PROGRAM.format(work=work)}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return subprocess.run(
        [*command, "--no-python", sys.executable, "-c", "import os; exec(os.environ['PROGRAM'])"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_without_a_launcher_a_process_is_alone_and_does_everything():
    process = this_process({})
    assert (process.is_alone, process.is_main, process.is_first_on_machine) == (True, True, True)


def test_a_process_knows_its_place_from_the_variables_of_torchrun():
    environment = {"RANK": "11", "WORLD_SIZE": "16", "LOCAL_RANK": "3", "LOCAL_WORLD_SIZE": "8"}
    process = this_process(environment)
    assert process == Process(rank=11, world_size=16, local_rank=3, local_world_size=8)
    assert (process.is_main, process.is_first_on_machine, process.machine) == (False, False, "8")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"RANK": "2", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}, "RANK=2 of WORLD_SIZE=2"),
        ({"RANK": "first"}, "RANK is no number"),
    ],
    ids=["beyond the size", "no number"],
)
def test_variables_that_contradict_each_other_are_refused(environment, said):
    with pytest.raises(UnusableLaunch, match=said):
        this_process(environment)


@pytest.mark.parametrize("name", CONFIGS)
def test_accelerate_reads_every_shipped_configuration(name):
    config = load_config_from_file(str(config_path(name)))
    assert config.distributed_type == {
        "ddp": DistributedType.MULTI_GPU,
        "zero3": DistributedType.DEEPSPEED,
        "fsdp2": DistributedType.FSDP,
    }[name]
    assert config.num_machines == 1
    assert config.mixed_precision == "no", "the recipe decides"


@pytest.mark.parametrize("name", CONFIGS)
def test_every_key_of_a_shipped_configuration_is_an_option_of_the_launcher(name):
    """`accelerate launch` reads nested tables key by key, and passes over those that it does not know."""
    config = load_config_from_file(str(config_path(name)))
    options = vars(launch_command_parser().parse_args(["program"]))
    for key in [*config.fsdp_config, *config.deepspeed_config]:
        assert key in options, key


def test_a_shipped_configuration_is_printed_as_a_path():
    result = typer.testing.CliRunner().invoke(app, ["accelerate-config", "zero3"])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(config_path("zero3"))


def test_a_configuration_that_is_not_shipped_is_refused_with_the_nearest():
    result = typer.testing.CliRunner().invoke(app, ["accelerate-config", "zero2"])
    assert result.exit_code == 2
    assert "is zero3 meant?" in result.output


def test_processes_that_end_well_end_together():
    ended = torchrun(COLLECTIVE)
    assert ended.returncode == 0, ended.stderr
    assert sorted(ended.stdout.split("\n")) == ["", "rank 0 is done", "rank 1 is done"]


def test_what_one_process_publishes_the_others_read():
    ended = torchrun(
        "process.is_main and peers.publish('url', 'http://there'); "
        "print(peers.published('url', deadline_s=30), flush=True)"
    )
    assert ended.stdout.split("\n").count("http://there") == 2, ended.stderr


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        ("if process.rank == 1: raise KeyError('row-7')\n        " + COLLECTIVE, "rank 1: KeyError: 'row-7'"),
        ("if process.rank == 1: os.kill(os.getpid(), signal.SIGKILL)\n        " + COLLECTIVE, "may have been killed"),
        (
            "if process.rank == 1: raise ValueError('too soon')\n        peers.published('url', deadline_s=600)",
            "rank 1: ValueError: too soon",
        ),
    ],
    ids=["an error", "a kill", "an error before anything was shared"],
)
def test_whatever_ends_one_process_ends_the_other_with_its_reason(work, reason):
    ended = torchrun(work)
    assert ended.returncode != 0
    assert reason in ended.stderr
    assert "done" not in ended.stdout


def test_a_process_that_hangs_where_no_signal_gets_at_it_is_ended_too():
    """Rank 0 waits outside of the interpreter, without any connection whose end would wake it."""
    ended = torchrun(
        "import ctypes; process.rank or ctypes.CDLL(None).sleep(600)\n"
        "        raise KeyError('row-7')"
    )
    assert ended.returncode != 0
    assert "[rank 0] ended while it hung, since" in ended.stderr

"""Several processes as one run: the shipped configurations, and that whatever ends one process ends all."""

import pytest
import typer.testing
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import DistributedType

from forked import run_forked
from goodcall_trainer.cli import app
from goodcall_trainer.launch.configs import CONFIGS, config_path

PROGRAM = """\
import ctypes, os, signal, sys
import torch, torch.distributed as dist
from goodcall_trainer.environment import read_environment
from goodcall_trainer.launch import ending_together, peers, watch
from goodcall_trainer.launch.peers import PeerFailed

watch.POLL_S, watch.GRACE_S, peers.REPORT_DEADLINE_S = 0.1, 1.0, 1.0
rank, mutex = read_environment().rank, ctypes.create_string_buffer(64)
try:
    with ending_together(read_environment()):
        dist.init_process_group("gloo")
        {work}
except PeerFailed as failed:
    print(failed, flush=True)
    sys.exit(failed.exit_code)
print("done", flush=True)
"""
COLLECTIVE = "dist.all_reduce(torch.ones(1))"
"""Every process waits in it for every other."""
OUTSIDE = "[ctypes.CDLL(None).pthread_mutex_lock(mutex) for _ in range(2)]"
"""Waits for itself where no exception and no signal handler of Python's gets."""
TIMEOUT_S = 60


@pytest.mark.parametrize("name", CONFIGS)
def test_accelerate_reads_every_shipped_configuration(name):
    config = load_config_from_file(str(config_path(name)))
    assert (
        config.distributed_type
        == {
            "ddp": DistributedType.MULTI_GPU,
            "zero3": DistributedType.DEEPSPEED,
            "fsdp2": DistributedType.FSDP,
        }[name]
    )
    assert config.num_machines == 1
    assert config.mixed_precision == "no", "the recipe decides"


@pytest.mark.parametrize("name", CONFIGS)
def test_every_key_of_a_shipped_configuration_is_an_option_of_the_launcher(name):
    """`accelerate launch` reads nested tables key by key, and passes over those that it does not know."""
    config = load_config_from_file(str(config_path(name)))
    options = vars(launch_command_parser().parse_args(["program"]))
    assert {*config.fsdp_config, *config.deepspeed_config} <= options.keys()


def test_a_shipped_configuration_is_printed_as_a_path():
    result = typer.testing.CliRunner().invoke(app, ["accelerate-config", "zero3"])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(config_path("zero3"))


def test_a_configuration_that_is_not_shipped_is_refused_with_the_nearest():
    result = typer.testing.CliRunner().invoke(app, ["accelerate-config", "zero2"])
    assert result.exit_code == 2
    assert "is zero3 meant?" in result.output


def test_processes_that_end_well_end_together(tmp_path):
    ended = run_forked(PROGRAM.format(work=COLLECTIVE), tmp_path)
    assert [(one.exit_code, one.output) for one in ended] == [(0, "done\n"), (0, "done\n")]


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (f"if rank == 1: signal.raise_signal(signal.SIGTERM)\n        {COLLECTIVE}", "rank 1: interrupted"),
        (f"if rank == 1: signal.raise_signal(signal.SIGKILL)\n        {COLLECTIVE}", "it may have been killed"),
        ("if rank == 1: raise KeyError('row-7')", "rank 1: KeyError: 'row-7'"),
    ],
    ids=["a signal", "a kill", "an error when the other had done its work"],
)
def test_whatever_ends_one_process_ends_the_other_with_its_reason(work, reason, tmp_path):
    first, other = run_forked(PROGRAM.format(work=work), tmp_path, timeout_s=TIMEOUT_S)
    assert other.exit_code != 0
    assert first.exit_code == 3, first.output
    assert reason in first.output
    assert "done" not in first.output + other.output
    assert first.seconds < TIMEOUT_S


@pytest.mark.parametrize("failing", [0, 1])
def test_the_reason_is_heard_also_from_the_process_that_holds_the_store(failing, tmp_path):
    """Without a launcher that is rank 0, and what it said is gone when it is."""
    work = f"if rank == {failing}: raise KeyError('row-7')\n        {COLLECTIVE}"
    ended = run_forked(PROGRAM.format(work=work), tmp_path, timeout_s=TIMEOUT_S)
    assert ended[1 - failing].exit_code == 3
    assert f"rank {failing}: KeyError: 'row-7'" in ended[1 - failing].output


def test_a_process_that_hangs_where_python_does_not_get_is_ended_with_the_reason(tmp_path):
    work = f"rank or {OUTSIDE}\n        raise KeyError('row-7')"
    first, _ = run_forked(PROGRAM.format(work=work), tmp_path, timeout_s=TIMEOUT_S)
    assert first.exit_code == 3
    assert "[rank 0] ended while it hung, since rank 1: KeyError: 'row-7'" in first.output


def test_a_process_that_hangs_after_a_signal_is_ended_with_it(tmp_path):
    """A thread sends the signal: the main one is where no handler runs."""
    work = f"import threading; threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start(); {OUTSIDE}"
    ended = run_forked(PROGRAM.format(work=work), tmp_path, timeout_s=TIMEOUT_S)
    assert [one.exit_code for one in ended] == [3, 3]
    assert all("ended while it hung, since SIGTERM came" in one.output for one in ended)

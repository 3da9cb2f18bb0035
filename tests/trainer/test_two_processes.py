"""One run on two processes is the run on one: the same prompts, completions, scores, losses and weights.

TRL seeds sampling by rank, so that two processes draw other completions than one. To compare like with like, both
runs here draw each completion by random numbers of its own (`programs/grpo_with_fixed_draws.py`), which leaves what
the number of processes must not change: which prompts make a batch, what is asked of the service, how advantages are
taken, how losses are scaled, and how gradients are averaged. What may differ is the order of floating-point sums.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from pyarrow import parquet
from safetensors.torch import load_file

from forked import run_forked
from goodcall_trainer.launch.configs import config_path

PROGRAM = Path(__file__).parent / "programs" / "grpo_with_fixed_draws.py"
SHARDED = PROGRAM.with_name("grpo_sharded_on_cpu.py")
LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(PROGRAM)],
    "accelerate ddp": ["accelerate.commands.launch", "--config_file", config_path("ddp"), str(PROGRAM)],
    "accelerate fsdp2": ["accelerate.commands.launch", "--config_file", config_path("fsdp2"), str(SHARDED)],
    "accelerate zero3": ["accelerate.commands.launch", "--config_file", config_path("zero3"), str(SHARDED)],
}
STEPS, COMPLETIONS, HELDOUT = 3, 16, 8
REWARD = "tool_n1/partial_reason_name@1"
SMALL = [
    "model.warm_up_steps=0",
    "data.made_up_rows=32",
    f"data.heldout_rows={HELDOUT}",
    f"grpo.max_steps={STEPS}",
    "grpo.steps_per_generation=1",
    "grpo.num_generations=4",
    "grpo.max_completion_length=4",
    "grpo.save_steps=2",
    "grpo.eval_steps=2",
]
TIMEOUT_S = 120


def arguments(url, out, *, processes, deadline_s=60.0):
    """What follows `goodcall-train`: the same global batch, whatever the number of processes."""
    batch = {"train_batch_size": COMPLETIONS // processes, "eval_batch_size": HELDOUT // processes}
    sizes = [f"grpo.per_device_{key}={size}" for key, size in batch.items()]
    settings = [*SMALL, *sizes, f"reward.deadline_s={deadline_s}", f"guards.world_size={processes}"]
    options = [word for setting in settings for word in ("--set", setting)]
    return ["grpo", "smoke-cpu", "--url", url, "--out", str(out), *options]


def metrics(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def completions(out):
    tables = sorted((out / "completions").glob("completions_*.parquet"))
    return [row for table in tables for row in parquet.read_table(table).to_pylist()]


def advantages(out):
    return [row["advantage"] for row in completions(out)]


def texts(out):
    """Everything in the tables of completions that is no result of floating-point sums."""
    return [{name: value for name, value in row.items() if name != "advantage"} for row in completions(out)]


def files(out):
    """All but what TRL keeps for each process by itself, and what a service of the run's own would log."""
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and "rng_state" not in path.name}


def asked(requests):
    """Each item that the run's reward was asked for: the row, and how many completions of it.

    The hacking alarm asks besides, for a sample of each process's own.
    """
    return Counter(
        (item["id"], len(item["completions"]))
        for request in requests
        for item in request["items"]
        if request["reward"] == REWARD
    )


@pytest.fixture
def one(service, tmp_path):
    """The folder of the run on one process, and what was asked for in it."""
    (ended,) = run_forked(program(service.url, tmp_path / "one", processes=1), tmp_path, processes=1)
    assert ended.exit_code == 0, ended.output
    requests = list(service.requests)
    service.requests.clear()
    return tmp_path / "one", requests


def expect_the_same(two, one):
    """Whatever the number of processes must not change; sums may be taken in another order."""
    assert [line["step"] for line in metrics(two)] == [1, 2, 3]
    for name in ("reward", "reward_std", "loss", "grad_norm", "num_tokens", "completions/mean_length", "entropy"):
        expected = [line[name] for line in metrics(one)]
        assert [line[name] for line in metrics(two)] == pytest.approx(expected, rel=1e-4, abs=1e-6), name
    assert [line["reasons"] for line in metrics(two)] == [line["reasons"] for line in metrics(one)]
    assert advantages(two) == pytest.approx(advantages(one), rel=1e-4, abs=1e-6)
    assert texts(two) == texts(one)
    expected = load_file(one / "policy" / "model.safetensors")
    # Put together from shards, a policy has the weights that it uses twice twice.
    expected.setdefault("lm_head.weight", expected["model.embed_tokens.weight"])
    for name, weights in load_file(two / "policy" / "model.safetensors").items():
        torch.testing.assert_close(weights, expected[name], rtol=1e-3, atol=1e-5, msg=name)


def test_two_processes_train_as_one_does(service, one, tmp_path):
    out, requests_of_one = one
    two = tmp_path / "two"
    ended = run_forked(program(service.url, two), tmp_path, timeout_s=TIMEOUT_S)
    assert [process.exit_code for process in ended] == [0, 0], ended
    expect_the_same(two, out)
    assert asked(service.requests) == asked(requests_of_one)
    sizes = {sum(len(item["completions"]) for item in request["items"]) for request in service.requests}
    assert max(sizes) == COMPLETIONS // 2, "each process asks for its own completions only"
    assert files(two) == files(out)


@pytest.mark.skipif("LAUNCHED" not in os.environ, reason="takes a minute and a half; make train-faults runs it")
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_each_launcher_starts_two_processes_that_train_and_go_on_as_one_does(launcher, service, one, tmp_path):
    """The last checkpoint is deleted, and the same command goes on from the one before."""
    if "zero3" in launcher and find_spec("deepspeed") is None:
        pytest.skip("DeepSpeed is not installed")
    two = tmp_path / "two"
    for _ in range(2):
        process = launched(launcher, two, service.url)
        assert process.returncode == 0, process.stdout
        expect_the_same(two, one[0])
        shutil.rmtree(two / "checkpoints" / f"checkpoint-{STEPS}")
    record = json.loads((two / "run.json").read_text())
    assert [start["step"] for start in record["starts"]] == [0, 2]
    assert record["world_size"] == 2


def launched(launcher, out, url):
    """The same command by a launcher, which starts both processes."""
    on_cpu = {"ACCELERATE_TORCH_DEVICE": "cpu", "DS_ACCELERATOR": "cpu"}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"} | on_cpu
    module, *options = map(str, LAUNCHERS[launcher])
    if module.startswith("accelerate"):
        options[-1:-1] = ["--num_processes", "2"]
    more = ["--set", "grpo.use_cpu=false"] if str(SHARDED) in options else []
    return subprocess.run(
        [sys.executable, "-m", module, *options, *arguments(url, out, processes=2), *more],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_scores_that_one_process_does_not_get_end_both_with_the_reason(service, tmp_path):
    """The first batch to come is judged; whoever asks for another row gets no scores until its deadline."""
    judged = set()

    def judge(item, _text):
        judged.add(item["id"]) if len(judged) < 2 else None
        score = 1.0 if item["id"] in judged else "no number"
        return {"score": score, "reason": "ok"}

    service.judge = judge
    ended = run_forked(program(service.url, tmp_path / "run", deadline_s=1.5), tmp_path, timeout_s=TIMEOUT_S)
    assert [one.exit_code for one in ended] == [3, 3]
    said = "".join(one.output for one in ended)
    assert "the run ends on all its processes: rank" in said
    assert "no reward was made up" in said
    assert "Traceback" not in said
    (stop,) = json.loads((tmp_path / "run" / "run.json").read_text())["stops"]
    assert "verdicts[0]" in stop["reason"] or "score" in stop["reason"]


def test_a_process_that_is_killed_in_the_middle_ends_the_other(service, tmp_path):
    ended = run_forked(program(service.url, tmp_path / "run", kill_rank=1), tmp_path, timeout_s=TIMEOUT_S)
    assert [one.exit_code for one in ended] == [3, -signal.SIGKILL]
    assert "it may have been killed" in ended[0].output
    assert "Traceback" not in ended[0].output


def program(url, out, *, processes=2, kill_rank=None, deadline_s=60.0):
    """The same command in a forked process; the one of `kill_rank` is gone when the second step needs rollouts."""
    return f"""
import os, signal, sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
sys.argv[1:] = {arguments(url, out, processes=processes, deadline_s=deadline_s)!r}
import grpo_with_fixed_draws as fixed
from goodcall_trainer.launch import peers

peers.REPORT_DEADLINE_S = 1.0

def generate(trainer, *arguments, **named):
    if trainer.state.global_step == 1 and os.environ.get("RANK") == "{kill_rank}":
        os.kill(os.getpid(), signal.SIGKILL)
    return fixed.generate(trainer, *arguments, **named)

fixed.GRPOTrainer._generate_single_turn = generate
fixed.main()
"""

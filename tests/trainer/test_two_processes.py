"""One run on two processes is the run on one: the same prompts, completions, scores, losses and weights.

TRL seeds sampling by rank, so that two processes draw other completions than one. To compare like with like, both
runs here draw each completion by random numbers of its own (`programs/grpo_with_fixed_draws.py`), which leaves what
the number of processes must not change: which prompts make a batch, what is asked of the service, how advantages are
taken, how losses are scaled, and how gradients are averaged. What may differ is the order of floating-point sums.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from pyarrow import parquet
from safetensors.torch import load_file

from forked import run_forked

PROGRAM = Path(__file__).parent / "programs" / "grpo_with_fixed_draws.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
STEPS, COMPLETIONS, HELDOUT = 3, 16, 8
REWARD = "tool_n1/partial_reason_name@1"
SMALL = [
    "model.warm_up_steps=0",
    "data.made_up_rows=32",
    f"data.heldout_rows={HELDOUT}",
    f"grpo.max_steps={STEPS}",
    "grpo.steps_per_generation=1",
    "grpo.num_generations=4",
    "grpo.max_completion_length=6",
    "grpo.save_steps=2",
    "grpo.eval_steps=2",
]
TIMEOUT_S = 120


def arguments(url, out, *, processes, deadline_s=60.0):
    """What follows `goodcall-train`: the same global batch, whatever the number of processes."""
    batch = {"train_batch_size": COMPLETIONS // processes, "eval_batch_size": HELDOUT // processes}
    shared = [
        f"reward.deadline_s={deadline_s}",
        *(f"grpo.per_device_{key}={size}" for key, size in batch.items()),
        f"guards.world_size={processes}",
    ]
    settings = [word for setting in [*SMALL, *shared] for word in ("--set", setting)]
    return ["grpo", "smoke-cpu", "--url", url, "--out", str(out), *settings]


def start(launcher, out, url, *, processes):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [*launcher, str(PROGRAM), *arguments(url, out, processes=processes)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


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


def test_two_processes_train_as_one_does(service, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    with start([sys.executable], one, service.url, processes=1) as process:
        said, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said
    requests_of_one = list(service.requests)
    service.requests.clear()
    with start(TORCHRUN, two, service.url, processes=2) as process:
        said, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said

    assert [line["step"] for line in metrics(two)] == [1, 2, 3]
    for name in ("reward", "reward_std", "loss", "grad_norm", "num_tokens", "completions/mean_length", "entropy"):
        expected = [line[name] for line in metrics(one)]
        assert [line[name] for line in metrics(two)] == pytest.approx(expected, rel=1e-4, abs=1e-6), name
    assert [line["reasons"] for line in metrics(two)] == [line["reasons"] for line in metrics(one)]
    assert advantages(two) == pytest.approx(advantages(one), rel=1e-4, abs=1e-6)
    assert texts(two) == texts(one)

    expected = load_file(one / "policy" / "model.safetensors")
    for name, weights in load_file(two / "policy" / "model.safetensors").items():
        torch.testing.assert_close(weights, expected[name], rtol=1e-3, atol=1e-5, msg=name)

    assert asked(service.requests) == asked(requests_of_one)
    sizes = {sum(len(item["completions"]) for item in request["items"]) for request in service.requests}
    assert max(sizes) == COMPLETIONS // 2, "each process asks for its own completions only"
    assert files(two) == files(one)


def test_scores_that_one_process_does_not_get_end_both_with_the_reason(service, tmp_path):
    """The first batch to come is judged; whoever asks for another row gets no scores until its deadline."""
    judged = set()

    def judge(item, _text):
        judged.add(item["id"]) if len(judged) < 2 else None
        score = 1.0 if item["id"] in judged else "no number"
        return {"score": score, "reason": "ok"}

    service.judge = judge
    ended = run_forked(program(service.url, tmp_path, deadline_s=1.5), tmp_path, timeout_s=TIMEOUT_S)
    assert [one.exit_code for one in ended] == [3, 3]
    said = "".join(one.output for one in ended)
    assert "the run ends on all its processes: rank" in said
    assert "no reward was made up" in said
    assert "Traceback" not in said
    (stop,) = json.loads((tmp_path / "run" / "run.json").read_text())["stops"]
    assert "verdicts[0]" in stop["reason"] or "score" in stop["reason"]


def test_a_process_that_is_killed_in_the_middle_ends_the_other(service, tmp_path):
    ended = run_forked(program(service.url, tmp_path, kill_rank=1), tmp_path, timeout_s=TIMEOUT_S)
    assert [one.exit_code for one in ended] == [3, -signal.SIGKILL]
    assert "it may have been killed" in ended[0].output
    assert "Traceback" not in ended[0].output


def program(url, folder, *, kill_rank=None, deadline_s=60.0):
    """The same command in a forked process; the one of `kill_rank` is gone when the second step needs rollouts."""
    return f"""
import os, signal, sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
sys.argv[1:] = {arguments(url, folder / "run", processes=2, deadline_s=deadline_s)!r}
import grpo_with_fixed_draws as fixed

def generate(trainer, *arguments, **named):
    if trainer.state.global_step == 1 and os.environ["RANK"] == "{kill_rank}":
        os.kill(os.getpid(), signal.SIGKILL)
    return fixed.generate(trainer, *arguments, **named)

fixed.GRPOTrainer._generate_single_turn = generate
fixed.main()
"""

"""The commands as people run them, with vLLM's CPU build beneath and a service that is installed elsewhere."""

import json
import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("vllm", reason="vLLM is not here: `make test-vllm` installs its CPU build and runs these")

from transformers import AutoModelForCausalLM, AutoTokenizer

from evaluation.babbling import let_babble
from evaluation.made_up_benchmarks import write_bfcl
from goodcall_trainer.service_process import service_process
from with_vllm.runs import GAP

RUN = ["grpo", "smoke-cpu", "--set", "model.warm_up_steps=20", "--set", "data.heldout_rows=16"]
FAST = ["--set", "grpo.max_steps=4", "--set", "grpo.save_steps=4", "--set", "grpo.eval_steps=4"]
COLOCATED = [
    "--set",
    "grpo.use_vllm=true",
    "--set",
    "grpo.vllm_mode=colocate",
    "--set",
    "grpo.vllm_gpu_memory_utilization=0.05",
]


def train(*arguments):
    """Without the settings of vLLM that the other tests make, since whoever runs a command has none."""
    command = [sys.executable, "-m", "goodcall_trainer", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VLLM_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=environment)


@pytest.fixture(scope="module")
def service_url(tmp_path_factory):
    """A real one. vLLM and it need releases of FastAPI that exclude each other: it is from another environment."""
    script = os.environ.get("GOODCALL")
    if script is None:
        pytest.skip("GOODCALL does not name the `goodcall` of an environment with the service")
    with service_process([script, "serve", "--port", "0"], tmp_path_factory.mktemp("service") / "log") as url:
        yield url


def test_a_run_samples_by_vllm_and_is_reported(service_url, tmp_path):
    done = train(*RUN, *FAST, *COLOCATED, "--url", service_url, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert max(line[GAP] for line in lines if GAP in line) <= 0.01
    assert train("report", tmp_path).returncode == 0
    assert "Gap between sampler and learner" in (tmp_path / "report.html").read_text()


@pytest.fixture(scope="module")
def babbling(policies, tmp_path_factory):
    """A policy that says other things to other prompts, with so many ends of turn that some answers reach one."""
    model = let_babble(AutoModelForCausalLM.from_pretrained(policies["one"], dtype="float32"))
    tokenizer = AutoTokenizer.from_pretrained(policies["one"])
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, *range(100, 104)]
    folder = tmp_path_factory.mktemp("babbling")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def evaluation_of(policy, engine, service_url, out):
    return train(
        *("evaluate", policy, "--engine", engine, "--prompt", "signatures", "--max-tokens", "24", "--json"),
        *("--benchmark", f"bfcl={write_bfcl(out / 'bfcl')}", "--url", service_url, "--out", out / "answers"),
    )


def evaluate(policy, engine, service_url, out):
    done = evaluation_of(policy, engine, service_url, out)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in (out / "answers" / "answers.jsonl").read_text().splitlines()]
    given = {answer["question"]: (answer["completion"], answer["truncated"]) for answer in answers}
    return json.loads(done.stdout)["scores"], given


def test_vllm_answers_a_benchmark_as_transformers_does(babbling, service_url, tmp_path):
    scores, given = evaluate(babbling, "vllm", service_url, tmp_path / "vllm")
    expected_scores, expected = evaluate(babbling, "transformers", service_url, tmp_path / "transformers")
    assert given == expected
    assert scores == expected_scores
    assert {truncated for _, truncated in given.values()} == {True, False}
    assert len({completion for completion, _ in given.values()}) > len(given) / 2


def test_weights_that_vllm_cannot_start_on_are_exit_code_3_and_one_message(babbling, service_url, tmp_path):
    for file in babbling.iterdir():
        shutil.copy(file, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["NoSuchModel"]}))
    done = evaluation_of(tmp_path, "vllm", service_url, tmp_path)
    assert done.returncode == 3
    assert f"vLLM could not start on {tmp_path}" in done.stderr

"""The command line, as people and scripts meet it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = [sys.executable, "-m", "goodcall_trainer"]
SMALL = ["--sft-steps", "3", "--grpo-steps", "2", "--heldout-rows", "20", "--threads", "1"]
TIMEOUT_S = 120


def run(*arguments):
    return subprocess.run([*TRAIN, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_help_imports_nothing_heavy():
    program = (
        "import sys, typer.testing; from goodcall_trainer.cli import app;"
        "assert typer.testing.CliRunner().invoke(app, ['demo', '--help']).exit_code == 0;"
        "print(sorted({'torch', 'trl', 'transformers', 'datasets', 'matplotlib', 'pyarrow'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_whole_run_leaves_report_metrics_summary_and_weights(service, tmp_path):
    out = tmp_path / "run"
    result = run("demo", "--url", service.url, "--out", str(out), "--json", *SMALL)
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary == json.loads((out / "summary.json").read_text())
    assert set(summary["seconds"]) == {"start-up", "tasks", "warm-up", "grpo"}
    assert "Held-out exact match" in result.stderr
    phases = [json.loads(line)["phase"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert (phases.count("sft"), phases.count("grpo"), phases.count("heldout")) == (3, 2, 2)
    assert (out / "report.html").exists()
    assert (out / "policy" / "model.safetensors").exists()
    assert "\r" not in result.stderr, "a progress bar where there is no terminal"


def test_a_missed_threshold_is_exit_code_1(service, tmp_path):
    service.judge = lambda _item, _text: {"score": 0.0, "reason": "wrong"}
    result = run("demo", "--url", service.url, "--out", str(tmp_path), "--require-greedy-rise", "0.15", *SMALL)
    assert result.returncode == 1
    assert "+0.150 is required" in result.stdout


@pytest.mark.parametrize("arguments", [["--seed", "x"], ["--url", "ftp://127.0.0.1"], ["--nonsense"]], ids=str)
def test_wrong_usage_is_exit_code_2(arguments, tmp_path):
    assert run("demo", "--out", str(tmp_path), *arguments).returncode == 2


def test_an_unreachable_service_is_exit_code_3_and_one_message(tmp_path):
    url = f"http://127.0.0.1:{closed_port()}"
    result = run("demo", "--url", url, "--deadline-s", "0.3", "--out", str(tmp_path))
    assert result.returncode == 3
    assert url in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert not (tmp_path / "report.html").exists()


def test_a_folder_that_cannot_be_made_is_exit_code_3(service, tmp_path):
    (tmp_path / "file").touch()
    result = run("demo", "--url", service.url, "--out", str(tmp_path / "file" / "run"))
    assert result.returncode == 3
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_training_is_exit_code_130(ending, service, tmp_path):
    arguments = ["--url", service.url, "--out", str(tmp_path), *SMALL, "--grpo-steps", "100000"]
    process = subprocess.Popen(
        [*TRAIN, "demo", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    )
    with process:
        lines = iter(process.stdout.readline, "")
        assert any("before" in line for line in lines), "GRPO never began"
        os.killpg(process.pid, ending)
        rest = process.stdout.read()
        process.wait(TIMEOUT_S)
    assert process.returncode == 130
    assert rest.splitlines()[-1] == f"goodcall-train: interrupted; what there is lies in {Path(tmp_path)}"

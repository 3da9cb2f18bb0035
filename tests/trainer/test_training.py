"""Runs of shipped recipes, cut short: what they leave behind, how they go on, and how they end when they must."""

import json
import subprocess
import sys

import pytest
from safetensors.torch import load_file

from goodcall_trainer.run.folder import RunFolder

TRAIN = [sys.executable, "-m", "goodcall_trainer"]
TIMEOUT_S = 240
SHORT = (
    "model.warm_up_steps=2",
    "data.made_up_rows=64",
    "data.heldout_rows=8",
    "grpo.max_steps=4",
    "grpo.save_steps=2",
    "grpo.eval_steps=2",
    "grpo.per_device_train_batch_size=8",
    "grpo.per_device_eval_batch_size=8",
    "grpo.num_generations=4",
    "grpo.steps_per_generation=2",
    "grpo.max_completion_length=6",
)


def options(settings):
    return [part for setting in settings for part in ("--set", setting)]


def run(*arguments):
    return subprocess.run([*TRAIN, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def grpo(service, out, *more, settings=SHORT):
    return run("grpo", "smoke-cpu", "--url", service.url, "--out", str(out), *options(settings), *more)


def test_a_run_leaves_its_folder_and_the_same_command_finds_nothing_left_to_do(service, tmp_path):
    first = grpo(service, tmp_path)
    assert first.returncode == 0, first.stderr
    folder = RunFolder(tmp_path)
    record = json.loads(folder.record.read_text())
    assert (record["algorithm"], record["reward"], record["digest"]) == (
        "grpo",
        "tool_n1/partial_reason_name@1",
        "sha256:0",
    )
    assert record["recipe"]["trl"]["max_steps"] == 4
    lines = folder.metrics()
    assert [(line["phase"], line["step"]) for line in lines] == [("grpo", step) for step in (1, 2, 3, 4)]
    # Those of the measurements between are not among them.
    assert [sum(line["reasons"].values()) for line in lines if "reasons" in line] == [16, 16]
    assert [(line["step"], line["rows"], sum(line["reasons"].values())) for line in folder.heldout()] == [
        (2, 8, 8),
        (4, 8, 8),
    ]
    assert min(path.name for path in folder.completions.iterdir()) == "completions_00001.parquet"
    assert load_file(folder.policy / "model.safetensors")
    assert "4 prompts" in first.stderr or "2 prompts of 4 completions a step" in first.stderr

    again = grpo(service, tmp_path)
    assert again.returncode == 0, again.stderr
    assert [line["step"] for line in folder.metrics()] == [1, 2, 3, 4]
    assert [start["step"] for start in json.loads(folder.record.read_text())["starts"]] == [0, 4]


def test_supervised_training_leaves_a_policy_that_grpo_starts_from(service, tmp_path):
    settings = ("data.made_up_rows=64", "sft.max_steps=2", "sft.save_steps=2", "sft.per_device_train_batch_size=4")
    trained = run("sft", "smoke-sft", "--out", str(tmp_path / "sft"), *options(settings))
    assert trained.returncode == 0, trained.stderr
    policy = str(tmp_path / "sft" / "policy")
    assert [line["phase"] for line in RunFolder(tmp_path / "sft").metrics()] == ["sft", "sft"]
    rows = [
        {
            "query": f"Forecast for Oslo, {days} days from Monday.",
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "ground_truth": [],
        }
        for days in range(8)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = tuple(setting for setting in SHORT if "data." not in setting)
    more = ("--model", policy, "--data", str(tmp_path / "rows.jsonl"), "--set", "grpo.eval_strategy=no")
    result = grpo(service, tmp_path / "grpo", *more, settings=settings)
    assert result.returncode == 0, result.stderr
    record = json.loads((tmp_path / "grpo" / "run.json").read_text())
    assert [(file["path"], file["rows"]) for file in record["data"]] == [(str(tmp_path / "rows.jsonl"), 8)]


def test_rloo_and_lora_train_by_the_same_command(service, tmp_path):
    settings = [s.replace("grpo.", "rloo.") for s in SHORT if "eval" not in s]
    settings += ['model.lora={r = 4, target_modules = "all-linear"}', "data.heldout_rows=0"]
    result = run("grpo", "smoke-rloo", "--url", service.url, "--out", str(tmp_path), *options(settings))
    assert result.returncode == 0, result.stderr
    assert {line["phase"] for line in RunFolder(tmp_path).metrics()} == {"rloo"}
    names = load_file(tmp_path / "policy" / "model.safetensors")
    assert not any("lora" in name for name in names), "adapters that were not merged"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["grpo", "smoke-cpuu"], 2, "the nearest is smoke-cpu"),
        (["grpo", "smoke-sft"], 2, "`goodcall-train sft smoke-sft`"),
        (["sft", "smoke-cpu"], 2, "`goodcall-train grpo smoke-cpu`"),
        (["grpo", "tool-n1-7b", "--set", "grpo.betta=0"], 2, "[grpo] has no betta"),
        (["grpo", "smoke-cpu", "--expect-world-size", "2"], 3, "2 processes are expected and 1 is here"),
        (["grpo", "smoke-cpu", "--model", "./absent"], 3, "no folder"),
        (["grpo", "smoke-cpu", "--data", "absent.parquet"], 2, "No such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_ends_at_once_with_one_message(arguments, code, said, service, tmp_path):
    more = ["--url", service.url] if arguments[0] == "grpo" else []
    result = run(*arguments, "--out", str(tmp_path), *more)
    assert said in result.stderr.replace("\n", " ")
    assert result.returncode == code
    assert "Traceback" not in result.stderr
    assert service.requests == []


def test_recipes_are_listed_and_shown_with_where_values_come_from():
    listed = run("recipes")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines() if line.startswith("tool-n1")] == [
        "tool-n1-14b",
        "tool-n1-7b",
        "tool-n1-7b-one-machine",
    ]
    shown = run("recipes", "show", "dr-grpo", "--set", "grpo.beta=0.5")
    lines = {line.split(" = ")[0]: " ".join(line.split()) for line in shown.stdout.splitlines()}
    assert lines["loss_type"] == 'loss_type = "dr_grpo" # dr-grpo.toml:5'
    assert lines["num_generations"].startswith("num_generations = 5 # tool-n1-7b.toml:")
    assert lines["beta"] == "beta = 0.5 # --set grpo.beta"

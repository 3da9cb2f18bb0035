"""Runs of shipped recipes, cut short: what they leave behind, how they go on, and how they end when they must."""

import json
import shutil
import signal

import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

from goodcall_trainer.cli import app
from goodcall_trainer.run.folder import RunFolder

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
TEMPLATE = (
    "{%- for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ON_THIS_CPU = {
    "use_cpu": "true",
    "bf16": "false",
    "gradient_checkpointing": "false",
    "max_steps": "2",
    "save_steps": "2",
}
ROLLOUTS_ON_THIS_CPU = {
    "use_vllm": "false",
    "per_device_train_batch_size": "5",
    "gradient_accumulation_steps": "1",
    "steps_per_generation": "2",
    "max_completion_length": "6",
    "eval_strategy": "no",
}


@pytest.fixture(autouse=True)
def _signals_as_before():
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def options(settings):
    return [part for setting in settings for part in ("--set", setting)]


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def grpo(service, out, *more, settings=SHORT):
    return run("grpo", "smoke-cpu", "--url", service.url, "--out", out, *options(settings), *more)


def lines_of(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A file of eight rows with completions to imitate."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    shown = "<think>None fits.</think><tool_call>[]</tool_call>"
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    rows = [{"query": f"Day {day}?", "tools": [tool], "ground_truth": [], "completion": shown} for day in range(8)]
    path.write_text(lines_of(rows))
    return path


@pytest.fixture
def weights(policy, tokenizer, tmp_path, monkeypatch):
    """A folder of a policy whose tokenizer has a chat template."""
    monkeypatch.setattr(tokenizer, "chat_template", TEMPLATE)
    policy.save_pretrained(tmp_path / "weights")
    tokenizer.save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def test_a_run_leaves_its_folder_and_the_same_command_finds_nothing_left_to_do(service, tmp_path):
    first = grpo(service, tmp_path)
    assert first.exit_code == 0, first.output
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
    assert "2 prompts of 4 completions a step" in first.stderr

    shutil.rmtree(folder.checkpoints / "checkpoint-4")
    again = grpo(service, tmp_path)
    assert again.exit_code == 0, again.output
    assert [line["step"] for line in folder.metrics()] == [1, 2, 3, 4]
    assert [line["step"] for line in folder.heldout()] == [2, 4]
    assert [start["step"] for start in json.loads(folder.record.read_text())["starts"]] == [0, 2]

    service.digest = "sha256:1"
    other = grpo(service, tmp_path)
    assert other.exit_code == 2
    assert "was rewarded by tool_n1/partial_reason_name@1 (sha256:0)" in other.stderr

    begun = grpo(service, tmp_path, "--no-resume")
    assert begun.exit_code == 2
    assert "the newest checkpoint-4; --no-resume does not delete them" in begun.stderr


def test_supervised_training_leaves_a_policy_that_grpo_starts_from(service, rows, tmp_path):
    settings = ("data.made_up_rows=64", "sft.max_steps=2", "sft.save_steps=2", "sft.per_device_train_batch_size=4")
    trained = run("sft", "smoke-sft", "--out", tmp_path / "sft", *options(settings))
    assert trained.exit_code == 0, trained.output
    policy = tmp_path / "sft" / "policy"
    assert [line["phase"] for line in RunFolder(tmp_path / "sft").metrics()] == ["sft", "sft"]
    settings = tuple(setting for setting in SHORT if "data." not in setting)
    more = ("--model", policy, "--data", rows, "--set", "grpo.eval_strategy=no")
    result = grpo(service, tmp_path / "grpo", *more, settings=settings)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "grpo" / "run.json").read_text())
    assert [(file["path"], file["rows"]) for file in record["data"]] == [(str(rows), 8)]


@pytest.mark.parametrize(
    ("recipe", "phase"),
    [
        ("dapo", "grpo"),
        ("dr-grpo", "grpo"),
        ("rloo", "rloo"),
        ("lora", "grpo"),
        ("sft-reason", "sft"),
    ],
)
def test_each_way_of_training_trains_a_small_policy_on_this_cpu(recipe, phase, service, weights, rows, tmp_path):
    before = load_file(weights / "model.safetensors")
    trl = ON_THIS_CPU if phase == "sft" else ON_THIS_CPU | ROLLOUTS_ON_THIS_CPU
    settings = [f"{phase}.{key}={value}" for key, value in trl.items()]
    settings += ["guards.world_size=1", "model.dtype=float32", "data.heldout=[]"]
    if recipe == "dapo":
        # An untrained policy does not end its answers, and DAPO learns nothing from those that were cut.
        settings.append("grpo.mask_truncated_completions=false")
    command = ["sft"] if phase == "sft" else ["grpo", "--url", service.url]
    out = tmp_path / "run"
    result = run(*command, recipe, "--model", weights, "--data", rows, "--out", out, *options(settings))
    assert result.exit_code == 0, result.output
    metrics = RunFolder(out).metrics()
    assert [(line["phase"], line["step"]) for line in metrics] == [(phase, 1), (phase, 2)]
    assert all(line["grad_norm"] > 0 for line in metrics)
    after = load_file(out / "policy" / "model.safetensors")
    assert after.keys() == before.keys(), "adapters are merged into what they adapt"
    assert any(not after[name].equal(tensor) for name, tensor in before.items())


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
        (["grpo", "smoke-cpu", *options(SHORT), "--set", "data.made_up_rows=3"], 2, "3 rows are fewer than one round"),
        (["grpo", "smoke-cpu", *options(SHORT), "--set", "model.lora={target_modules = ['q']}"], 2, "TRL refuses"),
    ],
    ids=lambda value: f"{value[1]} {value[-1]}" if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_ends_at_once_with_one_message(arguments, code, said, service, tmp_path):
    more = ["--url", service.url] if arguments[0] == "grpo" else []
    result = run(*arguments, "--out", tmp_path, *more)
    assert said in result.stderr.replace("\n", " ")
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)
    assert all(request["items"] == [] for request in service.requests)


@pytest.mark.parametrize(
    ("damage", "ending"),
    [
        (lambda folder: configure(folder, num_hidden_layers=3), (3, "has no model.layers.2.input_layernorm.weight")),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"0"), (3, "can't be loaded")),
        (lambda folder: (folder / "tokenizer.json").unlink(), (2, "has no tokenizer")),
    ],
    ids=["a layer too many", "no tensors", "no tokenizer"],
)
def test_a_policy_of_which_a_part_is_missing_is_not_trained(damage, ending, service, weights, rows, tmp_path):
    damage(weights)
    settings = tuple(setting for setting in SHORT if "data." not in setting)
    result = grpo(service, tmp_path / "run", "--model", weights, "--data", rows, settings=settings)
    assert (result.exit_code, ending[1] in result.stderr) == (ending[0], True)
    assert isinstance(result.exception, SystemExit)
    assert service.requests == []


def test_weights_that_a_policy_would_not_use_are_said(service, weights, rows, tmp_path):
    configure(weights, num_hidden_layers=1)
    settings = (*(setting for setting in SHORT if "data." not in setting), "grpo.eval_strategy=no")
    result = grpo(service, tmp_path / "run", "--model", weights, "--data", rows, settings=settings)
    assert result.exit_code == 0, result.output
    assert "does not use: model.layers.1.input_layernorm.weight and " in result.stderr


def configure(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"layer_types": None} | changes))


def test_recipes_are_listed_and_shown_with_where_values_come_from():
    listed = run("recipes")
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines() if line.startswith("tool-n1")] == [
        "tool-n1-14b",
        "tool-n1-7b",
        "tool-n1-7b-one-machine",
    ]
    assert [recipe["recipe"] for recipe in json.loads(run("recipes", "--json").stdout)] == [
        line.split()[0] for line in listed.stdout.splitlines()[1:]
    ]
    shown = run("recipes", "show", "dr-grpo", "--set", "grpo.beta=0.5")
    lines = {line.split(" = ")[0]: " ".join(line.split()) for line in shown.stdout.splitlines()}
    assert lines["loss_type"] == 'loss_type = "dr_grpo" # dr-grpo.toml:5'
    assert lines["num_generations"].startswith("num_generations = 5 # tool-n1-7b.toml:")
    assert lines["beta"] == "beta = 0.5 # --set grpo.beta"

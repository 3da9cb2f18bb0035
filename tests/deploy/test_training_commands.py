"""What the manifests of training run is what the trainer and TRL take."""

import warnings

import pytest
import typer

from deploy.manifests import render
from deploy.training_rules import option, trainer_of
from goodcall_trainer.cli import app

FOLDERS = ["training/colocated", "training/server"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_trainer_takes_what_it_is_given(folder):
    grpo = typer.main.get_command(app).commands.get("grpo")
    if grpo is None:
        pytest.skip("this trainer has no command grpo yet")
    _, (command, recipe, *options), *_ = trainer_of(render(folder))
    known = {name for parameter in grpo.params for name in parameter.opts}
    assert {word.partition("=")[0] for word in options} <= known
    assert (command, recipe) == ("grpo", "tool-n1-7b")


def test_a_round_of_rollouts_is_as_large_with_half_as_many_processes():
    """The recipe's 5,120 completions on 32 processes are 5 a pass and 32 passes; a step takes a quarter of them."""
    _, arguments, *_ = trainer_of(render("training/server"))
    settings = dict(word.removeprefix("--set=grpo.").split("=") for word in arguments if word.startswith("--set=grpo."))
    processes = int(option(arguments, "expect-world-size"))
    assert 5 * processes * int(settings["steps_per_generation"]) == 5120
    assert 5 * processes * int(settings["gradient_accumulation_steps"]) == 5120 / 4


def test_the_server_is_begun_as_trl_would_begin_it():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trl.scripts.vllm_serve import ScriptArguments, build_command  # noqa: PLC0415 - heavy
    jobset = render("training/server").the("JobSet")
    container = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"][0]
    command = build_command(ScriptArguments(model=container["command"][-1]))
    imposed = command[command.index("--weight-transfer-config") :]
    wanted = {f"{name}={value}" for name, value in zip(imposed[::2], imposed[1::2], strict=True)}
    assert wanted <= set(container["args"])
    # TRL adds it from vLLM 0.30 on, which the image has and these tests don't.
    assert "--enable-scale-out" in container["args"]
    assert {"name": "VLLM_SERVER_DEV_MODE", "value": "1"} in container["env"]
    gpus = int(container["resources"]["limits"]["nvidia.com/gpu"])
    assert f"--tensor-parallel-size={gpus}" in container["args"]

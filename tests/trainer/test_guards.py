"""What stops a run: each with a reason, an exit code, and the newest checkpoint as it was."""

import json
import math
from types import SimpleNamespace

import pytest
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from goodcall_client import GoodcallError
from goodcall_trainer.reward import RewardTally
from goodcall_trainer.run.checkpoints import newest_complete
from goodcall_trainer.run.folder import RunFolder
from goodcall_trainer.run.guards import LOGP_GAP, ExactResume, FiniteValues, LogpGap, MetricsLog, SealedCheckpoints
from goodcall_trainer.run.record import read
from goodcall_trainer.run.stop import MISSED, USAGE, AllStepsDone, CannotResume, RunStopped
from guarded_run import guarded_run

STATE = TrainerState(global_step=7, max_steps=100, save_steps=8, is_world_process_zero=True)
CONTROL = TrainerControl()


def arguments(**changed):
    settings = {
        "logging_strategy": "steps",
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_only_model": False,
        "ignore_data_skip": False,
        "save_total_limit": 2,
        "steps_per_generation": 4,
        "num_iterations": 1,
        "gradient_accumulation_steps": 1,
    }
    return SimpleNamespace(**settings | changed)


class Spoils(TrainerCallback):
    """Puts a NaN into the weights before a step."""

    def __init__(self, step):
        self._step = step

    def on_step_begin(self, args, state, control, model, **_):
        del args, control
        if state.global_step == self._step - 1:
            with torch.no_grad():
                next(model.parameters())[0, 0] = math.nan


def test_a_loss_that_is_no_number_stops_the_run_before_anything_is_saved(service, tmp_path):
    with pytest.raises(RunStopped, match=r"^step 4: loss is nan\. The weights are spoilt") as stop:
        guarded_run(tmp_path, service.url, callbacks=[Spoils(step=4)])
    assert stop.value.exit_code == MISSED
    folder = RunFolder(tmp_path)
    assert newest_complete(folder.checkpoints) == folder.checkpoints / "checkpoint-2"
    assert not (folder.checkpoints / "checkpoint-4").exists()
    assert [stop["reason"] for stop in read(folder).stops] == [str(stop.value)]
    assert [line["loss"] is None for line in folder.metrics()] == [False, False, False, True]
    assert "NaN" not in folder.metrics_file.read_text()


@pytest.mark.parametrize(
    ("logs", "reason"),
    [
        ({"loss": math.nan}, "loss is nan"),
        ({"loss": math.inf}, "loss is inf"),
        ({"loss": 0.1, "grad_norm": math.nan}, "grad_norm is nan"),
        ({"loss": 0.1, "grad_norm": -math.inf}, "grad_norm is -inf"),
    ],
)
def test_what_is_no_number_stops_the_run(logs, reason):
    with pytest.raises(RunStopped, match=f"^step 7: {reason}"):
        FiniteValues().on_log(arguments(), STATE, CONTROL, logs)


@pytest.mark.parametrize("gap", [0.051, 0.68, math.nan, math.inf, None])
def test_a_sampler_with_other_weights_stops_the_run(gap):
    with pytest.raises(RunStopped, match=r"^step 7: .* differ by .* 0\.05 is the most") as stop:
        LogpGap(0.05).on_log(arguments(), STATE, CONTROL, {"loss": 0.0, LOGP_GAP: gap})
    assert stop.value.exit_code == MISSED


@pytest.mark.parametrize("logs", [{"loss": 0.1, "grad_norm": 2.0}, {"loss": 0.0, LOGP_GAP: 0.05}, {"loss": 1.0}, {}])
def test_what_is_as_it_should_be_stops_nothing(logs):
    for guard in (FiniteValues(), LogpGap(0.05)):
        guard.on_log(arguments(), STATE, CONTROL, logs)


def test_the_spoilt_loss_is_not_hidden_by_transformers():
    args = arguments(logging_nan_inf_filter=True)
    FiniteValues().on_train_begin(args, STATE, CONTROL)
    assert args.logging_nan_inf_filter is False


@pytest.mark.parametrize(
    ("guard", "changed", "step", "error", "reason"),
    [
        (SealedCheckpoints(), {"save_total_limit": 1}, 0, RunStopped, "Keep at least 2"),
        (ExactResume(), {"logging_steps": 10}, 0, RunStopped, "logging_steps is 10: it must be 1"),
        (ExactResume(), {"logging_strategy": "epoch"}, 0, RunStopped, "logging_strategy is epoch: it must be steps"),
        (ExactResume(), {"save_only_model": True}, 0, RunStopped, "would lack the optimizer's state"),
        (ExactResume(), {"ignore_data_skip": True}, 0, RunStopped, "would see its first rows once more"),
        (ExactResume(), {"steps_per_generation": 3}, 0, RunStopped, "Take a multiple of 3"),
        (ExactResume(), {"num_iterations": 4}, 0, RunStopped, "Take a multiple of 16"),
        (ExactResume(), {}, 6, CannotResume, "in the middle of a batch of rollouts, which serves 4 steps"),
    ],
)
def test_settings_with_which_a_run_could_not_go_on_exactly_are_refused(guard, changed, step, error, reason):
    state = TrainerState(global_step=step, max_steps=100, save_steps=8)
    with pytest.raises(error, match=reason) as stop:
        guard.on_train_begin(arguments(**changed), state, CONTROL, train_dataloader=None)
    assert stop.value.exit_code == USAGE


@pytest.mark.parametrize(
    ("changed", "step"),
    [({}, 0), ({}, 8), ({"gradient_accumulation_steps": 4}, 7), ({"save_strategy": "no"}, 4)],
)
def test_settings_with_which_it_can_are_accepted(changed, step):
    state = TrainerState(global_step=step, max_steps=100, save_steps=8, epoch=0.5)
    ExactResume().on_train_begin(arguments(**changed), state, CONTROL, train_dataloader=None)
    SealedCheckpoints().on_train_begin(arguments(**changed), state, CONTROL)


def test_a_run_whose_last_step_was_taken_takes_no_other():
    with pytest.raises(AllStepsDone):
        ExactResume().on_train_begin(
            arguments(), TrainerState(global_step=100, max_steps=100, save_steps=8), CONTROL, train_dataloader=None
        )


def test_a_gap_that_nothing_can_keep_to_is_refused():
    with pytest.raises(ValueError, match="max_logp_gap is 0"):
        LogpGap(0)


def test_every_step_is_written_once_also_after_a_restart(tmp_path):
    folder = RunFolder(tmp_path)
    for step in (1, 2, 3):
        folder.append_metrics("grpo", step, loss=0.0)
    log = MetricsLog(folder, phase="grpo", tally=RewardTally(), elapsed_s=100.0)
    log.on_train_begin(arguments(), TrainerState(global_step=2, is_world_process_zero=True), CONTROL)
    state = TrainerState(global_step=3, is_world_process_zero=True)
    log.on_log(arguments(), state, CONTROL, {"loss": 0.5, "step_time": 2.0})
    log.on_log(arguments(), state, CONTROL, {"train_loss": 0.5})
    assert [line["step"] for line in folder.metrics()] == [1, 2, 3]
    assert folder.metrics()[2]["loss"] == 0.5
    assert folder.metrics()[2]["reward_wait_share"] == 0.0
    assert folder.metrics()[2]["time_s"] >= 100.0


def test_another_reward_version_in_the_middle_of_a_run_stops_it(service, tmp_path):
    class Upgrade(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            del args, control
            if state.global_step == 4:
                service.digest = "sha256:1"

    with pytest.raises(RunStopped, match=r"now has the digest sha256:1, and the run began with sha256:0") as stop:
        guarded_run(tmp_path, service.url, callbacks=[Upgrade()])
    assert stop.value.exit_code == 3
    assert newest_complete(tmp_path / "checkpoints").name == "checkpoint-4"
    with pytest.raises(CannotResume, match="or say --allow-reward-change"):
        guarded_run(tmp_path, service.url)
    guarded_run(tmp_path, service.url, max_steps=6, allow_reward_change=True)
    assert read(RunFolder(tmp_path)).starts[1]["changed"]["digest"] == ["sha256:0", "sha256:1"]


def test_a_service_that_stays_away_stops_the_run_with_the_checkpoint_intact(service, tmp_path):
    class Unplugs(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            del args, control
            if state.global_step == 4:
                service.judge = lambda _item, _text: {"score": "no number", "reason": "broken"}

    with pytest.raises(GoodcallError):
        guarded_run(tmp_path, service.url, deadline_s=1.0, callbacks=[Unplugs()])
    folder = RunFolder(tmp_path)
    assert newest_complete(folder.checkpoints).name == "checkpoint-4"
    assert [line["step"] for line in folder.metrics()] == [1, 2, 3, 4]
    assert "Unusable answer" in read(folder).stops[0]["reason"] or "No answer" in read(folder).stops[0]["reason"]


def test_a_run_that_masks_goes_on_without_a_single_made_up_score(service, tmp_path):
    class Unplugs(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            del args, control
            service.judge = self.broken if 2 <= state.global_step < 4 else self.sound

        sound = staticmethod(service.judge)
        broken = staticmethod(lambda _item, _text: {"score": "no number", "reason": "broken"})

    guarded_run(tmp_path, service.url, deadline_s=1.0, max_steps=6, on_unavailable="mask", callbacks=[Unplugs()])
    lines = RunFolder(tmp_path).metrics()
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[2]["reasons"] == {"service_unavailable": 16}
    assert (lines[2]["reward"], lines[2]["reward_nulls"], lines[2]["loss"]) == (None, 16, 0.0)
    assert lines[4]["reward"] is not None


def test_the_counts_of_a_run_are_the_verdicts_that_the_service_gave(service, tmp_path):
    guarded_run(tmp_path, service.url, max_steps=4)
    lines = RunFolder(tmp_path).metrics()
    rewarding = [request for request in service.requests if request["reward"] == "tool_n1/hardened@1"][1::2]
    for line, request in zip((lines[0], lines[2]), rewarding, strict=True):
        texts = [text for item in request["items"] for text in item["completions"]]
        odd = sum(len(text) % 2 for text in texts)
        expected = {reason: count for reason, count in (("ok", odd), ("odd", len(texts) - odd)) if count}
        assert line["reasons"] == expected
        assert line["reward"] == pytest.approx(odd / len(texts))
        assert line["hacking"] == {"judged": 16, "released": line["reward"], "hardened": line["reward"]}
    assert "reasons" not in lines[1]
    assert json.loads((tmp_path / "run.json").read_text())["reward"] == "tool_n1/hardened@1"

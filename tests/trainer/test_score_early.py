"""Scoring begins when the completions are there, while TRL computes log-probabilities, and changes no number."""

import inspect
import threading

import pytest
from trl import GRPOTrainer, RLOOTrainer

from goodcall_trainer.run.folder import RunFolder
from guarded_run import guarded_run

TIMEOUT_S = 30


def test_the_service_is_asked_while_trl_still_computes_log_probabilities(service, tmp_path, monkeypatch):
    judged = threading.Event()
    asked_before = []
    compute = GRPOTrainer._get_per_token_logps_and_entropies

    def wait_for_the_service(*arguments, **options):
        # The first log-probabilities of a batch of rollouts are computed before TRL calls the reward.
        if not asked_before:
            asked_before.append(judged.wait(TIMEOUT_S))
        return compute(*arguments, **options)

    def judge(_item, text):
        judged.set()
        return {"score": float(len(text) % 2), "reason": "any"}

    service.judge = judge
    monkeypatch.setattr(GRPOTrainer, "_get_per_token_logps_and_entropies", wait_for_the_service)
    guarded_run(tmp_path, service.url, max_steps=2)
    assert asked_before == [True]


def test_no_number_changes(service, tmp_path):
    times = {"time_s", "step_time", "reward_wait_s", "reward_wait_share"}
    found = []
    for early in (True, False):
        guarded_run(tmp_path / str(early), service.url, max_steps=2, early=early)
        lines = RunFolder(tmp_path / str(early)).metrics()
        found.append([{key: value for key, value in line.items() if key not in times} for line in lines])
    assert found[0] == found[1]


@pytest.mark.parametrize("trainer", [GRPOTrainer, RLOOTrainer])
def test_trl_has_the_methods_that_scoring_early_hooks_into(trainer):
    assert list(inspect.signature(trainer._generate).parameters) == ["self", "prompts"]
    assert list(inspect.signature(trainer._generate_and_score_completions).parameters) == ["self", "inputs"]
    assert len(inspect.signature(trainer._calculate_rewards).parameters) == 5
    (given,) = (line for line in inspect.getsource(trainer._generate).splitlines() if "return prompt_ids" in line)
    assert given.split()[1:3] == ["prompt_ids,", "completion_ids,"]

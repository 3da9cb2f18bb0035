"""A run's folder: lines that survive a kill, checkpoints that are whole, a record, weights without code."""

from dataclasses import replace

import pytest

from goodcall_trainer.run.checkpoints import SEAL, is_complete, newest_complete, remove_incomplete, seal
from goodcall_trainer.run.folder import RunFolder
from goodcall_trainer.run.record import RunRecord, changes, check_world_size, data_file, read, start, stopped
from goodcall_trainer.run.stop import ENVIRONMENT, USAGE, CannotResume, RunStopped
from goodcall_trainer.run.weights import loading_arguments

RECORD = RunRecord(
    algorithm="grpo",
    recipe={"grpo": {"learning_rate": 1e-6, "betas": (0.9, 0.99)}},
    reward="tool_n1/hardened@1",
    digest="sha256:aa",
    seed=1,
    world_size=2,
    versions={"trl": "1.16.0"},
    data=({"path": "rows.parquet", "sha256": "0123456789abcdef", "rows": 3},),
)


def checkpoint(folder, step, *, sealed=True):
    path = folder / f"checkpoint-{step}"
    (path / "shards").mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"w" * 100)
    (path / "shards" / "optimizer.bin").write_bytes(b"o" * 50)
    if sealed:
        seal(path)
    return path


def test_a_line_that_a_kill_cut_is_left_out_and_replaced_by_the_next(tmp_path):
    folder = RunFolder(tmp_path / "new")
    assert folder.metrics() == []
    folder.append_metrics("grpo", 1, reward=0.5)
    with folder.metrics_file.open("a") as lines:
        lines.write('{"phase": "grpo", "step": 2, "rew')
    assert [line["step"] for line in folder.metrics()] == [1]
    folder.append_metrics("grpo", 2, reward=None)
    assert folder.metrics() == [
        {"phase": "grpo", "step": 1, "reward": 0.5},
        {"phase": "grpo", "step": 2, "reward": None},
    ]


def test_what_lies_beyond_the_checkpoint_is_dropped_of_this_phase_alone(tmp_path):
    folder = RunFolder(tmp_path)
    for phase in ("sft", "grpo"):
        for step in (1, 2, 3):
            folder.append_metrics(phase, step)
    for step in (0, 2, 4):
        folder.append_heldout(step, greedy=0.5)
    folder.completions.mkdir()
    for name in ("completions_00002.parquet", "completions_00003.parquet", "completions_notes.parquet"):
        (folder.completions / name).touch()
    folder.drop_steps_after(2, phase="grpo")
    steps = [(line["phase"], line["step"]) for line in folder.metrics()]
    assert steps == [("sft", 1), ("sft", 2), ("sft", 3), ("grpo", 1), ("grpo", 2)]
    assert [line["step"] for line in folder.heldout()] == [0, 2]
    assert {path.name for path in folder.completions.iterdir()} == {
        "completions_00002.parquet",
        "completions_notes.parquet",
    }


def test_a_run_goes_on_from_the_newest_checkpoint_that_is_complete(tmp_path):
    assert newest_complete(tmp_path / "absent") is None
    checkpoint(tmp_path, 8)
    nine, ten = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10, sealed=False)
    (tmp_path / "checkpoint-best").mkdir()
    assert newest_complete(tmp_path) == nine
    assert remove_incomplete(tmp_path) == [ten]
    assert not ten.exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: (path / "model.safetensors").write_bytes(b"w" * 99),
        lambda path: (path / "shards" / "optimizer.bin").unlink(),
        lambda path: (path / SEAL).write_text('{"model.saf'),
        lambda path: (path / SEAL).unlink(),
    ],
)
def test_a_checkpoint_that_lost_something_is_not_complete(tmp_path, spoil):
    path = checkpoint(tmp_path, 1)
    assert is_complete(path)
    spoil(path)
    assert not is_complete(path)


def test_a_restart_keeps_every_start_and_says_what_changed(tmp_path):
    folder = RunFolder(tmp_path)
    first = start(folder, RECORD, step=0)
    stopped(folder, "the service went away")
    changed = replace(RECORD, recipe={"grpo": {"learning_rate": 2e-6, "betas": (0.9, 0.99)}}, versions={"trl": "1.17"})
    again = start(folder, changed, step=40)
    assert read(folder) is not None
    assert [entry["step"] for entry in again.starts] == [0, 40]
    assert again.starts[0] == first.starts[0]
    assert again.starts[1]["changed"] == {
        "recipe.grpo.learning_rate": [1e-6, 2e-6],
        "versions.trl": ["1.16.0", "1.17"],
    }
    assert [stop["reason"] for stop in again.stops] == ["the service went away"]
    assert again.elapsed_s >= 0
    assert RECORD.elapsed_s == 0


def test_starting_over_forgets_the_run_before(tmp_path):
    folder = RunFolder(tmp_path)
    start(folder, RECORD, step=0)
    assert [entry["step"] for entry in start(folder, replace(RECORD, seed=2), step=0).starts] == [0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reward": "tool_n1/hardened@2"}, "rewarded by tool_n1/hardened@1 .* now it would be by tool_n1/hardened@2"),
        ({"digest": "sha256:bb"}, "--allow-reward-change"),
        ({"world_size": 1}, "began on 2 processes and there are 1 now"),
        ({"seed": 2}, "has seed 1, not 2"),
        ({"algorithm": "rloo"}, "has algorithm grpo, not rloo"),
        ({"data": ()}, r"began on other rows: rows.parquet \(0123456789ab…\), now no file"),
    ],
)
def test_another_run_is_not_gone_on_with(tmp_path, change, reason):
    folder = RunFolder(tmp_path)
    start(folder, RECORD, step=0)
    before = folder.record.read_text()
    with pytest.raises(CannotResume, match=reason):
        start(folder, replace(RECORD, **change), step=8)
    assert folder.record.read_text() == before


def test_a_change_of_the_reward_that_is_allowed_is_recorded(tmp_path):
    folder = RunFolder(tmp_path)
    start(folder, RECORD, step=0)
    record = start(folder, replace(RECORD, digest="sha256:bb"), step=8, allow_reward_change=True)
    assert record.starts[1]["changed"] == {"digest": ["sha256:aa", "sha256:bb"]}


def test_processes_that_do_not_write_check_all_the_same(tmp_path):
    folder = RunFolder(tmp_path)
    start(folder, RECORD, step=0, writes=False)
    assert read(folder) is None
    start(folder, RECORD, step=0)
    with pytest.raises(CannotResume):
        start(folder, replace(RECORD, seed=2), step=8, writes=False)


@pytest.mark.parametrize("text", ["", "[]", '{"seed": 1}', "{"])
def test_a_record_that_cannot_be_read_is_said_to_be_none(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(CannotResume, match="is no record of a run"):
        read(RunFolder(tmp_path))


def test_checkpoints_without_a_record_are_nobodys(tmp_path):
    with pytest.raises(CannotResume, match="nobody knows what they are of"):
        start(RunFolder(tmp_path), RECORD, step=8)
    stopped(RunFolder(tmp_path), "no record, no reason")
    assert not list(tmp_path.iterdir())


def test_lists_and_tuples_are_no_change(tmp_path):
    folder = RunFolder(tmp_path)
    start(folder, RECORD, step=0)
    assert changes(read(folder), RECORD) == {}


def test_rows_are_known_by_their_bytes(tmp_path):
    (tmp_path / "rows").write_bytes(b"abc")
    assert data_file(tmp_path / "rows", 1) == {
        "path": str(tmp_path / "rows"),
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "rows": 1,
    }


@pytest.mark.parametrize(("here", "reason"), [(1, "8 processes are expected and 1 is here"), (9, "and 9 are here")])
def test_a_number_of_processes_that_nobody_meant_is_refused(here, reason):
    with pytest.raises(CannotResume, match=reason) as refusal:
        check_world_size(here, 8)
    assert refusal.value.exit_code == ENVIRONMENT
    check_world_size(here, here)
    check_world_size(here, None)


def test_safetensors_are_loaded_and_no_code_with_them(tmp_path):
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "pytorch_model.bin").touch()
    assert loading_arguments(tmp_path) == {"use_safetensors": True, "trust_remote_code": False}
    assert loading_arguments("Qwen/Qwen2.5-7B-Instruct", trust_remote_code=True)["trust_remote_code"] is True


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (["pytorch_model.bin", "training.pt", "config.json"], "only pytorch_model.bin, training.pt, and loading those"),
        (["config.json"], "no weights at all"),
    ],
)
def test_weights_that_are_pickles_are_refused(tmp_path, files, reason):
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(RunStopped, match=reason) as refusal:
        loading_arguments(tmp_path)
    assert refusal.value.exit_code == USAGE


@pytest.mark.parametrize("path", ["./absent", "/absent/model"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(path):
    with pytest.raises(RunStopped, match="no folder with a model"):
        loading_arguments(path)

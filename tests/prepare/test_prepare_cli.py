"""`goodcall-train prepare`, as people and scripts meet it."""

import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from goodcall_trainer.cli import app
from prepare.rows import BFCL, PLAIN, TOOLACE, XLAM
from suites import dataset

PREPARE = [sys.executable, "-m", "goodcall_trainer", "prepare"]
TIMEOUT_S = 120


def run(*arguments):
    """In this process, for most tests: starting Python takes longer than all that they look at."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["prepare", *map(str, arguments)])


@pytest.fixture
def xlam(tmp_path):
    (tmp_path / "xlam.json").write_text(json.dumps([XLAM, {**XLAM, "id": 8, "answers": "["}]), encoding="utf-8")
    return f"xlam={tmp_path / 'xlam.json'}"


@pytest.fixture
def toolace(tmp_path):
    (tmp_path / "toolace.json").write_text(json.dumps([TOOLACE]), encoding="utf-8")
    return f"toolace={tmp_path / 'toolace.json'}"


def test_rows_report_and_manifest_are_left_and_a_table_is_shown(tmp_path, xlam, toolace):
    out = tmp_path / "out"
    result = run("--source", xlam, "--source", toolace, "--out", out, "--seed", "3")
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {
        "train.parquet",
        "heldout.parquet",
        "report.json",
        "manifest.json",
    }
    report = json.loads((out / "report.json").read_text())
    assert report["rows"] == {"records": 3, "found": 5, "added": 0, "removed": 2, "train": 3, "heldout": 0}
    assert report["removed"]["calls_unreadable"]["sample"] == ["xlam-8"]
    assert report["sources"]["toolace"]["several_turns"] == 1
    for shown in ("xlam", "toolace", "calls_unreadable", "answer_in_words", "released_parser_corrupts", "toolace-0:1"):
        assert shown in result.stdout
    assert "not compared with a benchmark" in result.stdout
    assert "\r" not in result.stdout


def test_the_manifest_tells_of_inputs_outputs_seed_recipe_and_versions(tmp_path, xlam):
    run("--source", xlam, "--out", tmp_path / "out", "--masking-share", "0.25")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["seed"] == 1
    assert manifest["recipe"]["masking_share"] == 0.25
    assert set(manifest["versions"]) == {"python", "goodcall-trainer", "pyarrow", "jsonschema-rs"}
    [source] = manifest["inputs"]
    assert (source["source"], source["file"], len(source["sha256"])) == ("xlam", "xlam.json", 64)
    assert [(output["file"], output["rows"]) for output in manifest["outputs"]] == [
        ("train.parquet", 1),
        ("heldout.parquet", 0),
    ]
    assert str(tmp_path) not in json.dumps(manifest)


def test_everything_that_is_left_is_the_same_the_next_time(tmp_path, xlam, toolace):
    arguments = ["--source", xlam, "--source", toolace, "--out"]
    assert run(*arguments, tmp_path / "first").exit_code == 0
    subprocess.run([*PREPARE, *arguments, tmp_path / "second"], check=True, capture_output=True, timeout=TIMEOUT_S)
    for file in ("train.parquet", "heldout.parquet", "report.json", "manifest.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_the_report_as_json_stands_alone_on_standard_output(tmp_path, xlam):
    result = run("--source", xlam, "--out", tmp_path / "out", "--json")
    assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "report.json").read_text())
    assert "Sources" in result.stderr


def test_too_few_rows_kept_is_exit_code_1(tmp_path, xlam):
    result = run("--source", xlam, "--out", tmp_path / "out", "--require-kept", "0.9")
    assert result.exit_code == 1
    assert "50.0% of the rows found were kept" in result.stdout
    assert (tmp_path / "out" / "train.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "xlam"], "NAME=PLACE"),
        (["--source", "xlam="], "NAME=PLACE"),
        (["--source", "nothing=x"], "toolace"),
        (["--source", "xlam=x", "--recipe", "stricter"], "there is no recipe"),
        (["--source", "xlam=x", "--heldout-share", "2"], "--heldout-share"),
        ([], "--source"),
    ],
    ids=str,
)
def test_wrong_usage_is_exit_code_2(tmp_path, arguments, message):
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_file_that_cannot_be_read_is_exit_code_3_and_leaves_what_was_there(tmp_path, xlam):
    run("--source", xlam, "--out", tmp_path / "out")
    before = (tmp_path / "out" / "train.parquet").read_bytes()
    (tmp_path / "broken.json").write_text('[{"id": 1}, {', encoding="utf-8")
    for place in (tmp_path / "broken.json", tmp_path / "missing.json"):
        result = run("--source", f"xlam={place}", "--out", tmp_path / "out")
        assert result.exit_code == 3
        assert str(place) in result.stdout
        assert isinstance(result.exception, SystemExit)
    assert (tmp_path / "out" / "train.parquet").read_bytes() == before


def test_a_folder_that_cannot_be_written_to_is_exit_code_3(tmp_path, xlam):
    (tmp_path / "file").touch()
    result = run("--source", xlam, "--out", tmp_path / "file" / "out")
    assert result.exit_code == 3
    assert isinstance(result.exception, SystemExit)


def test_an_interrupted_run_is_exit_code_130_and_leaves_nothing(tmp_path):
    os.mkfifo(tmp_path / "slow")
    process = subprocess.Popen(
        [*PREPARE, f"--source=xlam={tmp_path / 'slow'}", f"--out={tmp_path / 'out'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process, (tmp_path / "slow").open("w", encoding="utf-8") as slow:
        # Opening waits for the reader, so the run has begun.
        slow.write("[")
        slow.flush()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert said == "goodcall-train: interrupted; no rows were written\n"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_dataset_of_the_hub_is_read_through_datasets(tmp_path):
    """A folder stands in for the hub: `datasets` takes both by the same name."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "train.jsonl").write_text(json.dumps(XLAM), encoding="utf-8")
    program = (
        "import sys; from goodcall_trainer.prepare.records import SourceUnusable, read_records;"
        "print(*(record['id'] for record in read_records(sys.argv[1])))\n"
        "try: list(read_records(sys.argv[2]))\n"
        "except SourceUnusable as error: print(error)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, f"hub:{folder}#train", f"hub:{tmp_path}/none"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")},
    )
    found, missing = result.stdout.splitlines()
    assert found == "7"
    assert missing.startswith(f"hub:{tmp_path}/none: ")


def test_preparing_imports_neither_torch_nor_the_service(tmp_path, xlam):
    program = (
        "import sys, typer.testing; from goodcall_trainer.cli import app;"
        "result = typer.testing.CliRunner().invoke(app, sys.argv[1:]);"
        "assert result.exit_code == 0, result.output;"
        "print(sorted({'torch', 'transformers', 'trl', 'datasets', 'goodcall'} & set(sys.modules)))"
    )
    arguments = ["prepare", "--source", xlam, "--out", str(tmp_path / "out")]
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_benchmark_removes_what_it_asks(tmp_path):
    (tmp_path / "questions.json").write_text(json.dumps(BFCL), encoding="utf-8")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({**PLAIN, "query": BFCL["question"][0][0]["content"]}), encoding="utf-8")
    result = run("--source", f"rows={rows}", "--out", tmp_path, "--benchmark", tmp_path / "questions.json")
    assert "contaminated" in result.stdout
    assert "not compared" not in result.stdout


# What docs/prepare.md says of real data.


def test_the_rows_of_rlla_that_docs_tell_of(tmp_path):
    result = run("--source", f"rlla={dataset('rlla')}", "--out", tmp_path, "--json", "--benchmark", dataset("bfcl"))
    report = json.loads(result.stdout)
    assert report["rows"] == {"records": 480, "found": 480, "added": 0, "removed": 149, "train": 288, "heldout": 43}
    assert report["sources"]["rlla"]["removed"] == {
        "argument_type_wrong": 80,
        "answer_in_words": 63,
        "tool_unknown": 2,
        "argument_unknown": 2,
        "tools_ambiguous": 1,
        "duplicate": 1,
    }


def test_the_questions_of_bfcl_that_docs_tell_of(tmp_path):
    result = run("--source", f"bfcl={dataset('bfcl')}", "--out", tmp_path, "--json")
    report = json.loads(result.stdout)
    assert report["rows"]["records"] == 3641
    assert report["sources"]["bfcl"]["no_call"] == 1121
    assert report["notes"]["several_answers"]["rows"] == 1447

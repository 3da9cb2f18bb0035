"""The check for GPUs, as far as a machine without one goes."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "trainer" / "gpu_check"


def test_the_small_check_trains_twice_and_prints_its_table(tmp_path: Path) -> None:
    out = tmp_path / "check"
    command = [sys.executable, str(SCRIPT), "--small", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (out / "table.md").read_text()
    cells = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()]
    rows = dict(row for row in cells if len(row) == 2)
    assert {"0", "4"} <= rows.keys(), "held-out shares before the first step and after the last"
    assert float(rows["generation, completion tokens a second"].replace(",", "")) > 0
    assert rows["of that, waiting for rewards"].endswith("%")
    assert (out / "grpo" / "policy" / "model.safetensors").exists()


def test_a_check_does_not_go_on_in_the_folder_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(SCRIPT))["main"]
    with pytest.raises(SystemExit) as refused:
        main(["--small", "--out", str(tmp_path)])
    assert refused.value.code == 2
    assert "take another --out" in capsys.readouterr().err

"""The built wheels: what is in them, and that the verifier needs no web framework."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from suites import REPOSITORY

TIMEOUT_S = 120
COMPILER = (sysconfig.get_config_var("CC") or "cc").split()[0]
NEEDED_BY_THE_VERIFIER = ("msgspec", "jsonschema-rs")

SCORE_GOLDEN_CASES = """
import importlib, json, sys
import goodcall
wrong = []
for line in open(sys.argv[1], encoding="utf-8"):
    case = json.loads(line)
    if isinstance(case["completion"], str) and case["ground_truth"] is not None:
        verdict = goodcall.score(
            case["completion"], tools=case.get("tools"), ground_truth=case["ground_truth"],
            assistant_prefix=case.get("assistant_prefix", ""),
        )
        if (verdict.score, verdict.reason) != (case["score"], case["reason"]):
            wrong.append(case["id"])
importable = []
for module in ("fastapi", "starlette", "uvicorn", "httpx", "torch", "pydantic", "typer"):
    try:
        importlib.import_module(module)
        importable.append(module)
    except ImportError:
        pass
print(json.dumps({"wrong": wrong, "importable": importable, "from": goodcall.__file__}))
"""


@pytest.fixture(scope="module", params=["service", "client", "trainer"])
def wheel(request, tmp_path_factory):
    """The wheel of one distribution, built from the checkout without asking any registry."""
    return build(request.param, tmp_path_factory.mktemp(request.param))


def build(distribution, target, **environment):
    # From a copy: a build must not leave anything in the checkout, nor find there what another one left.
    source = target / "source"
    left_behind = shutil.ignore_patterns("__pycache__", "build", "*.egg-info", "*.so")
    shutil.copytree(REPOSITORY / distribution, source, ignore=left_behind)
    backend = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["build-backend"]
    command = [sys.executable, "-c", f"import {backend} as backend; backend.build_wheel({str(target)!r})"]
    subprocess.run(
        command, cwd=source, env=os.environ | environment, check=True, capture_output=True, timeout=TIMEOUT_S
    )
    [wheel] = target.glob("*.whl")
    return wheel


def test_a_wheel_holds_one_typed_package_and_its_version(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        package, version = wheel.name.split("-")[:2]
        assert {name.split("/")[0] for name in names} == {package, f"{package}-{version}.dist-info"}
        assert f"{package}/py.typed" in names
        code = archive.read(f"{package}/__init__.py").decode()
        about = archive.read(f"{package}-{version}.dist-info/METADATA").decode()
    assert version == metadata.version(package)
    assert "License-Expression: Apache-2.0" in about
    assert "torch" not in about or package == "goodcall_trainer"
    assert code.startswith('"""')


@pytest.mark.parametrize("environment", [{}, {"PURE_PYTHON": "1"}], ids=["compiled", "pure"])
def test_the_verifier_scores_the_golden_cases_where_no_web_framework_is(tmp_path, environment):
    site = tmp_path / "site"
    with zipfile.ZipFile(build("service", tmp_path, **environment)) as archive:
        archive.extractall(site)
    for distribution in NEEDED_BY_THE_VERIFIER:
        copy_installed(distribution, site)
    golden = REPOSITORY / "tests" / "golden" / "tool_n1_hardened.jsonl"
    # Isolated and without site-packages: nothing is importable but the standard library and what lies in `site`.
    bootstrap = f"import sys; sys.path.append({str(site)!r}); exec(sys.stdin.read())"
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", bootstrap, str(golden)],
        input=SCORE_GOLDEN_CASES,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report == {"wrong": [], "importable": [], "from": str(site / "goodcall" / "__init__.py")}


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason="there is no C compiler")
def test_the_compiled_module_is_in_the_wheel_and_its_source_is_not(tmp_path):
    names = files_of(build("service", tmp_path))
    assert [name for name in names if "_native" in name] == [
        f"goodcall/_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    ]


@pytest.mark.parametrize("environment", [{"PURE_PYTHON": "1"}, {"CC": "/nowhere/cc"}])
def test_the_service_is_built_without_the_compiled_module_on_demand_and_without_a_compiler(tmp_path, environment):
    names = files_of(build("service", tmp_path, **environment))
    assert "goodcall/native.py" in names
    assert not any("_native" in name for name in names)


def test_a_pure_wheel_is_for_every_machine(tmp_path):
    assert build("service", tmp_path, PURE_PYTHON="1").name.endswith("-py3-none-any.whl")


def files_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def copy_installed(distribution, target):
    """The files of an installed distribution, and nothing of what it might depend on."""
    root = Path(sysconfig.get_path("platlib"))
    for file in metadata.files(distribution):
        source = root / file
        if ".." not in file.parts and source.is_file():
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / file)

"""The workflows, and what a tag releases."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from suites import REPOSITORY

WORKFLOWS = {
    path.stem: path.read_text(encoding="utf-8") for path in (REPOSITORY / ".github" / "workflows").glob("*.yml")
}
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
CHECK = REPOSITORY / "deploy" / "check_release.py"
DISTRIBUTIONS = {"goodcall": "service", "goodcall-client": "client", "goodcall-trainer": "trainer"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_their_commit_and_say_which_version_that_is(name):
    used = re.findall(r"uses: (.*)", WORKFLOWS[name])
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_an_action_has_one_version():
    used = {line for text in WORKFLOWS.values() for line in re.findall(r"uses: (.*)", text)}
    assert len(used) == len({line.partition("@")[0] for line in used})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_jobs_have_no_rights_but_those_they_name_and_an_end(name):
    workflow = yaml.safe_load(WORKFLOWS[name])
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"] <= 120
        assert "latest" not in job["runs-on"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_workflows_run_is_there(name):
    for target in re.findall(r"\bmake ([\w-]+)", WORKFLOWS[name]):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    for path in re.findall(r"\bdeploy/[\w./-]*\w", WORKFLOWS[name]):
        matches = [*REPOSITORY.glob(path.rstrip("-") + "*")]
        assert matches, path


@pytest.mark.parametrize("name", ["README.md", "docs/deployment.md", "docs/releasing.md", "docs/operations.md"])
def test_what_the_documents_name_is_there(name):
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    for path in re.findall(r"\b(?:deploy|tests/deploy)/[\w./-]*\w", text):
        assert (REPOSITORY / path).exists() or [*REPOSITORY.glob(f"{path}*")], path
    for target in re.findall(r"`make ([\w-]+)`", text):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_every_supported_python_is_tested():
    tested = yaml.safe_load(WORKFLOWS["ci"])["jobs"]["test"]["strategy"]["matrix"]["python"]
    for folder in DISTRIBUTIONS.values():
        project = tomllib.loads((REPOSITORY / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        supported = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
        assert supported == tested


def test_tools_have_the_versions_of_make_test_deploy():
    pinned = dict(
        re.findall(r"^([\w-]+)==(\S+)$", (REPOSITORY / "tests/deploy/requirements.txt").read_text(), re.MULTILINE)
    )
    for text in WORKFLOWS.values():
        assert set(re.findall(r"\buv==([\d.]+)", text)) <= {pinned["uv"]}


def test_every_distribution_has_a_tag_of_its_own():
    tags = yaml.safe_load(WORKFLOWS["release"])[True]["push"]["tags"]  # YAML 1.1 takes `on` for true
    assert tags == [f"{name}-v*" for name in DISTRIBUTIONS]


def check(tag, script=CHECK):
    return subprocess.run([sys.executable, script, tag], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("name", "folder"), DISTRIBUTIONS.items())
def test_a_tag_releases_what_is_ready(name, folder, tmp_path):
    script = _tree(tmp_path, folder, version="1.2.0", changelog="## [1.2.0] - 2026-02-01\n")
    done = check(f"{name}-v1.2.0", script)
    assert (done.returncode, done.stdout) == (0, f"{folder}\n")


@pytest.mark.parametrize(
    ("tag", "changelog", "words"),
    [
        ("v1.2.0", "## [1.2.0] - 2026-02-01\n", "goodcall-vVERSION"),
        ("goodcall-v1.2", "## [1.2.0] - 2026-02-01\n", "goodcall-vVERSION"),
        ("goodcall-v1.3.0", "## [1.2.0] - 2026-02-01\n", "says 1.2.0, and the tag 1.3.0"),
        ("goodcall-v1.2.0", "## [1.2.0] - unreleased\n", "YYYY-MM-DD"),
        ("goodcall-v1.2.0", "## [1X2X0] - 2026-02-01\n", "YYYY-MM-DD"),
    ],
)
def test_a_tag_that_is_not_ready_is_refused_with_a_reason(tag, changelog, words, tmp_path):
    script = _tree(tmp_path, "service", version="1.2.0", changelog=changelog)
    done = check(tag, script)
    assert done.returncode == 1
    assert words in done.stderr


def _tree(root, folder, version, changelog):
    """A tree with one distribution, and the script in its place there."""
    (root / folder).mkdir()
    (root / "deploy").mkdir()
    (root / folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n', encoding="utf-8")
    (root / folder / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    script = root / "deploy" / CHECK.name
    script.write_bytes(CHECK.read_bytes())
    return script


@pytest.mark.parametrize("name", ["lock", "kind-smoke", "prometheus/as-resource"])
def test_scripts_are_well_formed_and_may_be_run(name):
    script = REPOSITORY / "deploy" / name
    assert script.stat().st_mode & 0o111
    subprocess.run(["/usr/bin/env", "bash", "-n", script], check=True, timeout=60)

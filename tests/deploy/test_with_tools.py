"""What others' programs say of the manifests, alerts, Dockerfiles and workflows."""

import json
import os
import re

import pytest
import yaml

from deploy.manifests import Manifests, render, rendered_text
from deploy.tools import from_the_system, installed, run
from suites import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
FOLDERS = ["overlays/dev", "overlays/prod", "training/colocated", "training/server"]
VERSIONS = ["1.33", "1.34", "1.35", "1.36", "1.37"]
# As a release names them; the tree has tags, for a digest is known only once an image is built.
DIGEST = "@sha256:" + "0" * 64
UNWANTED = {
    "CKV_K8S_8": "a trainer serves nothing that could be asked whether it lives; its guards end it",
    "CKV_K8S_9": "nor whether it is ready",
    "CKV_K8S_11": "a limit of CPU stops what feeds the GPUs",
    "CKV_K8S_15": "the image is named by its digest",
    "CKV_K8S_35": "the trainer reads its key from its environment, as clients do",
}
"""What checkov would have of the pods of a run, and why it does not get it."""
CHECKOV = ("--compact", "--skip-download", "--output", "json")


def as_released(folder):
    """The manifests with images named by digests."""
    return re.sub(r"(image: [\w./-]+):[\w.-]+$", rf"\1{DIGEST}", rendered_text(folder), flags=re.MULTILINE)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_manifests_are_valid_under_five_minor_versions_of_kubernetes(folder, version, tmp_path):
    manifests = tmp_path / "all.yaml"
    manifests.write_text(rendered_text(folder), encoding="utf-8")
    done = run(installed("kubernetes-validate"), "--strict", "--no-warn", "--quiet", "-k", version, manifests)
    assert (done.returncode, done.stdout) == (0, "")


def test_kubernetes_validate_notices_a_misspelt_field(tmp_path):
    manifests = tmp_path / "all.yaml"
    manifests.write_text(rendered_text("overlays/prod").replace("seccompProfile", "secompProfile"), encoding="utf-8")
    assert run(installed("kubernetes-validate"), "--strict", "--quiet", "-k", VERSIONS[-1], manifests).returncode


@pytest.mark.parametrize("folder", FOLDERS)
def test_checkov_fails_nothing_and_skips_with_reasons(folder, tmp_path):
    manifests = tmp_path / "all.yaml"
    manifests.write_text(as_released(folder), encoding="utf-8")
    found = _checkov("--framework", "kubernetes", "--file", manifests)
    assert _names(found["failed_checks"]) == set()
    assert all(one["check_result"]["suppress_comment"] for one in found["skipped_checks"])
    assert found["passed_checks"]


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder.startswith("training/")])
def test_checkov_fails_nothing_in_the_pods_of_custom_resources_but_what_has_a_reason(folder, tmp_path):
    namespace = render(folder).the("Namespace")["metadata"]["name"]
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{i}", "namespace": namespace}, "spec": spec}
        for i, (_, spec) in enumerate(Manifests([*yaml.safe_load_all(as_released(folder))]).pods())
    ]
    manifests = tmp_path / "pods.yaml"
    manifests.write_text(f"{as_released(folder)}---\n{yaml.safe_dump_all(pods)}", encoding="utf-8")
    found = _checkov("--framework", "kubernetes", "--file", manifests)
    assert _names(found["failed_checks"]) - UNWANTED.keys() == set()
    assert len(found["passed_checks"]) > 60 * len(pods)


def _names(checks):
    return {one["check_id"] for one in checks}


def _checkov(*options):
    done = run(installed("checkov"), *options, *CHECKOV, env=os.environ | {"BC_SKIP_MAPPING": "TRUE"})
    return json.loads(done.stdout[done.stdout.index("{") :])["results"]


@pytest.mark.parametrize("name", ["service", "trainer"])
def test_checkov_fails_nothing_of_the_dockerfiles(name):
    found = _checkov("--framework", "dockerfile", "--file", DEPLOY / f"{name}.Dockerfile")
    assert [(one["check_id"], one["check_name"]) for one in found["failed_checks"]] == []
    assert found["skipped_checks"] == []
    assert found["passed_checks"]


def test_alerts_come_when_they_should_and_only_then():
    promtool = from_the_system("promtool", "prometheus")
    assert "SUCCESS: 10 rules found" in run(promtool, "check", "rules", DEPLOY / "prometheus" / "rules.yaml").stdout
    done = run(promtool, "test", "rules", DEPLOY / "prometheus" / "rules_test.yaml")
    assert done.returncode == 0, done.stdout


def test_every_alert_has_a_unit_test():
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    tests = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yaml").read_text(encoding="utf-8"))["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one.get("exp_alerts")}
    silent = {one["alertname"] for test in tests for one in test["alert_rule_test"] if not one.get("exp_alerts")}
    assert fired == silent == {rule["alert"] for rule in rules}


def test_the_configuration_of_prometheus_on_a_laptop_is_valid():
    done = run(from_the_system("promtool", "prometheus"), "check", "config", DEPLOY / "prometheus" / "prometheus.yaml")
    assert done.returncode == 0, done.stdout


def test_zizmor_finds_nothing_in_the_workflows():
    done = run(installed("zizmor"), "--offline", "--no-progress", "--persona", "pedantic", REPOSITORY / ".github")
    assert done.returncode == 0, done.stdout

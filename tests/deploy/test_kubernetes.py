"""The manifests: what they keep to, and that a mistake in them is noticed."""

import shutil

import pytest
import yaml

from deploy.custom_resources import faults, known_groups
from deploy.manifests import KUBERNETES, render
from deploy.rules import POD_RULES
from deploy.service_rules import PRODUCTION_RULES, SERVICE_RULES
from deploy.training_rules import TRAINING_RULES
from deploy.weakenings import WEAKENINGS
from suites import REPOSITORY

RULES_OF = {
    "overlays/dev": POD_RULES + SERVICE_RULES,
    "overlays/prod": POD_RULES + SERVICE_RULES + PRODUCTION_RULES,
    "training/colocated": POD_RULES + TRAINING_RULES,
    "training/server": POD_RULES + TRAINING_RULES,
}
OPT_IN = ("keda", "external-keys", "route")


@pytest.mark.parametrize(
    ("folder", "rule"),
    [(folder, rule) for folder, rules in RULES_OF.items() for rule in rules],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_manifests_keep_to_the_rules(folder, rule):
    assert [*rule(render(folder))] == []


@pytest.mark.parametrize("weakening", WEAKENINGS, ids=lambda weakening: weakening.what)
def test_a_weakening_is_noticed(weakening):
    assert weakening.applied() != render(weakening.folder)
    assert [*weakening.noticed_by(weakening.applied())]


def test_every_rule_notices_something():
    unused = {rule for rules in RULES_OF.values() for rule in rules} - {one.noticed_by for one in WEAKENINGS}
    assert not unused


def test_all_overlays_are_held_to_rules():
    folders = {
        f"{path.parent.parent.name}/{path.parent.name}" for path in KUBERNETES.glob("overlays/*/kustomization.yaml")
    }
    folders |= {f"training/{path.parent.name}" for path in KUBERNETES.glob("training/*/kustomization.yaml")}
    assert folders - {"training/base"} == RULES_OF.keys()


@pytest.mark.parametrize("folder", RULES_OF)
def test_custom_resources_are_valid_under_their_published_schemas(folder):
    custom = [found for found in render(folder).objects if found["apiVersion"].partition("/")[0] in known_groups()]
    assert {found["kind"]: faults(found) for found in custom} == {found["kind"]: [] for found in custom}
    assert bool(custom) is (folder != "overlays/dev")


def test_a_misspelt_field_of_a_custom_resource_is_noticed():
    job = render("training/colocated").the("TrainJob")
    assert faults({**job, "spec": {**job["spec"], "trainers": {}}})
    runtime = render("training/colocated").weakened("TrainingRuntime", ("spec", "mlPolicy", "numNodes"), "four")
    assert faults(runtime.the("TrainingRuntime"))


@pytest.mark.parametrize("component", OPT_IN)
def test_an_optional_component_fits_the_production_overlay(component, tmp_path):
    rendered = _with_component(component, tmp_path)
    assert [fault for rule in POD_RULES + SERVICE_RULES for fault in rule(rendered)] == []
    custom = [found for found in rendered.objects if found["apiVersion"].partition("/")[0] in known_groups()]
    assert [fault for found in custom for fault in faults(found)] == []


def _with_component(component, folder):
    """The production overlay with one component more, in a copy, for other tests look at what overlays there are."""
    for name in ("kubernetes", "grafana"):
        shutil.copytree(REPOSITORY / "deploy" / name, folder / name)
    overlay = folder / "kubernetes" / "overlays" / "prod"
    kustomization = yaml.safe_load((overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    kustomization["components"].append(f"../../components/{component}")
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return render(str(overlay))


def test_the_rules_of_the_cluster_are_those_that_are_tested():
    tested = yaml.safe_load((REPOSITORY / "deploy" / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))
    in_cluster = render("overlays/prod").the("PrometheusRule")["spec"]
    assert in_cluster == tested, "`make documents` writes prometheusrule.yaml from rules.yaml"

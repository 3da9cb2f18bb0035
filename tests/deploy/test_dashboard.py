"""What Grafana and Prometheus ask for is what the service counts."""

import json
import re

import pytest
import yaml

from goodcall.web.metrics import Metrics
from suites import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
}
RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
SCALERS = {
    path: (DEPLOY / "kubernetes" / "components" / path).read_text(encoding="utf-8")
    for path in ("in-flight/adapter-rule.yaml", "keda/scaledobject.yaml")
}


def counted():
    """The names that series of a service can have."""
    types = re.findall(r"^# TYPE (\S+) (\S+)$", Metrics().exposition().decode(), re.MULTILINE)
    return {name for name, kind in types if kind != "histogram"} | {
        f"{name}_{part}" for name, kind in types if kind == "histogram" for part in ("bucket", "sum", "count")
    }


@pytest.mark.parametrize(
    "query",
    [*QUERIES.values(), *(rule["expr"] for rule in RULES), *SCALERS.values()],
    ids=[*QUERIES, *(rule["alert"] for rule in RULES), *SCALERS],
)
def test_every_metric_that_is_asked_for_is_counted(query):
    named = set(re.findall(r"goodcall_\w+", query)) - {"goodcall_completions_in_flight_peak"}
    assert named
    assert named <= counted()


def test_the_dashboard_shows_every_metric_that_is_counted():
    shown = {name for query in QUERIES.values() for name in re.findall(r"goodcall_\w+", query)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in counted()}
    assert families - {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} == set()


def test_every_alert_says_what_it_is_and_docs_say_what_to_do():
    operations = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert {"summary", "description"} <= rule["annotations"].keys()
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert f"`{rule['alert']}`" in operations


def test_panels_do_not_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])

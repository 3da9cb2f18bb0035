"""Every query of the dashboard and of the autoscalers, asked of a real Prometheus with a service under a small load."""

import json
import math
import socket
import subprocess
import time
from contextlib import closing, contextmanager

import httpx
import pytest
import yaml

from command_line import TIMEOUT_S, call, completion, goodcall, item
from deploy.test_dashboard import QUERIES, SCALERS
from deploy.tools import from_the_system
from serving import Connection, serving, until

NAMESPACE = "goodcall"
SCRAPE_S = 0.2
PATIENCE_S = 90
HACK = "<think></think><tool_call>" + json.dumps([call()]) + "</tool_call>"
"""Earns with the released reward and not with the hardened one."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A function that asks Prometheus a query, while a service is under a load of everything that can be counted."""
    binary, folder = from_the_system("prometheus", "prometheus"), tmp_path_factory.mktemp("prometheus")
    operator, team = _keys(folder / "keys")
    settings = {
        "GOODCALL_CACHE_BYTES": "20000",
        "GOODCALL_ALARM_SHARE": "1",
        "GOODCALL_MAX_REQUESTS_IN_FLIGHT": "1",
        "GOODCALL_KEYS_FILE": str(folder / "keys"),
    }
    with (
        serving(**settings) as (_, url),
        _scraping(binary, folder, url, operator) as prometheus_url,
        httpx.Client(trust_env=False, timeout=TIMEOUT_S) as http,
    ):

        def ask(query):
            _load(http, url, team)
            answer = http.get(f"{prometheus_url}/api/v1/query", params={"query": query}).json()
            assert answer["status"] == "success", answer
            return [float(series["value"][1]) for series in answer["data"]["result"]]

        yield ask


def _keys(path):
    return (
        goodcall("keys", "create", "--operator", "--file", path).stdout.strip(),
        goodcall("keys", "create", "blue", "--file", path).stdout.strip(),
    )


@contextmanager
def _scraping(binary, folder, url, key):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    target = {"targets": [url.removeprefix("http://")], "labels": {"namespace": NAMESPACE, "pod": "goodcall-0"}}
    job = {"job_name": "goodcall", "authorization": {"credentials": key}, "static_configs": [target]}
    interval = f"{SCRAPE_S * 1000:.0f}ms"
    configuration = {"global": {"scrape_interval": interval, "scrape_timeout": interval}, "scrape_configs": [job]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    process = subprocess.Popen(
        [
            binary,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=error",
        ]
    )
    try:
        _wait_until_ready(f"http://{address}/-/ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


def _wait_until_ready(url):
    patient_until = time.monotonic() + PATIENCE_S
    while time.monotonic() < patient_until:
        try:
            if httpx.get(url, trust_env=False, timeout=TIMEOUT_S).status_code == 200:
                return
        except httpx.ConnectError:
            continue
    pytest.fail("Prometheus did not begin")


def _load(http, url, key):
    """One of everything: verdicts good, bad, hacked and null, a task that was seen, many that were not, a refusal."""
    headers = {"Authorization": f"Bearer {key}"}
    fresh = [{"name": f"tool_{time.monotonic_ns()}_{number}", "parameters": {"type": "object"}} for number in range(20)]
    items = [item(completion(call()), completion(call("Rome")), HACK, "Sure!"), item("x", tools=[{"name": 1}])]
    items += [item(completion(call()), tools=[tool], ground_truth=[]) for tool in fresh]
    for body in ({"items": items}, {"items": [item("x")]}):
        assert http.post(f"{url}/score", json=body, headers=headers).status_code == 200
    until(lambda: _is_refused(http, url, headers))
    assert http.post(f"{url}/score", json={}).status_code == 401
    assert http.post(f"{url}/score", json={}, headers=headers).status_code == 422


def _is_refused(http, url, headers):
    """Whether a request is refused beside one that is not finished; the service may see the second one first."""
    body = json.dumps({"items": [item("x")]}).encode()
    with closing(Connection(url)) as unfinished:
        unfinished.putrequest("POST", "/score")
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            unfinished.putheader(name, value)
        unfinished.endheaders(body[:-1])
        return (
            http.post(f"{url}/score", content=body, headers={"Content-Type": "application/json", **headers}).status_code
            == 429
        )


def _adapter_query():
    (rule,) = yaml.safe_load(SCALERS["in-flight/adapter-rule.yaml"])
    series = rule["seriesQuery"].partition("{")[0]
    matchers = f'namespace="{NAMESPACE}",pod=~"goodcall-.*"'
    query = rule["metricsQuery"].replace("<<.Series>>", series).replace("<<.LabelMatchers>>", matchers)
    return query.replace("<<.GroupBy>>", "pod")


def _keda_query():
    triggers = yaml.safe_load(SCALERS["keda/scaledobject.yaml"])["spec"]["triggers"]
    return next(trigger["metadata"]["query"] for trigger in triggers if trigger["type"] == "prometheus")


@pytest.mark.parametrize(
    "query",
    [*QUERIES.values(), _adapter_query(), _keda_query()],
    ids=[*QUERIES, "prometheus-adapter", "KEDA"],
)
def test_a_query_finds_something(prometheus, query):
    # Grafana puts in four scrapes; a rate needs two of them.
    query = query.replace("$namespace", ".*").replace("$__rate_interval", f"{SCRAPE_S * 20:.0f}s")
    patient_until = time.monotonic() + PATIENCE_S
    found = []
    while not any(map(math.isfinite, found)) and time.monotonic() < patient_until:
        found = prometheus(query)
    assert any(map(math.isfinite, found)), f"{query} found {found}"

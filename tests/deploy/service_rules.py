"""What the service's manifests keep to beside what every pod does; times and sizes are added up from the settings."""

from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from deploy.manifests import Manifests, Object
from deploy.quantities import amount
from deploy.rules import Rule
from goodcall.web.auth import OPEN_PATHS
from goodcall.web.settings import InvalidSettings, Settings, load_settings

PROCESS_BYTES = 128 << 20
"""A service at rest and what a scored batch leaves behind: 72 to 85 MB in docs/overload.md, and half as much again."""
BYTES_OF_A_BODY_BYTE = 5
"""A body while it is scored: its bytes, and the texts that are read out of them, four bytes a character where one of
them is beyond the first 65,536. test_memory_live.py measures it."""
PROBES = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
SLACK_S = 5
CLOSE_TO_A_SPIKE_S = 30


def settings_of(manifests: Manifests) -> Settings:
    """What the service would run with; a worker stands for as many as there are.

    Raises:
        InvalidSettings: it would not begin.
    """
    with pytest.MonkeyPatch.context() as environment:
        for name, value in manifests.the("ConfigMap", "goodcall-settings")["data"].items():
            environment.setenv(name, value)
        return load_settings()


def _container(manifests: Manifests) -> Object:
    return _pod(manifests)["containers"][0]


def _pod(manifests: Manifests) -> Object:
    return manifests.the("Deployment")["spec"]["template"]["spec"]


def begins_with_its_settings(manifests: Manifests) -> Iterator[str]:
    try:
        settings = settings_of(manifests)
    except InvalidSettings as error:
        yield f"the service would not begin: {error}"
        return
    if settings.host != "0.0.0.0":  # noqa: S104 - a pod's address is not known before
        yield f"the service would listen on {settings.host}, where no probe reaches it"
    names = [source["configMapRef"]["name"] for source in _container(manifests).get("envFrom", [])]
    if manifests.the("ConfigMap", "goodcall-settings")["metadata"]["name"] not in names:
        yield "the pod takes its settings from elsewhere"


def listens_where_it_is_looked_for(manifests: Manifests) -> Iterator[str]:
    ports = {port["name"]: port["containerPort"] for port in _container(manifests)["ports"]}
    listening = int(manifests.the("ConfigMap", "goodcall-settings")["data"]["GOODCALL_PORT"])
    if ports.get("http") != listening:
        yield f"port http is {ports.get('http')}, and the service listens on {listening}"
    service = manifests.the("Service")["spec"]
    labels = manifests.the("Deployment")["spec"]["template"]["metadata"]["labels"]
    if not service["selector"].items() <= labels.items() or not service["selector"]:
        yield "the Service selects other pods"
    if service["ports"][0]["targetPort"] not in (*ports, listening):
        yield f"the Service leads to port {service['ports'][0]['targetPort']}, which nobody has"


def is_probed_in_three_ways(manifests: Manifests) -> Iterator[str]:
    ports = {port["name"]: port["containerPort"] for port in _container(manifests)["ports"]}
    for name, path in PROBES.items():
        get = _container(manifests).get(name, {}).get("httpGet")
        if not get:
            yield f"there is no {name}"
        elif get["port"] not in (*ports, *ports.values()):
            yield f"{name} asks at port {get['port']}, where nobody listens"
        elif get["path"] != path or path not in OPEN_PATHS:
            yield f"{name} asks for {get['path']}, not for {path}"


def is_not_ended_for_being_busy(manifests: Manifests) -> Iterator[str]:
    probe = _container(manifests).get("livenessProbe", {})
    if probe.get("failureThreshold", 3) * probe.get("periodSeconds", 10) < CLOSE_TO_A_SPIKE_S:
        yield "a pause of the service would be taken for its death"


def ends_within_its_grace(manifests: Manifests) -> Iterator[str]:
    pod, settings = _pod(manifests), settings_of(manifests)
    before_signal_s = _container(manifests).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if before_signal_s < SLACK_S or settings.drain_delay_s < SLACK_S:
        yield "balancers have no time to learn of the end, or kept-alive connections none to be closed"
    needed_s = before_signal_s + settings.drain_delay_s + settings.request_deadline_s + settings.body_timeout_s
    if pod.get("terminationGracePeriodSeconds", 30) < needed_s + SLACK_S:
        yield f"what is in flight may take {needed_s:g} s to finish, and the pod is killed before that and {SLACK_S} s"


def bytes_of_a_worker(settings: Settings) -> int:
    """The most memory that one worker takes."""
    # Teams that come while others have it all get their share beside it: twice the limit at most.
    bodies = settings.max_bytes_in_flight + max(settings.max_bytes_in_flight, settings.max_body_bytes)
    return PROCESS_BYTES + settings.cache_bytes + bodies * BYTES_OF_A_BODY_BYTE


def has_memory_for_what_it_admits(manifests: Manifests) -> Iterator[str]:
    one_worker = bytes_of_a_worker(settings_of(manifests))
    limit = amount(_container(manifests)["resources"]["limits"]["memory"])
    workers = -(-amount(_container(manifests)["resources"]["requests"]["cpu"]) // 1)
    if limit < one_worker * workers:
        yield f"{one_worker * workers / 2**20:.0f} MiB may be in use, and {limit / 2**20:.0f} MiB are the limit"


def has_a_worker_for_each_core(manifests: Manifests) -> Iterator[str]:
    for variable in _container(manifests).get("env", []):
        reference = variable.get("valueFrom", {}).get("resourceFieldRef", {})
        if variable["name"] == "GOODCALL_WORKERS" and reference.get("resource") == "requests.cpu":
            return
    yield "the number of workers is not that of the cores that are requested"


def may_use_an_idle_core(manifests: Manifests) -> Iterator[str]:
    if "cpu" in _container(manifests)["resources"]["limits"]:
        yield "a limit of CPU stops a pod in the middle of a spike"


def rolls_out_without_a_gap(manifests: Manifests) -> Iterator[str]:
    rolling = manifests.the("Deployment")["spec"].get("strategy", {}).get("rollingUpdate", {})
    if rolling.get("maxUnavailable") != 0 or not rolling.get("maxSurge"):
        yield "a rollout takes a pod away before there is another"


def spreads_over_nodes_and_zones(manifests: Manifests) -> Iterator[str]:
    spread = {one["topologyKey"]: one for one in _pod(manifests).get("topologySpreadConstraints", [])}
    if not {"kubernetes.io/hostname", "topology.kubernetes.io/zone"} <= spread.keys():
        yield "all pods may be on one node, or in one zone"
    if any(one["whenUnsatisfiable"] != "ScheduleAnyway" for one in spread.values()):
        yield "a pod may wait for a node that never comes"


def is_reached_by_those_who_may(manifests: Manifests) -> Iterator[str]:
    policy = manifests.the("NetworkPolicy", "goodcall")["spec"]
    if any(allowed["ports"] != [{"protocol": "TCP", "port": "http"}] for allowed in policy["ingress"]):
        yield "callers may ask at other ports than the service's"
    peers = [peer["namespaceSelector"]["matchLabels"] for allowed in policy["ingress"] for peer in allowed["from"]]
    if {"goodcall-client": "true"} not in peers:
        yield "trainers can't reach the service"


def asks_for_names_only(manifests: Manifests) -> Iterator[str]:
    dns = {"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"}
    for policy in manifests.of_kind("NetworkPolicy"):
        for allowed in policy["spec"].get("egress") or []:
            found = [
                (peer["namespaceSelector"]["matchLabels"], peer["podSelector"]["matchLabels"]) for peer in allowed["to"]
            ]
            if found != [dns] or {port["port"] for port in allowed["ports"]} != {53}:
                yield f"{policy['metadata']['name']} lets the service ask for more than names"


def asks_for_keys(manifests: Manifests) -> Iterator[str]:
    settings = settings_of(manifests)
    secrets = {volume["name"] for volume in _pod(manifests).get("volumes", []) if "secret" in volume}
    folders = {m["mountPath"] for m in _container(manifests)["volumeMounts"] if m["name"] in secrets}
    if settings.no_auth or not settings.keys_file:
        yield "everybody may ask"
    elif str(PurePosixPath(settings.keys_file).parent) not in folders:
        yield f"{settings.keys_file} does not come from a Secret"


def outlives_the_loss_of_a_pod(manifests: Manifests) -> Iterator[str]:
    scaler, budget = manifests.of_kind("HorizontalPodAutoscaler"), manifests.of_kind("PodDisruptionBudget")
    if not scaler or scaler[0]["spec"]["minReplicas"] < 3:
        yield "there are fewer than three pods"
    if "replicas" in manifests.the("Deployment")["spec"]:
        yield "every apply sets back the number of pods that the autoscaler has chosen"
    if not budget or budget[0]["spec"].get("maxUnavailable") != 1:
        yield "draining nodes may take several pods at once, or none at all"
    elif budget[0]["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
        yield "a broken pod holds up the draining of its node"


def scales_with_the_work(manifests: Manifests) -> Iterator[str]:
    scaler = manifests.the("HorizontalPodAutoscaler")["spec"]
    metrics = {metric["type"]: metric for metric in scaler["metrics"]}
    if metrics.get("Resource", {}).get("resource", {}).get("target", {}).get("averageUtilization") != 70:
        yield "it does not scale on CPU"
    pods = metrics.get("Pods", {}).get("pods", {"metric": {"name": ""}, "target": {"averageValue": 0}})
    if not pods["metric"]["name"].startswith("goodcall_completions_in_flight"):
        yield "it does not scale on completions in flight"
    elif amount(pods["target"]["averageValue"]) > settings_of(manifests).max_completions_in_flight / 4:
        yield "its pods refuse what should have made it scale"
    if scaler.get("behavior", {}).get("scaleDown", {}).get("stabilizationWindowSeconds", 0) < 300:
        yield "between two steps of a run it gives its pods back"
    if scaler["scaleTargetRef"]["name"] != manifests.the("Deployment")["metadata"]["name"]:
        yield "it scales something else"


def is_watched(manifests: Manifests) -> Iterator[str]:
    monitor, service = manifests.the("ServiceMonitor")["spec"], manifests.the("Service")
    if not monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items():
        yield "Prometheus looks for another Service"
    for endpoint in monitor["endpoints"]:
        if (
            endpoint["port"] not in {port["name"] for port in service["spec"]["ports"]}
            or endpoint["path"] != "/metrics"
        ):
            yield "Prometheus asks at another port or path"
        if "credentials" not in endpoint.get("authorization", {}):
            yield "Prometheus has no operator's key to show"


SERVICE_RULES: tuple[Rule, ...] = (
    begins_with_its_settings,
    listens_where_it_is_looked_for,
    is_probed_in_three_ways,
    is_not_ended_for_being_busy,
    ends_within_its_grace,
    has_memory_for_what_it_admits,
    has_a_worker_for_each_core,
    may_use_an_idle_core,
    rolls_out_without_a_gap,
    spreads_over_nodes_and_zones,
    is_reached_by_those_who_may,
    asks_for_names_only,
)
PRODUCTION_RULES: tuple[Rule, ...] = (
    asks_for_keys,
    outlives_the_loss_of_a_pod,
    scales_with_the_work,
    is_watched,
)

"""Deliberate mistakes, each with the rule that is to notice it."""

from dataclasses import dataclass
from typing import Any

from deploy import rules, service_rules, training_rules
from deploy.manifests import Manifests, render
from deploy.rules import Rule

POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
SETTINGS = ("data",)
RUNTIME_POD = ("spec", "template", "spec", "replicatedJobs", 0, "template", "spec", "template", "spec")
SERVER_POD = ("spec", "replicatedJobs", 0, "template", "spec", "template", "spec")
TRAINER_POD = ("spec", "replicatedJobs", 1, "template", "spec", "template", "spec")
PROD, COLOCATED, SERVER = "overlays/prod", "training/colocated", "training/server"
GONE = ...


@dataclass(frozen=True)
class Weakening:
    """One change of one folder's manifests, in words and as a path; ``GONE`` takes away what is there."""

    what: str
    noticed_by: Rule
    kind: str
    path: tuple[str | int, ...]
    value: Any
    folder: str = PROD

    def applied(self) -> Manifests:
        """The manifests with it."""
        return render(self.folder).weakened(self.kind, self.path, self.value)


WEAKENINGS = [
    Weakening("root", rules.runs_as_a_user_without_rights, "Deployment", (*POD, "securityContext", "runAsUser"), 0),
    Weakening(
        "a container that overrides its pod and may be root",
        rules.runs_as_a_user_without_rights,
        "Deployment",
        (*CONTAINER, "securityContext", "runAsNonRoot"),
        False,
    ),
    Weakening(
        "privilege escalation left to the default",
        rules.gains_no_privileges,
        "Deployment",
        (*CONTAINER, "securityContext", "allowPrivilegeEscalation"),
        GONE,
    ),
    Weakening(
        "a privileged container",
        rules.gains_no_privileges,
        "JobSet",
        (*SERVER_POD, "containers", 0, "securityContext", "privileged"),
        True,
        SERVER,
    ),
    Weakening(
        "a capability",
        rules.has_no_capabilities,
        "Deployment",
        (*CONTAINER, "securityContext", "capabilities", "add"),
        ["NET_ADMIN"],
    ),
    Weakening(
        "no seccomp profile",
        rules.is_held_to_few_system_calls,
        "Deployment",
        (*POD, "securityContext", "seccompProfile"),
        GONE,
    ),
    Weakening(
        "a root file system that can be written",
        rules.writes_nothing_of_its_image,
        "Deployment",
        (*CONTAINER, "securityContext", "readOnlyRootFilesystem"),
        False,
    ),
    Weakening("the node's network", rules.shares_nothing_with_its_node, "Deployment", (*POD, "hostNetwork"), True),
    Weakening(
        "a folder of the node",
        rules.shares_nothing_with_its_node,
        "TrainingRuntime",
        (*RUNTIME_POD, "volumes", 0),
        {"name": "runs", "hostPath": {"path": "/data"}},
        COLOCATED,
    ),
    Weakening(
        "no memory limit", rules.says_what_it_needs, "Deployment", (*CONTAINER, "resources", "limits", "memory"), GONE
    ),
    Weakening(
        "no CPU request", rules.says_what_it_needs, "Deployment", (*CONTAINER, "resources", "requests", "cpu"), GONE
    ),
    Weakening(
        "a token for the cluster's API",
        rules.takes_no_token_along,
        "Deployment",
        (*POD, "automountServiceAccountToken"),
        True,
    ),
    Weakening(
        "variables from Services, one of which is GOODCALL_PORT",
        rules.gets_no_variables_from_services,
        "Deployment",
        (*POD, "enableServiceLinks"),
        GONE,
    ),
    Weakening("the latest image", rules.names_one_image, "Deployment", (*CONTAINER, "image"), "ghcr.io/a/b:latest"),
    Weakening("an image without a tag", rules.names_one_image, "Deployment", (*CONTAINER, "image"), "ghcr.io:443/a/b"),
    Weakening("scratch space without an end", rules.fills_no_disk, "Deployment", (*POD, "volumes", 0, "emptyDir"), {}),
    Weakening(
        "keys mounted as one file, which never changes again",
        rules.sees_changed_secrets,
        "Deployment",
        (*CONTAINER, "volumeMounts", 1, "subPath"),
        "keys",
    ),
    Weakening(
        "a key written out",
        rules.holds_no_secret_itself,
        "TrainingRuntime",
        (*RUNTIME_POD, "containers", 0, "env", 1),
        {"name": "GOODCALL_API_KEY", "value": "goodcall_0"},
        COLOCATED,
    ),
    Weakening(
        "a namespace that enforces nothing",
        rules.lives_in_a_restricted_namespace,
        "Namespace",
        ("metadata", "labels", "pod-security.kubernetes.io/enforce"),
        "baseline",
    ),
    Weakening(
        "no default-deny",
        rules.lets_nothing_through_by_default,
        "NetworkPolicy",
        ("spec", "podSelector"),
        {"matchLabels": {"app.kubernetes.io/name": "goodcall"}},
    ),
    Weakening(
        "egress to anywhere",
        rules.opens_no_port_to_everybody,
        "NetworkPolicy",
        ("spec", "egress"),
        [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
    ),
    Weakening(
        "a misspelt setting",
        service_rules.begins_with_its_settings,
        "ConfigMap",
        (*SETTINGS, "GOODCALL_DRAIN_DELAYS"),
        "5",
    ),
    Weakening(
        "listening on loopback",
        service_rules.begins_with_its_settings,
        "ConfigMap",
        (*SETTINGS, "GOODCALL_HOST"),
        "127.0.0.1",
    ),
    Weakening(
        "another port than the pod's",
        service_rules.listens_where_it_is_looked_for,
        "ConfigMap",
        (*SETTINGS, "GOODCALL_PORT"),
        "8080",
    ),
    Weakening(
        "a Service that leads to a port of nobody's",
        service_rules.listens_where_it_is_looked_for,
        "Service",
        ("spec", "ports", 0, "targetPort"),
        8080,
    ),
    Weakening(
        "a Service that selects other pods",
        service_rules.listens_where_it_is_looked_for,
        "Service",
        ("spec", "selector"),
        {"app": "goodcall"},
    ),
    Weakening(
        "a probe on a wrong port",
        service_rules.is_probed_in_three_ways,
        "Deployment",
        (*CONTAINER, "readinessProbe", "httpGet", "port"),
        9090,
    ),
    Weakening(
        "liveness that fails while the pod drains",
        service_rules.is_probed_in_three_ways,
        "Deployment",
        (*CONTAINER, "livenessProbe", "httpGet", "path"),
        "/readyz",
    ),
    Weakening(
        "no startup probe", service_rules.is_probed_in_three_ways, "Deployment", (*CONTAINER, "startupProbe"), GONE
    ),
    Weakening(
        "liveness that gives up after a second",
        service_rules.is_not_ended_for_being_busy,
        "Deployment",
        (*CONTAINER, "livenessProbe", "failureThreshold"),
        1,
    ),
    Weakening(
        "a grace shorter than the drain",
        service_rules.ends_within_its_grace,
        "Deployment",
        (*POD, "terminationGracePeriodSeconds"),
        30,
    ),
    Weakening(
        "a deadline longer than the grace",
        service_rules.ends_within_its_grace,
        "ConfigMap",
        (*SETTINGS, "GOODCALL_REQUEST_DEADLINE_S"),
        "60",
    ),
    Weakening("no drain", service_rules.ends_within_its_grace, "ConfigMap", (*SETTINGS, "GOODCALL_DRAIN_DELAY_S"), "0"),
    Weakening("no preStop", service_rules.ends_within_its_grace, "Deployment", (*CONTAINER, "lifecycle"), GONE),
    Weakening(
        "a cache larger than the pod",
        service_rules.has_memory_for_what_it_admits,
        "ConfigMap",
        (*SETTINGS, "GOODCALL_CACHE_BYTES"),
        str(1 << 30),
    ),
    Weakening(
        "bodies in flight left to their default",
        service_rules.has_memory_for_what_it_admits,
        "ConfigMap",
        (*SETTINGS, "GOODCALL_MAX_BYTES_IN_FLIGHT"),
        GONE,
    ),
    Weakening(
        "more workers than cores",
        service_rules.has_a_worker_for_each_core,
        "Deployment",
        (*CONTAINER, "env", 0),
        {"name": "GOODCALL_WORKERS", "value": "8"},
    ),
    Weakening(
        "a CPU limit",
        service_rules.may_use_an_idle_core,
        "Deployment",
        (*CONTAINER, "resources", "limits", "cpu"),
        "1",
    ),
    Weakening(
        "a rollout that takes a pod away first",
        service_rules.rolls_out_without_a_gap,
        "Deployment",
        ("spec", "strategy", "rollingUpdate", "maxUnavailable"),
        1,
    ),
    Weakening(
        "all pods in one zone",
        service_rules.spreads_over_nodes_and_zones,
        "Deployment",
        (*POD, "topologySpreadConstraints", 1),
        GONE,
    ),
    Weakening(
        "a policy that names the Service's port",
        service_rules.is_reached_by_those_who_may,
        "NetworkPolicy",
        ("spec", "ingress"),
        [{"from": [{"namespaceSelector": {"matchLabels": {"goodcall-client": "true"}}}], "ports": [{"port": 80}]}],
    ),
    Weakening(
        "egress to a database",
        service_rules.asks_for_names_only,
        "NetworkPolicy",
        ("spec", "egress"),
        [
            {
                "to": [{"namespaceSelector": {"matchLabels": {"team": "data"}}, "podSelector": {"matchLabels": {}}}],
                "ports": [{"port": 5432}],
            }
        ],
    ),
    Weakening("no keys", service_rules.asks_for_keys, "ConfigMap", (*SETTINGS, "GOODCALL_KEYS_FILE"), GONE),
    Weakening(
        "keys from a folder that nothing is mounted on",
        service_rules.asks_for_keys,
        "ConfigMap",
        (*SETTINGS, "GOODCALL_KEYS_FILE"),
        "/keys/keys",
    ),
    Weakening(
        "a single pod",
        service_rules.outlives_the_loss_of_a_pod,
        "HorizontalPodAutoscaler",
        ("spec", "minReplicas"),
        1,
    ),
    Weakening(
        "a number of pods beside the autoscaler's",
        service_rules.outlives_the_loss_of_a_pod,
        "Deployment",
        ("spec", "replicas"),
        2,
    ),
    Weakening(
        "a budget that lets no node be drained",
        service_rules.outlives_the_loss_of_a_pod,
        "PodDisruptionBudget",
        ("spec", "maxUnavailable"),
        0,
    ),
    Weakening(
        "scaling on CPU alone",
        service_rules.scales_with_the_work,
        "HorizontalPodAutoscaler",
        ("spec", "metrics", 1),
        GONE,
    ),
    Weakening(
        "scaling when pods refuse already",
        service_rules.scales_with_the_work,
        "HorizontalPodAutoscaler",
        ("spec", "metrics", 1, "pods", "target", "averageValue"),
        "20k",
    ),
    Weakening(
        "pods given back between two steps",
        service_rules.scales_with_the_work,
        "HorizontalPodAutoscaler",
        ("spec", "behavior", "scaleDown", "stabilizationWindowSeconds"),
        0,
    ),
    Weakening(
        "a scrape without a key",
        service_rules.is_watched,
        "ServiceMonitor",
        ("spec", "endpoints", 0, "authorization"),
        GONE,
    ),
    Weakening(
        "a scrape of a port that the Service has not",
        service_rules.is_watched,
        "ServiceMonitor",
        ("spec", "endpoints", 0, "port"),
        "metrics",
    ),
    Weakening(
        "accelerate in place of torchrun",
        training_rules.is_started_by_torchrun,
        "TrainingRuntime",
        (*RUNTIME_POD, "containers", 0, "command"),
        ["accelerate", "launch"],
        COLOCATED,
    ),
    Weakening(
        "a machine more than the run expects",
        training_rules.guards_its_world_size,
        "TrainJob",
        ("spec", "trainer", "numNodes"),
        5,
        COLOCATED,
    ),
    Weakening(
        "no world-size guard",
        training_rules.guards_its_world_size,
        "TrainJob",
        ("spec", "trainer", "args", -1),
        "--resume",
        COLOCATED,
    ),
    Weakening(
        "a pod more than torchrun is told of",
        training_rules.agrees_on_its_processes,
        "JobSet",
        ("spec", "replicatedJobs", 1, "template", "spec", "completions"),
        3,
        SERVER,
    ),
    Weakening(
        "a service of another name",
        training_rules.asks_the_service_by_its_name,
        "TrainJob",
        ("spec", "trainer", "args", 5),
        "--url=http://goodcall:8000",
        COLOCATED,
    ),
    Weakening(
        "a namespace that the service lets nobody in from",
        training_rules.asks_the_service_by_its_name,
        "Namespace",
        ("metadata", "labels", "goodcall-client"),
        GONE,
        COLOCATED,
    ),
    Weakening(
        "checkpoints in a pod",
        training_rules.keeps_its_checkpoints,
        "TrainJob",
        ("spec", "trainer", "args", 6),
        "--out=/tmp/run",
        COLOCATED,
    ),
    Weakening(
        "a volume that one node alone can write",
        training_rules.keeps_its_checkpoints,
        "PersistentVolumeClaim",
        ("spec", "accessModes"),
        ["ReadWriteOnce"],
        SERVER,
    ),
    Weakening(
        "no restart",
        training_rules.begins_anew_after_a_failure,
        "TrainingRuntime",
        ("spec", "template", "spec", "failurePolicy", "maxRestarts"),
        0,
        COLOCATED,
    ),
    Weakening(
        "64 MiB of shared memory",
        training_rules.shares_memory_between_processes,
        "JobSet",
        (*SERVER_POD, "containers", 0, "volumeMounts", 2),
        GONE,
        SERVER,
    ),
    Weakening(
        "a job out of turn",
        training_rules.waits_for_its_turn,
        "JobSet",
        ("metadata", "labels"),
        {},
        SERVER,
    ),
    Weakening(
        "a trainer that does not wait",
        training_rules.waits_for_its_server,
        "JobSet",
        ("spec", "replicatedJobs", 1, "dependsOn"),
        GONE,
        SERVER,
    ),
    Weakening(
        "a run that ends with its server",
        training_rules.waits_for_its_server,
        "JobSet",
        ("spec", "successPolicy"),
        GONE,
        SERVER,
    ),
]

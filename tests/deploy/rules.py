"""What every pod of ours keeps to, wherever it runs: each rule gives a sentence for each thing that breaks it."""

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from deploy.manifests import Manifests, Object
from deploy.quantities import amount

Rule: TypeAlias = Callable[[Manifests], Iterator[str]]
_VERSIONED = re.compile(r"[^@\s]+:(?!latest\b)[\w.-]+(@sha256:[0-9a-f]{64})?|[^@\s]+@sha256:[0-9a-f]{64}")


def runs_as_a_user_without_rights(manifests: Manifests) -> Iterator[str]:
    for where, container, pod in manifests.containers():
        context = pod.get("securityContext", {}) | container.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or context.get("runAsUser", 0) < 10_000:
            yield f"{where} may be root, or a user of the node"


def gains_no_privileges(manifests: Manifests) -> Iterator[str]:
    for where, container, _ in manifests.containers():
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
            yield f"{where} may gain privileges"


def has_no_capabilities(manifests: Manifests) -> Iterator[str]:
    for where, container, _ in manifests.containers():
        capabilities = container.get("securityContext", {}).get("capabilities", {})
        if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
            yield f"{where} has capabilities"


def is_held_to_few_system_calls(manifests: Manifests) -> Iterator[str]:
    for where, pod in manifests.pods():
        if pod.get("securityContext", {}).get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{where} may make any system call"


def writes_nothing_of_its_image(manifests: Manifests) -> Iterator[str]:
    for where, container, _ in manifests.containers():
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"{where} can write its root file system"


def shares_nothing_with_its_node(manifests: Manifests) -> Iterator[str]:
    for where, pod in manifests.pods():
        shared = [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
        shared += [volume["name"] for volume in pod.get("volumes", []) if "hostPath" in volume]
        if shared:
            yield f"{where} shares {', '.join(shared)} with its node"


def says_what_it_needs(manifests: Manifests) -> Iterator[str]:
    for where, container, _ in manifests.containers():
        resources = container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        if not {"cpu", "memory"} <= requests.keys():
            yield f"{where} does not request cpu and memory"
        if "memory" not in limits or amount(limits["memory"]) != amount(requests.get("memory", 0)):
            yield f"{where} has another limit of memory than it requests, or none"


def takes_no_token_along(manifests: Manifests) -> Iterator[str]:
    for where, pod in manifests.pods():
        if (
            pod.get("automountServiceAccountToken") is not False
            or pod.get("serviceAccountName", "default") == "default"
        ):
            yield f"{where} holds a token for the cluster's API"


def gets_no_variables_from_services(manifests: Manifests) -> Iterator[str]:
    for where, pod in manifests.pods():
        if pod.get("enableServiceLinks") is not False:
            yield f"{where} would find GOODCALL_PORT=tcp://… in its environment, which is no setting"


def names_one_image(manifests: Manifests) -> Iterator[str]:
    for where, container, _ in manifests.containers():
        if not _VERSIONED.fullmatch(container["image"]):
            yield f"{where} runs {container['image']}, which may be anything tomorrow"


def fills_no_disk(manifests: Manifests) -> Iterator[str]:
    for where, pod in manifests.pods():
        for volume in pod.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {}):
                yield f"{where} may fill its node through {volume['name']}"


def sees_changed_secrets(manifests: Manifests) -> Iterator[str]:
    for where, container, pod in manifests.containers():
        secrets = {volume["name"] for volume in pod.get("volumes", []) if "secret" in volume}
        for mount in container.get("volumeMounts", []):
            if mount["name"] in secrets and ("subPath" in mount or not mount.get("readOnly")):
                yield f"{where} would never see a change of {mount['name']}, or could make one"


def holds_no_secret_itself(manifests: Manifests) -> Iterator[str]:
    for secret in manifests.of_kind("Secret"):
        yield f"the Secret {secret['metadata']['name']} stands in the repository"
    for where, container, _ in manifests.containers():
        for variable in container.get("env", []):
            if re.search("KEY|TOKEN|PASSWORD", variable["name"]) and "value" in variable:
                yield f"{where} has {variable['name']} written out"


def lives_in_a_restricted_namespace(manifests: Manifests) -> Iterator[str]:
    for namespace in manifests.of_kind("Namespace"):
        labels = namespace["metadata"]["labels"]
        loose = [mode for mode in ("enforce", "audit", "warn") if _pod_security(labels, mode) != "restricted"]
        if loose:
            yield f"the namespace {namespace['metadata']['name']} does not {', '.join(loose)} the restricted standard"
    names = {namespace["metadata"]["name"] for namespace in manifests.of_kind("Namespace")}
    for found in manifests.objects:
        if found["kind"] != "Namespace" and found["metadata"].get("namespace") not in names:
            yield f"{found['kind']}/{found['metadata']['name']} is in another namespace"


def _pod_security(labels: Object, mode: str) -> str | None:
    return labels.get(f"pod-security.kubernetes.io/{mode}")


def lets_nothing_through_by_default(manifests: Manifests) -> Iterator[str]:
    for policy in manifests.of_kind("NetworkPolicy"):
        spec = policy["spec"]
        allows_nothing = not spec.get("ingress") and not spec.get("egress")
        if spec["podSelector"] == {} and allows_nothing and set(spec["policyTypes"]) == {"Ingress", "Egress"}:
            return
    yield "no policy denies what none allows"


def opens_no_port_to_everybody(manifests: Manifests) -> Iterator[str]:
    for policy in manifests.of_kind("NetworkPolicy"):
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for allowed in policy["spec"].get(way) or []:
                if not allowed.get(peers) or {} in allowed[peers] or any("ipBlock" in peer for peer in allowed[peers]):
                    yield f"{policy['metadata']['name']} allows {way} {peers} anywhere"


POD_RULES: tuple[Rule, ...] = (
    runs_as_a_user_without_rights,
    gains_no_privileges,
    has_no_capabilities,
    is_held_to_few_system_calls,
    writes_nothing_of_its_image,
    shares_nothing_with_its_node,
    says_what_it_needs,
    takes_no_token_along,
    gets_no_variables_from_services,
    names_one_image,
    fills_no_disk,
    sees_changed_secrets,
    holds_no_secret_itself,
    lives_in_a_restricted_namespace,
    lets_nothing_through_by_default,
    opens_no_port_to_everybody,
)

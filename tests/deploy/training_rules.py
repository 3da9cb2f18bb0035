"""What the manifests of training keep to beside what every pod does."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from deploy.manifests import Manifests, Object, render
from deploy.rules import Rule

QUEUE = "kueue.x-k8s.io/queue-name"
GPU = "nvidia.com/gpu"


def trainer_of(manifests: Manifests) -> tuple[list[str], list[str], Object, Object, int]:
    """The command and arguments of the trainer, its container and pod, and on how many machines it runs."""
    if manifests.of_kind("TrainJob"):
        job = manifests.the("TrainJob")["spec"]["trainer"]
        _, container, pod = next(manifests.containers())
        return container["command"], job["args"], container, pod, job["numNodes"]
    jobs = {job["name"]: job for job in manifests.the("JobSet")["spec"]["replicatedJobs"]}
    spec = jobs["trainer"]["template"]["spec"]
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    return container["command"], container["args"], container, pod, spec["completions"]


def option(arguments: list[str], name: str) -> str:
    """What an option is given as."""
    return next((word.partition("=")[2] for word in arguments if word.startswith(f"--{name}=")), "")


def is_started_by_torchrun(manifests: Manifests) -> Iterator[str]:
    command, arguments, *_ = trainer_of(manifests)
    if command != ["torchrun", "-m", "goodcall_trainer"] or arguments[0] != "grpo":
        yield f"{' '.join(command)} does not read what says how many processes there are"


def guards_its_world_size(manifests: Manifests) -> Iterator[str]:
    _, arguments, container, _, machines = trainer_of(manifests)
    processes = machines * int(container["resources"]["limits"].get(GPU, 0))
    if option(arguments, "expect-world-size") != str(processes):
        yield f"there are {processes} processes, and {option(arguments, 'expect-world-size') or 'any number'} will do"


def agrees_on_its_processes(manifests: Manifests) -> Iterator[str]:
    """Where nothing but the manifest tells torchrun; Kubeflow Trainer does so itself."""
    for jobset in manifests.of_kind("JobSet"):
        _, _, container, _, machines = trainer_of(manifests)
        told = {variable["name"]: variable.get("value") for variable in container["env"]}
        name = jobset["metadata"]["name"]
        expected = {
            "PET_NNODES": str(machines),
            "PET_NPROC_PER_NODE": container["resources"]["limits"][GPU],
            "PET_MASTER_ADDR": f"{name}-trainer-0-0.{name}",
        }
        yield from (
            f"{key} is {told.get(key)}, not {value}" for key, value in expected.items() if told.get(key) != value
        )
        if "PET_NODE_RANK" not in told:
            yield "all machines would take themselves for the first"


def asks_the_service_by_its_name(manifests: Manifests) -> Iterator[str]:
    _, arguments, container, *_ = trainer_of(manifests)
    service = render("overlays/prod").the("Service")["metadata"]
    if urlsplit(option(arguments, "url")).netloc != f"{service['name']}.{service['namespace']}.svc":
        yield f"there is no service at {option(arguments, 'url') or 'no URL'}"
    keys = [variable for variable in container["env"] if variable["name"] == "GOODCALL_API_KEY"]
    if not keys or "secretKeyRef" not in keys[0].get("valueFrom", {}):
        yield "it has no key from a Secret to show"
    if manifests.the("Namespace")["metadata"]["labels"].get("goodcall-client") != "true":
        yield "the service lets nobody in from this namespace"


def keeps_its_checkpoints(manifests: Manifests) -> Iterator[str]:
    _, arguments, container, pod, _ = trainer_of(manifests)
    kept = {volume["name"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume}
    folders = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in kept]
    if not any(option(arguments, "out").startswith(f"{folder}/") for folder in folders):
        yield f"{option(arguments, 'out') or 'the run'} is gone with its pod"
    claims = {claim["metadata"]["name"]: claim["spec"] for claim in manifests.of_kind("PersistentVolumeClaim")}
    for volume in pod["volumes"]:
        if "persistentVolumeClaim" in volume:
            claim = claims.get(volume["persistentVolumeClaim"]["claimName"], {})
            if claim.get("accessModes") != ["ReadWriteMany"]:
                yield "pods on several machines can't write to one volume"


def begins_anew_after_a_failure(manifests: Manifests) -> Iterator[str]:
    for kind, path in (("TrainingRuntime", ("spec", "template", "spec")), ("JobSet", ("spec",))):
        for spec in manifests.of_kind(kind):
            for way in path:
                spec = spec[way]  # noqa: PLW2901 - one step further down
            if not spec.get("failurePolicy", {}).get("maxRestarts"):
                yield "the first failure of a machine ends the run"


def shares_memory_between_processes(manifests: Manifests) -> Iterator[str]:
    for where, container, pod in manifests.containers():
        memory = {volume["name"] for volume in pod["volumes"] if volume.get("emptyDir", {}).get("medium") == "Memory"}
        if not any(m["mountPath"] == "/dev/shm" and m["name"] in memory for m in container["volumeMounts"]):  # noqa: S108
            yield f"{where} has 64 MiB of shared memory"


def waits_for_its_turn(manifests: Manifests) -> Iterator[str]:
    for found in manifests.of_kind("TrainJob") + manifests.of_kind("JobSet"):
        if not found["metadata"].get("labels", {}).get(QUEUE):
            yield f"{found['metadata']['name']} takes its machines out of turn"


def waits_for_its_server(manifests: Manifests) -> Iterator[str]:
    for jobset in manifests.of_kind("JobSet"):
        jobs = {job["name"]: job for job in jobset["spec"]["replicatedJobs"]}
        if {"name": "rollout", "status": "Ready"} not in jobs["trainer"].get("dependsOn", []):
            yield "the trainer begins before there is a server"
        server = jobs["rollout"]["template"]["spec"]["template"]["spec"]["containers"][0]
        if not server.get("readinessProbe") or not server.get("startupProbe"):
            yield "nobody knows when the server is ready"
        if jobset["spec"].get("successPolicy", {}).get("targetReplicatedJobs") != ["trainer"]:
            yield "a run that is done would wait for a server that never ends"
        _, arguments, *_ = trainer_of(manifests)
        name, port = jobset["metadata"]["name"], server["ports"][0]["containerPort"]
        if f"--set=grpo.vllm_server_base_url=http://{name}-rollout-0-0.{name}:{port}" not in arguments:
            yield "the trainer looks for the server elsewhere"


TRAINING_RULES: tuple[Rule, ...] = (
    is_started_by_torchrun,
    guards_its_world_size,
    agrees_on_its_processes,
    asks_the_service_by_its_name,
    keeps_its_checkpoints,
    begins_anew_after_a_failure,
    shares_memory_between_processes,
    waits_for_its_turn,
    waits_for_its_server,
)

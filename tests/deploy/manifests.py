"""What kustomize makes of a folder, and how to find one's way in it."""

import copy
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import pytest
import yaml

from suites import REPOSITORY

KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
TIMEOUT_S = 60
Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Manifests:
    """The objects that one ``kubectl apply`` would send."""

    objects: list[Object]

    def of_kind(self, kind: str) -> list[Object]:
        """All objects of a kind."""
        return [found for found in self.objects if found["kind"] == kind]

    def the(self, kind: str, name: str | None = None) -> Object:
        """The one object of a kind, or the one of this name; its name may end in the hash of its content."""
        found = [one for one in self.of_kind(kind) if name is None or one["metadata"]["name"].startswith(name)]
        assert found, f"there is no {kind} {name or ''}"
        return found[0]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """Every pod's spec, in whatever it is a template of, with words for where it stands."""
        for found in self.objects:
            for spec in _pod_specs(found):
                yield f"{found['kind']}/{found['metadata']['name']}", spec

    def containers(self) -> Iterator[tuple[str, Object, Object]]:
        """Every container, with words for where it stands and its pod's spec."""
        for where, pod in self.pods():
            for container in pod.get("initContainers", []) + pod["containers"]:
                yield f"{where} {container['name']}", container, pod

    def weakened(self, kind: str, path: tuple[str | int, ...], value: Any) -> "Manifests":
        """These with another value at a path in every object of a kind; ``...`` takes away what is there."""
        objects = copy.deepcopy(self.objects)
        for found in objects:
            if found["kind"] == kind:
                _put(found, path, value)
        return Manifests(objects)


def _pod_specs(node: Any) -> Iterator[Object]:
    if isinstance(node, dict):
        if isinstance(node.get("containers"), list):
            yield node
        else:
            for value in node.values():
                yield from _pod_specs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _pod_specs(value)


def _put(node: Any, path: tuple[str | int, ...], value: Any) -> None:
    *ways, last = path
    for way in ways:
        node = node.setdefault(way, {}) if isinstance(node, dict) else node[way]
    if value is ... and isinstance(node, dict):
        node.pop(last, None)
    elif value is ...:
        del node[last]
    elif isinstance(node, list) and last == len(node):
        node.append(value)
    else:
        node[last] = value


@cache
def render(folder: str) -> Manifests:
    """What kustomize makes of a folder of ``deploy/kubernetes``."""
    return Manifests([found for found in yaml.safe_load_all(rendered_text(folder)) if found])


@cache
def rendered_text(folder: str) -> str:
    """The same as text."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("there is no kubectl on PATH, whose kustomize renders the manifests")
    command = [kubectl, "kustomize", str(KUBERNETES / folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout

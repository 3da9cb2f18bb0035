"""Custom resources against the schemas that their projects publish.

An API server drops what a schema does not name; here it is an error, so that a misspelt field is noticed. Rules in CEL
are not looked at.
"""

import gzip
from functools import cache
from typing import Any

import jsonschema_rs
import yaml

from deploy.manifests import Object
from suites import suite


def faults(found: Object) -> list[str]:
    """What is wrong with a custom resource, with where it stands.

    Raises:
        KeyError: nothing is known of its kind, or of this version of it.
    """
    validator = _schemas()[found["apiVersion"], found["kind"]]
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(found)]


@cache
def known_groups() -> frozenset[str]:
    """The API groups that there are schemas of."""
    return frozenset(version.partition("/")[0] for version, _ in _schemas())


@cache
def _schemas() -> dict[tuple[str, str], Any]:
    found = {}
    for path in sorted(suite("crds").glob("*.yaml.gz")):
        definition = yaml.load(gzip.decompress(path.read_bytes()), Loader=yaml.CSafeLoader)["spec"]
        for version in definition["versions"]:
            api = f"{definition['group']}/{version['name']}"
            schema = _closed(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            found[api, definition["names"]["kind"]] = jsonschema_rs.validator_for(schema)
    return found


def _closed(schema: Any) -> Any:
    """A schema that refuses fields which it does not name, unless it says that it takes any."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: value if key in ("default", "enum") else _closed(value) for key, value in schema.items()}
    if closed.pop("x-kubernetes-int-or-string", False):
        return {"type": ["integer", "string"]}
    is_open = closed.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in closed
    if isinstance(closed.get("properties"), dict) and closed.get("type") == "object" and not is_open:
        closed["additionalProperties"] = False
    return closed

"""The JSON Schema Test Suite (json-schema-org, required tests) through the verifier's own compiler."""

import json
import socket
from functools import cache
from pathlib import Path

import jsonschema_rs
import pytest

from goodcall.schema_compiler import compile_schema
from suites import suite

DRAFTS = {
    "draft2020-12": (jsonschema_rs.Draft202012, "https://json-schema.org/draft/2020-12/schema", 1299),
    "draft2019-09": (jsonschema_rs.Draft201909, "https://json-schema.org/draft/2019-09/schema", 1259),
    "draft7": (jsonschema_rs.Draft7, "http://json-schema.org/draft-07/schema#", 927),
    "draft6": (jsonschema_rs.Draft6, "http://json-schema.org/draft-06/schema#", 839),
    "draft4": (jsonschema_rs.Draft4, "http://json-schema.org/draft-04/schema#", 618),
}
HOST = "http://localhost:1234/"
"""Where the suite says its remote schemas are; here they are handed over, and nothing is asked."""


@cache
def remotes(draft: str) -> jsonschema_rs.Registry:
    """The remote schemas that the tests of a draft refer to."""
    folder = suite("json_schema") / "remotes"
    paths = [path.relative_to(folder) for path in folder.rglob("*.json")]
    resources = [(HOST + path.as_posix(), read(folder / path)) for path in paths if belongs(path, draft)]
    return jsonschema_rs.Registry(resources, draft=DRAFTS[draft][0])


def belongs(path: Path, draft: str) -> bool:
    """Whether a remote schema is of this draft, or of none in particular."""
    return path.parts[0] == draft or not path.parts[0].startswith(("draft", "v1"))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_required_test_of_a_draft_passes(draft):
    _, dialect, count = DRAFTS[draft]
    failures, tests = [], 0
    for path in sorted((suite("json_schema") / "tests" / draft).glob("*.json")):
        for group in read(path):
            schema = group["schema"]
            if isinstance(schema, dict):
                schema = {"$schema": dialect, **schema}
            validator = compile_schema(schema, registry=remotes(draft))
            for test in group["tests"]:
                tests += 1
                if validator.is_valid(test["data"]) != test["valid"]:
                    failures.append(f"{path.name}: {group['description']}: {test['description']}")
    assert failures == []
    assert tests == count


def test_without_a_schema_keyword_the_draft_is_2020_12():
    """``prefixItems`` came with 2020-12; to earlier drafts it means nothing."""
    schema = {"prefixItems": [{"type": "string"}]}
    assert not compile_schema(schema).is_valid([1])
    assert compile_schema({"$schema": DRAFTS["draft7"][1], **schema}).is_valid([1])


@pytest.mark.parametrize("reference", ["$ref", "$schema", "$dynamicRef"])
@pytest.mark.parametrize("scheme", ["http://127.0.0.1:{port}/schema.json", "file://{path}"])
def test_no_reference_opens_a_socket_or_a_file(reference, scheme, tmp_path):
    path = tmp_path / "schema.json"
    path.write_text('{"type": "string"}', encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        uri = scheme.format(port=listener.getsockname()[1], path=path)
        with pytest.raises((ValueError, jsonschema_rs.ValidationError)):
            compile_schema({reference: uri})
        with pytest.raises(BlockingIOError):
            listener.accept()

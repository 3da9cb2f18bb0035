"""The service's image without an engine: its locked packages, its command, its user and its health check."""

import json
import re
import shlex
import socket

import httpx
import pytest

from command_line import TIMEOUT_S, call, completion, item
from deploy.dockerfiles import exec_form, parse
from deploy.image_player import build, running
from deploy.tools import installed, run
from suites import REPOSITORY

BUILD, FINAL = parse((REPOSITORY / "deploy" / "service.Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The folder in which the first stage was carried out."""
    installed("uv")
    root = tmp_path_factory.mktemp("image")
    build(BUILD, root)
    return root


def test_it_holds_the_locked_packages_and_the_service_and_nothing_else(image):
    listed = run(image / "base/bin/python", "-m", "pip", "--python", image / "opt/goodcall", "list", "--format=json")
    found = {_canonical(package["name"]): package["version"] for package in json.loads(listed.stdout)}
    assert found.pop("goodcall") == "0.1.0"
    locked = (REPOSITORY / "deploy" / "requirements-service.txt").read_text(encoding="utf-8")
    expected = re.findall(r"^([\w.-]+)==(\S+) (?!; sys_platform == 'win32')", locked, re.MULTILINE)
    assert found == {_canonical(name): version for name, version in expected}


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_it_scores_without_rights_on_a_read_only_root_and_ends_well(image):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with running(FINAL, image, GOODCALL_HOST="127.0.0.1", GOODCALL_PORT=port, GOODCALL_DRAIN_DELAY_S="0") as (
        service,
        beside,
    ):
        assert "listening" in service.stdout.readline()
        health = FINAL.last("HEALTHCHECK").partition("CMD ")[2]
        assert beside(exec_form(health)).returncode == 0
        body = {"items": [item(completion(call()), completion(call("Rome")))]}
        answer = httpx.post(f"http://127.0.0.1:{port}/score", json=body, trust_env=False, timeout=TIMEOUT_S).json()
        version = httpx.get(f"http://127.0.0.1:{port}/version", trust_env=False, timeout=TIMEOUT_S).json()
        service.terminate()
        assert service.wait(TIMEOUT_S) == 0
        assert beside(exec_form(health)).returncode != 0
    assert [verdict["score"] for verdict in answer["items"][0]["verdicts"]] == [1.0, 0.0]
    assert version["compiled_judge"] is True


def test_without_keys_it_does_not_begin(image):
    command = [*exec_form(FINAL.last("ENTRYPOINT")), *exec_form(FINAL.last("CMD"))]
    variables = [f"{name}={value}" for name, value in FINAL.variables().items() if name != "PATH"]
    done = run("env", "-i", *variables, image / "opt/goodcall/bin" / command[0], *command[1:])
    assert done.returncode == 2, shlex.join(command)
    assert "without keys" in done.stdout

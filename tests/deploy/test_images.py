"""The images' Dockerfiles, what they are made of, and the compose file, without an engine to build or run them."""

import re
from pathlib import Path

import pytest
import yaml

from deploy import dockerfiles
from deploy.dockerfiles import RULES, exec_form, parse
from deploy.service_rules import bytes_of_a_worker
from goodcall.web.settings import load_settings
from suites import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DOCKERFILES = {name: (DEPLOY / f"{name}.Dockerfile").read_text(encoding="utf-8") for name in ("service", "trainer")}
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))

WEAKENINGS = [
    (dockerfiles.begins_with_known_bytes, r"@sha256:[0-9a-f]+", ""),
    (dockerfiles.begins_with_known_bytes, r":3\.13\.14-slim-trixie", ":latest"),
    (dockerfiles.ends_as_a_user_of_number, "USER 10001:10001", "USER goodcall"),
    (dockerfiles.ends_as_a_user_of_number, "USER 10001:10001\n", ""),
    (
        dockerfiles.fetches_nothing_unchecked,
        "COPY service/ service/",
        "ADD https://example.com/service.tar.gz service/",
    ),
    (dockerfiles.fetches_nothing_unchecked, "RUN rm -rf", "RUN curl -O https://example.com/x && rm -rf"),
    (dockerfiles.copies_what_it_names, "COPY service/ service/", "COPY . ."),
    (dockerfiles.leaves_no_package_lists, r"\\\n    && rm -rf /var/lib/apt/lists/\*", ""),
    (dockerfiles.leaves_no_package_lists, "--no-install-recommends ", ""),
    (dockerfiles.installs_known_packages, "--require-hashes --only-binary", "--only-binary"),
    (dockerfiles.installs_known_packages, "--only-binary :all: ", ""),
    (dockerfiles.installs_known_packages, "--no-build-isolation ", ""),
    (dockerfiles.installs_known_packages, "install --no-cache-dir", "install"),
    (dockerfiles.runs_without_a_shell, r'CMD \["serve"\]', "CMD serve"),
    (dockerfiles.runs_without_a_shell, r"ENTRYPOINT .*\n", ""),
    (dockerfiles.says_how_it_is, r"HEALTHCHECK [^\n]*\n[^\n]*\n", ""),
    (dockerfiles.says_how_it_is, r'CMD \["python", "-c", .*\]', "CMD curl -f http://127.0.0.1:8000/readyz"),
    (dockerfiles.has_no_tools_to_install_with, r"RUN rm -rf [^\n]*\n", ""),
    (dockerfiles.holds_no_secret, "PYTHONUNBUFFERED=1", "GOODCALL_API_KEY=goodcall_0"),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", DOCKERFILES)
def test_dockerfiles_keep_to_the_rules(name, rule):
    assert [*rule(parse(DOCKERFILES[name]))] == []


@pytest.mark.parametrize(
    ("rule", "pattern", "replacement"), WEAKENINGS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_weakening_of_the_services_image_is_noticed(rule, pattern, replacement):
    weakened, changes = re.subn(pattern, replacement, DOCKERFILES["service"])
    assert changes
    assert [*rule(parse(weakened))]


def test_every_rule_notices_something():
    assert {rule for rule, _, _ in WEAKENINGS} == set(RULES)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_is_there_and_let_through(name):
    ignore = (DEPLOY / f"{name}.Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in ignore if line.startswith("!")}
    build, final = parse(DOCKERFILES[name])
    sources = [source for words in build.all("COPY") for source in words.split()[:-1]]
    assert all((REPOSITORY / source).exists() for source in sources)
    assert set(sources) == let_through
    assert [words.split()[0] for words in final.all("COPY")] == ["--from=build"]


def test_both_stages_have_the_python_that_the_environment_was_made_with():
    for text in DOCKERFILES.values():
        assert len({stage.base for stage in parse(text)}) == 1


@pytest.mark.parametrize("name", ["service", "build", "trainer"])
def test_locked_requirements_have_exact_versions_and_hashes(name):
    text = (DEPLOY / f"requirements-{name}.txt").read_text(encoding="utf-8")
    requirements = re.sub(r"\\\n\s*", "", text).splitlines()
    assert requirements
    for requirement in requirements:
        assert re.fullmatch(r"[\w.-]+(\[\w+\])?==\S+( ; .+?)? (--hash=sha256:[0-9a-f]{64} ?)+", requirement), (
            requirement
        )


def test_the_services_image_has_the_versions_that_are_tested():
    locked = _versions((DEPLOY / "requirements-service.txt").read_text(encoding="utf-8"))
    tested = _versions((REPOSITORY / "constraints.txt").read_text(encoding="utf-8"))
    windows_only = {"colorama"}
    assert {name: version for name, version in locked.items() if name not in windows_only} == {
        name: tested.get(name) for name in locked.keys() - windows_only
    }, "`make lock` writes the file anew"


def test_the_trainers_image_has_the_versions_that_decide_how_a_policy_is_trained():
    locked = _versions((DEPLOY / "requirements-trainer.txt").read_text(encoding="utf-8"))
    tested = _versions((REPOSITORY / "constraints.txt").read_text(encoding="utf-8"))
    decisive = ("accelerate", "datasets", "jsonschema-rs", "torch", "tokenizers", "transformers", "trl")
    assert {name: locked[name] for name in decisive} == {name: tested[name] for name in decisive}
    assert f"vllm=={locked['vllm']}" in (DEPLOY / "vllm.in").read_text(encoding="utf-8")


def _versions(text):
    found = re.findall(r"^([\w.-]+)==([\w.+]+)", text, re.MULTILINE)
    return {re.sub(r"[_.]", "-", name).lower(): version for name, version in found}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_what_runs_on_a_laptop_is_on_loopback_and_has_few_rights(name):
    service = COMPOSE["services"][name]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert "build" in service or re.search(r":v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$", service["image"])
    for mount in service.get("volumes", []):
        source = mount.split(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_the_service_on_a_laptop_begins_with_its_settings_and_keeps_within_its_memory_and_grace(monkeypatch):
    service = COMPOSE["services"]["service"]
    image = parse((DEPLOY / Path(service["build"]["dockerfile"]).name).read_text(encoding="utf-8"))[-1]
    for name, value in (image.variables() | service["environment"]).items():
        if name.startswith("GOODCALL_"):
            monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.host, settings.port, settings.no_auth) == ("0.0.0.0", 8000, True)  # noqa: S104 - inside a container
    needed_s = settings.drain_delay_s + settings.request_deadline_s + settings.body_timeout_s
    assert float(service["stop_grace_period"].removesuffix("s")) > needed_s
    assert float(service["mem_limit"].removesuffix("g")) * 2**30 >= settings.workers * bytes_of_a_worker(settings)
    assert exec_form(image.last("ENTRYPOINT")) + exec_form(image.last("CMD")) == ["goodcall", "serve"]

"""A Dockerfile read into stages, and what each of ours keeps to."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

_CONTINUED = re.compile(r"\\\n(?:\s*#.*\n)*")
_PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}")
_EXEC_FORM = ("ENTRYPOINT", "CMD", "SHELL")


@dataclass(frozen=True)
class Stage:
    """One ``FROM`` and what follows it."""

    base: str
    name: str
    instructions: tuple[tuple[str, str], ...]

    def all(self, keyword: str) -> list[str]:
        """What stands after each instruction of this name."""
        return [words for found, words in self.instructions if found == keyword]

    def last(self, keyword: str) -> str:
        """What stands after the last one; nothing if there is none."""
        return (self.all(keyword) or [""])[-1]

    def variables(self) -> dict[str, str]:
        """The environment that it sets."""
        pairs = re.findall(r"(\w+)=(\S+)", " ".join(self.all("ENV")))
        return dict(pairs)


Dockerfile: TypeAlias = list[Stage]
Rule: TypeAlias = Callable[[Dockerfile], Iterator[str]]


def parse(text: str) -> Dockerfile:
    """The stages of a Dockerfile."""
    stages: list[Stage] = []
    for line in _CONTINUED.sub(" ", text).splitlines():
        keyword, _, words = line.strip().partition(" ")
        if keyword == "FROM":
            base, _, name = words.partition(" AS ")
            stages.append(Stage(base, name, ()))
        elif keyword and not keyword.startswith("#"):
            last = stages.pop()
            stages.append(Stage(last.base, last.name, (*last.instructions, (keyword, " ".join(words.split())))))
    return stages


def begins_with_known_bytes(stages: Dockerfile) -> Iterator[str]:
    yield from (f"{stage.base} has no version and digest" for stage in stages if not _PINNED.fullmatch(stage.base))


def ends_as_a_user_of_number(stages: Dockerfile) -> Iterator[str]:
    user = stages[-1].last("USER")
    if not re.fullmatch(r"[1-9]\d{4,}:[1-9]\d{4,}", user):
        yield f"the user is {user or 'root'}"


def fetches_nothing_unchecked(stages: Dockerfile) -> Iterator[str]:
    for stage in stages:
        yield from (f"ADD {words}" for words in stage.all("ADD"))
        yield from (f"RUN {run}" for run in stage.all("RUN") if re.search(r"\b(curl|wget|git clone)\b", run))


def copies_what_it_names(stages: Dockerfile) -> Iterator[str]:
    yield from (
        f"COPY {words}" for stage in stages for words in stage.all("COPY") if words.split()[0] in (".", "./", "*")
    )


def leaves_no_package_lists(stages: Dockerfile) -> Iterator[str]:
    for run in (run for stage in stages for run in stage.all("RUN") if "apt-get" in run):
        wanted = ("apt-get update &&", "--no-install-recommends", "--yes", "rm -rf /var/lib/apt/lists/*")
        yield from (f"RUN {run} lacks {part}" for part in wanted if part not in run)


def installs_known_packages(stages: Dockerfile) -> Iterator[str]:
    commands = [part for stage in stages for run in stage.all("RUN") for part in run.split(" && ")]
    for command in commands:
        if re.search(r"\bpip\b.* install\b", command):
            if "--require-hashes" not in command and not ("--no-deps" in command and "--no-index" in command):
                yield f"{command} takes whatever the registry has"
            elif "--require-hashes" in command and "--only-binary :all:" not in command:
                yield f"{command} may run what a source package brings"
            if "--no-cache-dir" not in command:
                yield f"{command} leaves a cache"
        elif re.search(r"\bpip\b.* wheel\b", command) and "--no-build-isolation" not in command:
            yield f"{command} takes whatever the registry has to build with"


def runs_without_a_shell(stages: Dockerfile) -> Iterator[str]:
    for keyword in _EXEC_FORM:
        yield from (f"{keyword} {words}" for words in stages[-1].all(keyword) if not words.startswith("["))
    if not stages[-1].all("ENTRYPOINT"):
        yield "it has no ENTRYPOINT"


def says_how_it_is(stages: Dockerfile) -> Iterator[str]:
    check = stages[-1].last("HEALTHCHECK")
    if check != "NONE" and not re.search(r'CMD \["python"', check):
        yield f"HEALTHCHECK {check or 'is missing'}"


def has_no_tools_to_install_with(stages: Dockerfile) -> Iterator[str]:
    if len(stages) < 2:
        yield "what built it is in it"
    elif not any("/site-packages/pip*" in run for run in stages[-1].all("RUN")):
        yield "pip is in it"


def holds_no_secret(stages: Dockerfile) -> Iterator[str]:
    for stage in stages:
        for words in stage.all("ENV") + stage.all("ARG"):
            if re.search(r"(KEY|TOKEN|PASSWORD|SECRET)\w*=", words):
                yield f"it holds {words}"


RULES: tuple[Rule, ...] = (
    begins_with_known_bytes,
    ends_as_a_user_of_number,
    fetches_nothing_unchecked,
    copies_what_it_names,
    leaves_no_package_lists,
    installs_known_packages,
    runs_without_a_shell,
    says_how_it_is,
    has_no_tools_to_install_with,
    holds_no_secret,
)


def exec_form(words: str) -> list[str]:
    """The words of an instruction in exec form."""
    found: list[str] = json.loads(words)
    return found

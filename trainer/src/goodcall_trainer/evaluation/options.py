"""The options of `evaluate` as values, or a message about how they are used wrongly."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import httpx
import typer

from goodcall_trainer.evaluation import apibank, bfcl
from goodcall_trainer.evaluation.averages import score_parts
from goodcall_trainer.evaluation.questions import Benchmark
from goodcall_trainer.evaluation.result import Result

_HIGHEST_PORT = 65535

Reader: TypeAlias = Callable[[str, frozenset[str]], Benchmark]

READERS: Mapping[str, tuple[Reader, tuple[str, ...]]] = MappingProxyType(
    {
        bfcl.NAME: (bfcl.read_bfcl, bfcl.CATEGORIES),
        apibank.NAME: (apibank.read_apibank, apibank.CATEGORIES),
    }
)
"""How each benchmark is read, and its categories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One benchmark as it was asked for."""

    name: str
    place: str
    categories: frozenset[str]

    def read(self) -> Benchmark:
        """Its questions. Raises BenchmarkUnusable as the readers do."""
        reader, _ = READERS[self.name]
        return reader(self.place, self.categories)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A score that must not be lower than so much."""

    score: str
    least: float

    def missed_by(self, result: Result) -> str | None:
        """How a result falls short of it, for people; None if it does not."""
        estimate = result.scores[self.score]
        if estimate is None:
            return f"{self.score} has no value, where {self.least:g} is required"
        if estimate.value < self.least:
            return f"{self.score} is {estimate.value:.4f}, where {self.least:g} is required"
        return None


def is_url(target: str) -> bool:
    """Whether what is evaluated is an endpoint, not a folder."""
    return target.startswith(("http://", "https://"))


def check_endpoint_url(url: str) -> None:
    """Refuses now what no request could be sent to."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise typer.BadParameter(f"{url} is no URL: {error}", param_hint="MODEL_OR_URL") from None
    if not parsed.host or not 0 < (parsed.port or 80) <= _HIGHEST_PORT:
        raise typer.BadParameter(f"{url} has no host or no possible port", param_hint="MODEL_OR_URL")


def read_asked(benchmarks: Sequence[str], categories: str | None) -> list[Asked]:
    """The benchmarks of `--benchmark NAME=PLACE`, with the categories chosen of each."""
    places: dict[str, str] = {}
    for text in benchmarks:
        name, equals, place = text.partition("=")
        if not equals or not place or name not in READERS:
            raise typer.BadParameter(
                f"expected NAME=PLACE, with NAME one of {', '.join(READERS)}", param_hint="--benchmark"
            )
        if name in places:
            raise typer.BadParameter(f"{name} is named twice", param_hint="--benchmark")
        places[name] = place
    chosen = _categories(categories, list(places))
    asked = [
        Asked(name=name, place=place, categories=frozenset(READERS[name][1]) & chosen) for name, place in places.items()
    ]
    return [one for one in asked if one.categories]


def _categories(text: str | None, benchmarks: Sequence[str]) -> frozenset[str]:
    known = [category for name in benchmarks for category in READERS[name][1]]
    if text is None:
        return frozenset(known)
    chosen = [word.strip() for word in text.split(",") if word.strip()]
    for category in chosen:
        if category in bfcl.NOT_JUDGED:
            raise typer.BadParameter(
                f"{category} is not judged: {bfcl.REWARD} is the checker of Python's categories",
                param_hint="--categories",
            )
        if category not in known:
            raise typer.BadParameter(_unknown("category", category, known), param_hint="--categories")
    if not chosen:
        raise typer.BadParameter("names no category", param_hint="--categories")
    return frozenset(chosen)


def read_requirements(texts: Sequence[str], asked: Sequence[Asked]) -> list[Requirement]:
    """The requirements of `--require SCORE=LEAST`, each of a score that this evaluation can have."""
    parts = {f"{one.name}.{score}": set(needed) for one in asked for score, needed in score_parts(one.name).items()}
    chosen = {one.name: one.categories for one in asked}
    requirements = []
    for text in texts:
        name, equals, least = text.partition("=")
        if not equals or not _is_share(least):
            raise typer.BadParameter(
                f"expected SCORE=LEAST, with LEAST from 0 to 1, got {text}", param_hint="--require"
            )
        if name not in parts:
            raise typer.BadParameter(_unknown("score", name, parts), param_hint="--require")
        if missing := parts[name] - chosen[name.partition(".")[0]]:
            raise typer.BadParameter(
                f"{name} will have no value, as {', '.join(sorted(missing))} is not asked", param_hint="--require"
            )
        requirements.append(Requirement(name, float(least)))
    return requirements


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
    return f"there is no {kind} {name}; the nearest is {nearest[0]}. There are: {', '.join(names)}"


def check_folder(target: str) -> Path:
    """The folder of a checkpoint."""
    folder = Path(target)
    if not folder.is_dir():
        raise typer.BadParameter(
            f"{target} is neither a folder nor the http:// or https:// URL of an endpoint. A model of the hub is "
            "downloaded first, by `hf download`.",
            param_hint="MODEL_OR_URL",
        )
    return folder

"""Every score of a benchmark by its name: its categories, and the averages that papers and leaderboards give.

BFCL's single-turn averages, each as its source takes it (ShishirPatil/gorilla, `eval_runner_helper.py`):

- `non_live`: the plain mean of simple, multiple, parallel and parallel-multiple. There, simple is the mean of Python,
  Java and JavaScript; here it is Python's.
- `live`: the four Live categories, each question counting the same. Version 4 (6ea5797) does so, and the Live column of
  Tool-N1's own rows can be recomputed from its other columns only in this way.
- `live_unweighted`: the plain mean of the same four.
- `live_with_relevance`: with live irrelevance and live relevance among them, each question counting the same. The
  leaderboard did so on the day from which the paper's baselines are (9108a65, 2025-04-13).
- `irrelevance_mean`: the plain mean of the two irrelevance categories, as version 4 takes it.
- `overall`, `overall_unweighted`, `overall_with_relevance`: the mean of `non_live` and each of the three Live columns.
  The paper's is the first for its own rows, and the third for its baselines.

API-Bank's `overall` counts each dialogue of the three levels the same, and so the soft match
(qiancheng0/ToolRL 8cee13e); with `_hard` behind a name, the hard match.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from goodcall_trainer.evaluation import apibank, bfcl
from goodcall_trainer.evaluation.scores import Estimate, Tally, unweighted, weighted

HARD_SUFFIX = "_hard"

Estimates: TypeAlias = dict[str, Estimate | None]
Parts: TypeAlias = Mapping[str, tuple[str, ...]]

_LIVE_WITH_RELEVANCE = (*bfcl.LIVE, "live_irrelevance", "live_relevance")

BFCL_AVERAGES: Parts = MappingProxyType(
    {
        "non_live": bfcl.NON_LIVE,
        "live": bfcl.LIVE,
        "live_unweighted": bfcl.LIVE,
        "live_with_relevance": _LIVE_WITH_RELEVANCE,
        "irrelevance_mean": ("irrelevance", "live_irrelevance"),
        "overall": (*bfcl.NON_LIVE, *bfcl.LIVE),
        "overall_unweighted": (*bfcl.NON_LIVE, *bfcl.LIVE),
        "overall_with_relevance": (*bfcl.NON_LIVE, *_LIVE_WITH_RELEVANCE),
    }
)
"""The categories that each average of BFCL is taken over."""

_APIBANK_VARIANTS = ("", HARD_SUFFIX)


def score_parts(benchmark: str) -> dict[str, tuple[str, ...]]:
    """Every score of a benchmark, and the categories that it needs."""
    if benchmark == bfcl.NAME:
        return {**{category: (category,) for category in bfcl.CATEGORIES}, **BFCL_AVERAGES}
    return {
        f"{name}{suffix}": parts
        for suffix in _APIBANK_VARIANTS
        for name, parts in {**{level: (level,) for level in apibank.CATEGORIES}, "overall": apibank.CATEGORIES}.items()
    }


def bfcl_scores(tallies: Mapping[str, Tally]) -> Estimates:
    """All of BFCL's scores; None where a category is missing or has no verdict."""
    of = _accuracies(tallies)
    scores = {category: of(category) for category in bfcl.CATEGORIES}
    non_live = unweighted([of(category) for category in bfcl.NON_LIVE])
    live = {
        "live": _weighted(tallies, bfcl.LIVE),
        "live_unweighted": unweighted([of(category) for category in bfcl.LIVE]),
        "live_with_relevance": _weighted(tallies, _LIVE_WITH_RELEVANCE),
    }
    scores |= {"non_live": non_live, **live}
    scores["irrelevance_mean"] = unweighted([of("irrelevance"), of("live_irrelevance")])
    overall = {name.replace("live", "overall", 1): unweighted([non_live, column]) for name, column in live.items()}
    return scores | overall


def apibank_scores(soft: Mapping[str, Tally], hard: Mapping[str, Tally]) -> Estimates:
    """All of API-Bank's scores; None where a level is missing or has no verdict."""
    scores: Estimates = {}
    for suffix, tallies in zip(_APIBANK_VARIANTS, (soft, hard), strict=True):
        of = _accuracies(tallies)
        scores |= {f"{level}{suffix}": of(level) for level in apibank.CATEGORIES}
        scores[f"overall{suffix}"] = _weighted(tallies, apibank.CATEGORIES)
    return scores


def _accuracies(tallies: Mapping[str, Tally]) -> Callable[[str], Estimate | None]:
    def accuracy(category: str) -> Estimate | None:
        tally = tallies.get(category)
        return tally.accuracy() if tally else None

    return accuracy


def _weighted(tallies: Mapping[str, Tally], categories: tuple[str, ...]) -> Estimate | None:
    of = _accuracies(tallies)
    sizes = [tallies[category].questions if category in tallies else 0 for category in categories]
    return weighted([of(category) for category in categories], sizes)

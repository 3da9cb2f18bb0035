"""What an evaluation found, as values and as JSON: scores by name, their errors, and the counts they come from.

It holds no times, so that the same answers give the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodcall_trainer.evaluation import apibank, averages, bfcl
from goodcall_trainer.evaluation.averages import HARD_SUFFIX, Estimates
from goodcall_trainer.evaluation.engine import Prompt
from goodcall_trainer.evaluation.judging import Judged, Judgements
from goodcall_trainer.evaluation.questions import Benchmark
from goodcall_trainer.evaluation.scores import Estimate, Tally
from goodcall_trainer.evaluation.settings import AnswerSettings, settings_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that an evaluation found."""

    scores: Mapping[str, Estimate | None]
    """By `benchmark.score`; None where it has no value."""
    tallies: Mapping[str, Tally]
    """By `benchmark.category`; of API-Bank once more with `_hard`."""
    left_out: Mapping[str, int]
    """By `benchmark.category`: questions in the files whose category was not chosen, or can't be judged."""
    settings: AnswerSettings
    digests: Mapping[str, str]
    """Of the rewards that judged."""
    limit: int | None
    """The most questions of a category that were asked."""
    unparsed_calls: int
    """Answers with a call in their text that the server was asked to read and did not."""

    def as_json(self) -> dict[str, Any]:
        known = {name: estimate for name, estimate in self.scores.items() if estimate is not None}
        return {
            "scores": {name: estimate.value for name, estimate in known.items()},
            "standard_errors": {name: estimate.standard_error for name, estimate in known.items()},
            "counts": {name: _counts(tally) for name, tally in self.tallies.items()},
            "not_asked": dict(self.left_out),
            "limit": self.limit,
            "unparsed_calls": self.unparsed_calls,
            "rewards": dict(self.digests),
            "settings": dict(self.settings),
            "settings_digest": settings_digest(self.settings),
        }


def result_of(
    benchmarks: Sequence[Benchmark], judgements: Judgements, settings: AnswerSettings, limit: int | None
) -> Result:
    """The sum of all verdicts."""
    scores: dict[str, Estimate | None] = {}
    tallies: dict[str, Tally] = {}
    left_out: dict[str, int] = {}
    for benchmark in benchmarks:
        found, counted = _SCORED[benchmark.name](benchmark, judgements.judged)
        scores |= {f"{benchmark.name}.{name}": estimate for name, estimate in found.items()}
        tallies |= {f"{benchmark.name}.{name}": tally for name, tally in counted.items()}
        left_out |= {f"{benchmark.name}.{category}": count for category, count in benchmark.left_out.items()}
    return Result(
        scores=scores,
        tallies=tallies,
        left_out=left_out,
        settings=settings,
        digests=judgements.digests,
        limit=limit,
        unparsed_calls=_unparsed_calls(judgements.judged) if _server_reads_calls(settings) else 0,
    )


def _server_reads_calls(settings: AnswerSettings) -> bool:
    return (settings.get("engine"), settings.get("prompt")) == ("chat/completions", Prompt.CHAT_TEMPLATE)


def _unparsed_calls(judged: Sequence[Judged]) -> int:
    texts = {one.question.key: one.answer.completion for one in judged}
    return sum(isinstance(text, str) and "<tool_call>" in text for text in texts.values())


def _scored_bfcl(benchmark: Benchmark, judged: Sequence[Judged]) -> tuple[Estimates, dict[str, Tally]]:
    tallies = _tallies(benchmark, judged, bfcl.REWARD)
    return averages.bfcl_scores(tallies), tallies


def _scored_apibank(benchmark: Benchmark, judged: Sequence[Judged]) -> tuple[Estimates, dict[str, Tally]]:
    soft, hard = (_tallies(benchmark, judged, reward) for reward in (apibank.SOFT, apibank.HARD))
    return averages.apibank_scores(soft, hard), soft | {f"{name}{HARD_SUFFIX}": tally for name, tally in hard.items()}


_SCORED = {bfcl.NAME: _scored_bfcl, apibank.NAME: _scored_apibank}


def _tallies(benchmark: Benchmark, judged: Sequence[Judged], reward: str) -> dict[str, Tally]:
    tallies = {category: Tally(questions=size) for category, size in benchmark.sizes().items()}
    for one in judged:
        if one.reward == reward:
            tallies[one.question.category].add(one.score, one.reason, truncated=one.answer.truncated)
    return tallies


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        "questions": tally.questions,
        "asked": tally.asked,
        "judged": tally.judged,
        "right": tally.right,
        "unjudged": tally.unjudged,
        "truncated": tally.truncated,
        "reasons": dict(sorted(tally.reasons.items())),
    }


def write_result(folder: Path, result: Result, judged: Sequence[Judged]) -> None:
    """Writes `result.json` and, a line a verdict, `verdicts.jsonl`; each appears whole or not at all."""
    _write(folder / "verdicts.jsonl", "".join(json.dumps(one.as_json()) + "\n" for one in judged))
    _write(folder / "result.json", json.dumps(result.as_json(), indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)

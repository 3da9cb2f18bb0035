"""One verdict, explained on a terminal of eighty columns or more."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from goodcall.cli.call_diff import EXPECTED, MADE, call_diff
from goodcall.cli.visible import plain, visible
from goodcall.dialects.calls import CALL_READERS, CallDialect
from goodcall.errors import UnusableTask
from goodcall.ground_truth import read_ground_truth
from goodcall.items import Item, to_completions, to_task
from goodcall.parsing import Calls, parse_message
from goodcall.reasons import Stage
from goodcall.rewards import Reward
from goodcall.types import AssistantMessage, Completion, ToolCall, Verdict

EXCERPT_COLUMNS = 72
"""Of a completion around the place of a fault, so that a caret can point into one line."""
DIFFED_STAGES = {Stage.TOOLS, Stage.MATCH}
"""Stages that look at calls, after all others have let the completion pass."""


class ExplainedLine(msgspec.Struct):
    """One completion in the output of ``goodcall explain --json``."""

    id: str | None
    line: int
    completion: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedCompletion:
    """One completion with its verdict and all that explaining it takes."""

    item: Item
    number: int
    index: int
    verdict: Verdict
    """With its detail."""
    prefix: str
    """What the chat template put before the completion."""
    reward: Reward[Any]
    """What judged."""

    @property
    def completion(self) -> Completion:
        """The completion as the verifier reads it."""
        return to_completions(self.item)[self.index]

    def as_json(self) -> ExplainedLine:
        """The explanation for programs."""
        return ExplainedLine(self.item.id, self.number, self.index, self.verdict)


def explanation(case: ExplainedCompletion, place: str) -> RenderableType:
    """The explanation for people.

    Args:
        case: the completion.
        place: where its item stands, for items without an id.
    """
    parts: list[RenderableType] = [_headline(case, place), plain(case.verdict.reason.hint)]
    details = [part for part in (_facts(case.verdict), _excerpt(case), _difference(case)) if part]
    parts += [Padding(part, (1, 0, 0, 2), expand=False) for part in details]
    return Group(*parts)


def _headline(case: ExplainedCompletion, place: str) -> Text:
    score = case.verdict.score
    colour = "yellow" if score is None else "green" if score > 0 else "red"
    named = place if case.item.id is None else case.item.id
    return Text.assemble(
        (f"{visible(named)}, completion {case.index}: ", "bold"),
        (f"{'no score' if score is None else f'{score:g}'} {case.verdict.reason}", f"bold {colour}"),
    )


def _facts(verdict: Verdict) -> Table | None:
    """What the detail says, a line each."""
    detail = verdict.detail
    if detail is None or detail.stage == Stage.DONE:
        return None
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    facts = {
        "stage": detail.stage,
        "at": detail.pointer,
        "offset": None if detail.offset is None else f"{detail.offset:,}",
        "expected": detail.expected,
        "got": detail.got,
    }
    for name, value in facts.items():
        if value is not None:
            table.add_row(name, plain(value or "the whole value"))
    return table


def _excerpt(case: ExplainedCompletion) -> Text | None:
    """The completion around the fault, and a caret under it."""
    detail, completion = case.verdict.detail, case.completion
    if detail is None or detail.offset is None or isinstance(completion, AssistantMessage):
        return None
    before = _within(reversed(completion[: detail.offset]), EXCERPT_COLUMNS // 2)
    left = "".join(reversed(before))
    after = _within(completion[detail.offset :], EXCERPT_COLUMNS - cell_len(left))
    if len(before) < detail.offset:
        left = f"…{left}"
    more = "…" if len(after) < len(completion) - detail.offset else ""
    return Text.assemble((left, "dim"), ("".join(after) + more, "bold"), "\n", " " * cell_len(left), ("^", "bold red"))


def _within(characters: Iterable[str], columns: int) -> list[str]:
    """As many of the first characters, made visible, as fit."""
    shown: list[str] = []
    for character in characters:
        shown.append(visible(character))
        columns -= cell_len(shown[-1])
        if columns < 0:
            return shown[:-1]
    return shown


def _difference(case: ExplainedCompletion) -> Text | None:
    """The made calls against the expected ones, where both can be read."""
    if case.verdict.reason.stage not in DIFFED_STAGES:
        return None
    made, expected = _made(case), _expected(case)
    if made is None or expected is None or not (made or expected):
        return None
    legend = Text.assemble((f"{EXPECTED} expected", "red"), "   ", (f"{MADE} made", "green"), "\n")
    return legend + call_diff(expected, made)


def _made(case: ExplainedCompletion) -> list[ToolCall] | None:
    completion = case.completion
    if isinstance(completion, AssistantMessage):
        parsed = parse_message(completion)
        return parsed.calls if isinstance(parsed, Calls) else None
    return _in_dialect(case.prefix + completion, case.reward.dialect)


def _expected(case: ExplainedCompletion) -> list[ToolCall] | None:
    text = to_task(case.item).ground_truth
    if text is not None and text.startswith(b'"'):
        # Some datasets write the ground truth as the policy writes its calls.
        return _in_dialect(json.loads(text), case.reward.dialect)
    try:
        return read_ground_truth(text).calls
    except UnusableTask:
        return None


def _in_dialect(text: str, dialect: str) -> list[ToolCall] | None:
    """The calls in a text as a reward reads them; None where they can't be read."""
    try:
        return CALL_READERS[CallDialect(dialect)](text)
    except ValueError:
        # Either no reader knows the dialect, or the text is not in it.
        return None

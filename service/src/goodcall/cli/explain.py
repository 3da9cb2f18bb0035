"""``goodcall explain``: for each completion the verdict, the reason in a sentence, the place and the difference."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from goodcall.bulk.item_rows import ITEM_FIELDS
from goodcall.bulk.judging import JudgedItem, Judging, Stop, judge_rows
from goodcall.bulk.nearest import nearest
from goodcall.bulk.rows import Row
from goodcall.cli.explanation import ExplainedCompletion, explanation
from goodcall.cli.failures import CommandFailed
from goodcall.cli.named_reward import named_reward
from goodcall.cli.options import AssistantPrefix, IgnoreUnknown, InputFile, RewardId
from goodcall.cli.rows import RowFile, open_rows
from goodcall.items import encode, prefix_of
from goodcall.reasons import Reason
from goodcall.rewards import DEFAULT_REWARD, find_reward


def explain(
    file: InputFile,
    *,
    item: Annotated[
        str | None, typer.Option(metavar="ID|N", help="Only items with this id, or on this line.", show_default=False)
    ] = None,
    completion: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Only the completion at this index, counted from 0.")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="CODE", help="Only completions with this reason.")] = None,
    reward: RewardId = DEFAULT_REWARD,
    assistant_prefix: AssistantPrefix = "",
    ignore_unknown: IgnoreUnknown = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a completion, a line each.")] = False,
) -> None:
    """Show why completions got their scores: the reason, the place, the difference.

    FILE is what `goodcall score` reads. Where the calls are not the expected ones, `-` marks what was expected and
    `+` what was made, argument by argument.
    """
    wanted_reason = _known(reason)
    judging = Judging(
        rewards=(named_reward(reward).id,),
        assistant_prefix=assistant_prefix,
        explain=True,
        ignore_unknown=ignore_unknown,
    )
    console = Console(highlight=False)
    shown = 0
    with open_rows(file, columns=ITEM_FIELDS if ignore_unknown else None) as rows:
        for case in _explained(rows, judging, item):
            if completion in {None, case.index} and wanted_reason in {None, case.verdict.reason}:
                shown += 1
                if as_json:
                    typer.echo(encode(case.as_json()))
                else:
                    console.print(explanation(case, rows.place(case.number)), "")
    if not shown:
        raise CommandFailed(f"{file} holds no completion that was asked for; look at --item, --completion, --reason")


def _known(code: str | None) -> Reason | None:
    if code is None:
        return None
    reason = next((known for known in Reason if known == code), None)
    if reason is None:
        advice = nearest(code, list(Reason), otherwise=f"known are {', '.join(Reason)}")
        raise CommandFailed(f"unknown reason {code}; {advice}")
    return reason


def _explained(file: RowFile, judging: Judging, wanted: str | None) -> Iterator[ExplainedCompletion]:
    for row in file.rows:
        if wanted is None or _is(row, wanted):
            for judged in judge_rows(judging, [row]):
                if isinstance(judged, Stop):
                    raise CommandFailed(judged.at(file.place(judged.number)))
                yield from _completions(judged, judging)


class _Named(msgspec.Struct):
    id: str | None = None


def _is(row: Row, wanted: str) -> bool:
    """Whether a row is the wanted one. Rows that can't be read are not, so that they don't stand in its way."""
    if str(row.number) == wanted:
        return True
    try:
        return msgspec.json.decode(row.text, type=_Named).id == wanted
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _completions(judged: JudgedItem, judging: Judging) -> Iterator[ExplainedCompletion]:
    [verdicts] = judged.verdicts
    for index, verdict in enumerate(verdicts):
        yield ExplainedCompletion(
            item=judged.item,
            number=judged.number,
            index=index,
            verdict=verdict,
            prefix=prefix_of(judged.item, judging.assistant_prefix),
            reward=find_reward(judging.rewards[0]),
        )

"""The result for people: what was counted, and the scores beside those that were published."""

from collections.abc import Iterable, Iterator

from rich.table import Table

from goodcall_trainer.evaluation import apibank, bfcl
from goodcall_trainer.evaluation.averages import HARD_SUFFIX
from goodcall_trainer.evaluation.published import APIBANK_CALL, APIBANK_SOURCE, BFCL_ROWS, BFCL_SOURCE, PublishedRow
from goodcall_trainer.evaluation.result import Result
from goodcall_trainer.evaluation.scores import Estimate

OURS = "this policy"
_NOTHING = "-"
_CATEGORY_COLUMNS = {
    "simple_python": "simple",
    "multiple": "multiple",
    "parallel": "parallel",
    "parallel_multiple": "par-mult",
    "live_simple": "L simple",
    "live_multiple": "L multiple",
    "live_parallel": "L parallel",
    "live_parallel_multiple": "L par-mult",
}
_AVERAGE_COLUMNS = {
    "non_live": "non-live",
    "live": "live",
    "live_unweighted": "live plain",
    "live_with_relevance": "live with relev.",
    "overall": "overall",
    "overall_unweighted": "overall plain",
    "overall_with_relevance": "overall with relev.",
}


def tables(result: Result) -> Iterator[Table]:
    """All tables of a result."""
    yield _counts_table(result)
    yield _averages_table(result)
    if f"{bfcl.NAME}.overall" in result.scores:
        yield _categories_table(result)
        yield _averages_beside_published(result)
    if f"{apibank.NAME}.level_1" in result.scores:
        yield _apibank_table(result)


def notes(result: Result) -> Iterator[str]:
    """What the tables don't say by themselves."""
    if result.limit is not None:
        yield f"only the first {result.limit} questions of each category were asked"
    if unjudged := _unjudged(result):
        yield f"{unjudged} questions have no verdict, and are in no score; verdicts.jsonl has the reasons"
    if result.unparsed_calls:
        yield (
            f"{result.unparsed_calls} answers have a call in their text, which the server was to read: is its parser "
            "of tool calls on? Where names of tools have dots, such a call is wrong. --tokenizer needs no parser"
        )
    if result.left_out:
        left_out = ", ".join(f"{name} ({count})" for name, count in sorted(result.left_out.items()))
        yield f"not asked: {left_out}"
    if f"{bfcl.NAME}.simple_python" in result.tallies:
        yield (
            "live and overall count each question the same, plain each category; with relev. has live irrelevance and "
            "live relevance among them"
        )
        yield "simple is Python here, and the mean of Python, Java and JavaScript in what is published"
        yield (
            f"published: {BFCL_SOURCE}; as printed, Live of Tool-N1 is by question and without (ir)relevance, that of "
            "the others with it"
        )
    if f"{apibank.NAME}.level_1" in result.tallies:
        yield f"published: {APIBANK_SOURCE}; by which match it does not say"
    for reward, digest in result.digests.items():
        yield f"judged by {reward} {digest}"


def _unjudged(result: Result) -> int:
    """How many questions have no verdict; those that two rewards look at count once."""
    return sum(tally.unjudged for name, tally in result.tallies.items() if not name.endswith(HARD_SUFFIX))


def _counts_table(result: Result) -> Table:
    table = _table("Questions", "category", ("questions", "asked", "right", "cut off", "no verdict", "% right", "±"))
    for name, tally in result.tallies.items():
        counts = (tally.questions, tally.asked, tally.right, tally.truncated, tally.unjudged)
        table.add_row(name, *(f"{count:,}" for count in counts), *_value_and_error(tally.accuracy()))
    return table


def _averages_table(result: Result) -> Table:
    table = _table("Averages", "score", ("%", "±"))
    for name, estimate in result.scores.items():
        if name not in result.tallies:
            table.add_row(name, *_value_and_error(estimate))
    return table


def _categories_table(result: Result) -> Table:
    table = _table("BFCL by category, %", "model", _CATEGORY_COLUMNS.values())
    _add_ours(table, _CATEGORY_COLUMNS, result)
    for row in BFCL_ROWS:
        table.add_row(row.model, *_scores_of(row, _CATEGORY_COLUMNS))
    return table


def _averages_beside_published(result: Result) -> Table:
    headings = (*_AVERAGE_COLUMNS.values(), "printed live", "printed overall")
    table = _table("BFCL's averages, %, taken in the same way of every row's columns", "model", headings)
    _add_ours(table, _AVERAGE_COLUMNS, result)
    for row in BFCL_ROWS:
        table.add_row(
            row.model, *_scores_of(row, _AVERAGE_COLUMNS), _percent(row.printed_live), _percent(row.printed_overall)
        )
    return table


def _add_ours(table: Table, columns: Iterable[str], result: Result) -> None:
    ours = [_value_and_error(result.scores.get(f"{bfcl.NAME}.{name}")) for name in columns]
    table.add_row(OURS, *(value for value, _ in ours), style="bold")
    table.add_row("±", *(error for _, error in ours), end_section=True)


def _scores_of(row: PublishedRow, columns: Iterable[str]) -> Iterator[str]:
    return (_percent(row.score(name)) for name in columns)


def _apibank_table(result: Result) -> Table:
    table = _table("API-Bank, %", "model", ("level 1, call: soft", "hard"))
    soft, hard = (result.scores[f"{apibank.NAME}.level_1{suffix}"] for suffix in ("", HARD_SUFFIX))
    table.add_row(OURS, _value_and_error(soft)[0], _value_and_error(hard)[0], style="bold", end_section=True)
    for model, score in APIBANK_CALL.items():
        table.add_row(model, _percent(score), _NOTHING)
    return table


def _table(title: str, first: str, headings: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _value_and_error(estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return _NOTHING, _NOTHING
    return f"{100 * estimate.value:.2f}", f"{100 * estimate.standard_error:.2f}"


def _percent(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.2f}"

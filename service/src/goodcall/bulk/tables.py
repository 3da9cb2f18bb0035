"""A table of items with a column of their verdicts: for pipelines that have tables at hand.

With Ray Data: ``dataset.map_batches(with_verdicts, batch_format="pyarrow")``.
"""

import pyarrow as pa

from goodcall.bulk.failures import UnusableRows
from goodcall.bulk.judging import Judging, Stop, judge_rows
from goodcall.bulk.rows import NoJSON, Row, as_json
from goodcall.bulk.verdict_columns import VerdictColumns
from goodcall.rewards import DEFAULT_REWARD, find_reward

VERDICTS = "verdicts"
"""The name of the column."""


def with_verdicts(
    table: pa.Table,
    *,
    reward: str = DEFAULT_REWARD,
    assistant_prefix: str = "",
    explain: bool = False,
    ignore_unknown: bool = True,
) -> pa.Table:
    """The table with a column ``verdicts`` more: for each row a list with a verdict for each completion.

    Args:
        table: columns as ``goodcall score`` reads them from Parquet: ``completions`` or ``completion``,
            ``ground_truth``, ``tools``, and if need be ``id``, ``context`` and ``assistant_prefix``.
        reward: a catalogue id; without ``@version`` the newest.
        assistant_prefix: what the chat template put before each completion, where a row has no prefix of its own.
        explain: whether verdicts carry their detail.
        ignore_unknown: whether columns that an item does not have are passed over.

    Raises:
        UnknownReward: the catalogue holds no such reward.
        UnusableRows: a row is no item, or lacks what the reward needs; says which.
    """
    judging = Judging(
        rewards=(find_reward(reward).id,),
        assistant_prefix=assistant_prefix,
        explain=explain,
        ignore_unknown=ignore_unknown,
    )
    columns = VerdictColumns(explain=explain)
    for judged in judge_rows(judging, table_rows(table.drop_columns(_present(table)), first=1, of="the table")):
        if isinstance(judged, Stop):
            raise UnusableRows(judged.at(f"the table, row {judged.number}"))
        columns.add(judged)
    return table.drop_columns(_present(table)).append_column(VERDICTS, columns.verdicts())


def _present(table: pa.Table) -> list[str]:
    """Verdicts of an earlier time, which these take the place of."""
    return [VERDICTS] if VERDICTS in table.column_names else []


def table_rows(table: pa.Table | pa.RecordBatch, *, first: int, of: str) -> list[Row]:
    """The rows of a table, numbered from the first one's number on.

    Args:
        table: its columns are an item's fields.
        first: the number of its first row.
        of: what people know the rows' source by.

    Raises:
        UnusableRows: a column holds what JSON has no word for; says in which row.
    """
    rows = []
    for number, row in enumerate(table.to_pylist(maps_as_pydicts="strict"), first):
        try:
            rows.append(Row(number, as_json(row)))
        except NoJSON as error:
            raise UnusableRows(f"{of}, row {number}: {error}") from None
    return rows

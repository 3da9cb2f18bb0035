"""Verdicts as a column of a Spark DataFrame, by ``mapInPandas``.

Every executor must have this package installed with the extra ``spark``.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_type
from pyspark.sql.types import StructField, StructType

from goodcall.bulk import tables
from goodcall.bulk.tables import VERDICTS
from goodcall.bulk.verdict_columns import verdicts_type
from goodcall.rewards import DEFAULT_REWARD, find_reward

Frames: TypeAlias = Iterator[pd.DataFrame]


def with_verdicts(
    rows: DataFrame,
    *,
    reward: str = DEFAULT_REWARD,
    assistant_prefix: str = "",
    explain: bool = False,
    ignore_unknown: bool = True,
) -> DataFrame:
    """The rows with a column ``verdicts`` more: for each row an array with a verdict for each completion.

    Args:
        rows: columns as ``goodcall score`` reads them from Parquet; others are passed over and kept.
        reward: a catalogue id; without ``@version`` the newest.
        assistant_prefix: what the chat template put before each completion, where a row has no prefix of its own.
        explain: whether verdicts carry their detail.
        ignore_unknown: False makes columns that an item does not have an error.

    Raises:
        UnknownReward: the catalogue holds no such reward. A row that can't be scored fails the job when it runs.
    """
    judge = verdicts_in_pandas(
        reward=reward, assistant_prefix=assistant_prefix, explain=explain, ignore_unknown=ignore_unknown
    )
    return rows.mapInPandas(judge, schema_with_verdicts(rows.schema, explain=explain))


def verdicts_in_pandas(
    *,
    reward: str = DEFAULT_REWARD,
    assistant_prefix: str = "",
    explain: bool = False,
    ignore_unknown: bool = True,
) -> Callable[[Frames], Frames]:
    """The function for ``mapInPandas``: frames of rows to the same frames with ``verdicts``.

    The schema to give along is ``schema_with_verdicts`` of the rows.
    """
    return partial(
        _map,
        # Named by its version here, so that no executor with another catalogue takes another one.
        reward=find_reward(reward).id,
        assistant_prefix=assistant_prefix,
        explain=explain,
        ignore_unknown=ignore_unknown,
    )


def schema_with_verdicts(schema: StructType, *, explain: bool = False) -> StructType:
    """The schema of rows with a column ``verdicts`` at its end, in place of one that they had."""
    fields = [field for field in schema.fields if field.name != VERDICTS]
    return StructType([*fields, StructField(VERDICTS, from_arrow_type(verdicts_type(explain=explain)))])


def _map(frames: Frames, *, reward: str, assistant_prefix: str, explain: bool, ignore_unknown: bool) -> Frames:
    for frame in frames:
        table = tables.with_verdicts(
            pa.Table.from_pandas(frame, preserve_index=False),
            reward=reward,
            assistant_prefix=assistant_prefix,
            explain=explain,
            ignore_unknown=ignore_unknown,
        )
        yield frame.assign(**{VERDICTS: table[VERDICTS].to_pylist()})

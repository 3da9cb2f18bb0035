"""A row as columns of TRL's dataset, and a batch of those with completions as items of the wire."""

import json
from collections.abc import Callable, Sequence
from itertools import groupby

from goodcall_client import Item, JSONText
from goodcall_trainer.prompt import render_prompt
from goodcall_trainer.row import Row

JUDGED_BY = ("row_id", "tools_json", "ground_truth_json")
"""The columns that a reward needs, in the order in which `items_of` takes them."""


def reward_columns(row: Row, *, render: Callable[[Row], str] = render_prompt) -> dict[str, str]:
    """The row as dataset columns: all text.

    Tools and calls travel as JSON texts, since Arrow gives every row of a struct column the same keys and would fill up
    one tool's parameters with nulls for those of all others.
    """
    return {
        "prompt": render(row),
        "row_id": row.id,
        "tools_json": json.dumps(row.tools),
        "ground_truth_json": json.dumps(row.ground_truth),
    }


def items_of(
    completions: Sequence[str],
    row_id: Sequence[str],
    tools_json: Sequence[str],
    ground_truth_json: Sequence[str],
    *,
    step: int,
    assistant_prefix: str = "",
) -> list[Item]:
    """One item for each run of neighbours with the same row: TRL keeps the completions of a prompt together."""
    columns = zip(completions, row_id, tools_json, ground_truth_json, strict=True)
    return [
        Item(
            id=identity,
            tools=JSONText(tools),
            ground_truth=JSONText(ground_truth),
            completions=[completion for completion, *_ in group],
            context={"step": step},
            assistant_prefix=assistant_prefix or None,
        )
        for (identity, tools, ground_truth), group in groupby(columns, key=lambda column: column[1:])
    ]

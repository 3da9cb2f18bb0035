"""Rows: JSON texts with a number, whatever they came from, so that everything behind them knows one kind of input."""

import json
from typing import Any, NamedTuple, TypeAlias

import msgspec

JSON_TEXT_COLUMNS = ("tools", "ground_truth", "context")
"""Columns that tables hold either as nested values or as JSON text."""

Columns: TypeAlias = dict[str, Any]
"""The values of one row of a table, by column."""


class Row(NamedTuple):
    """One row of a file."""

    number: int
    """Counted from 1: of the line in JSON lines, blank ones included; of the row in Parquet."""
    text: bytes
    """A JSON text, as yet unread."""


class NoJSON(Exception):
    """A column holds what JSON has no word for; the message names the column."""


def as_json(row: Columns) -> bytes:
    """A row of a table as a JSON object; a null in a column is a field that is left out.

    Raises:
        NoJSON: a value can't be written as JSON.
    """
    fields = (
        json.dumps(column).encode() + b":" + _field(column, value) for column, value in row.items() if value is not None
    )
    return b"{" + b",".join(fields) + b"}"


def _field(column: str, value: Any) -> bytes:
    if column in JSON_TEXT_COLUMNS and isinstance(value, str) and _is_json_text(value):
        return value.encode()
    try:
        return json.dumps(_without_nulls(value), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise NoJSON(f"column {column} can't be written as JSON: {error}") from None


def _is_json_text(text: str) -> bool:
    """Whether a text is JSON of an array or an object; any other text stands for itself."""
    if not text.lstrip().startswith(("[", "{")):
        return False
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _without_nulls(value: Any) -> Any:
    """A nested value without the nulls that tables put wherever a row lacks a field that other rows have."""
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [_without_nulls(child) for child in value]
    return value

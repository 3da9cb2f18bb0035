"""Rows to items of the wire, read as strictly as the service does, with two liberties that files need.

A row may hold one ``completion`` instead of a list, and fields of no meaning here can be passed over when asked for:
a misspelt ``tools`` that nobody noticed would leave calls unchecked.
"""

import json
from typing import Any

import msgspec

from goodcall.bulk.nearest import nearest
from goodcall.errors import InvalidJSON, InvalidShape, MalformedInput, UnknownField
from goodcall.items import Item, decode, decode_item

ONE_COMPLETION = "completion"
ONE_LIST = "a file that is one list becomes lines by jq -c '.[]'"
ITEM_FIELDS = frozenset((*Item.__struct_fields__, ONE_COMPLETION))

_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_item(text: bytes, *, ignore_unknown: bool) -> Item:
    """The item of a row.

    Args:
        text: JSON of one item.
        ignore_unknown: whether fields that an item does not have are passed over.

    Raises:
        MalformedInput: the row is no item; says where and what to do.
    """
    try:
        return decode_item(text)
    except InvalidJSON as error:
        raise InvalidJSON(_advice_on_json(text, error)) from None
    except MalformedInput:
        fields = read_fields(text)
    known = {name: value for name, value in fields.items() if name in ITEM_FIELDS}
    if len(known) < len(fields) and not ignore_unknown:
        raise UnknownField(_advice_on_field(fields), "")
    return decode_item(_with_completions(known))


def read_fields(text: bytes) -> dict[str, bytes]:
    """The fields of a row, each as its JSON text.

    Raises:
        MalformedInput: the row is no JSON object.
    """
    try:
        fields = decode(text, _fields_decoder, _make_raw)
    except InvalidShape:
        raise InvalidShape(f"a row is an object and nothing else; {ONE_LIST}", "") from None
    return {name: bytes(value) for name, value in fields.items()}


def _make_raw(fields: Any) -> None:
    if isinstance(fields, dict):
        fields.update({name: msgspec.Raw(json.dumps(value).encode()) for name, value in fields.items()})


def _with_completions(fields: dict[str, bytes]) -> bytes:
    """The JSON of an item in which a lone completion has become a list of one."""
    completion = fields.pop(ONE_COMPLETION, None)
    if completion is not None:
        if "completions" in fields:
            raise InvalidShape("the row has completion and completions; keep one of them", "")
        fields["completions"] = b"[" + completion + b"]"
    return b"{" + b",".join(json.dumps(name).encode() + b":" + value for name, value in fields.items()) + b"}"


def _advice_on_json(text: bytes, error: InvalidJSON) -> str:
    if text.strip() in {b"{", b"["} or text.rstrip().endswith((b"[", b"{", b",")):
        return f"the line is not a whole JSON text; write one item a line: jq -c . ({ONE_LIST})"
    return f"the line must be one JSON text (RFC 8259) in UTF-8. {error}"


def _advice_on_field(fields: dict[str, bytes]) -> str:
    if "items" in fields:
        return "this is a whole request; write each of its items on a line of its own: jq -c '.items[]'"
    unknown = next(name for name in fields if name not in ITEM_FIELDS)
    advice = nearest(unknown, ITEM_FIELDS, otherwise=f"known are {', '.join(sorted(ITEM_FIELDS))}.")
    return f"unknown field {unknown}; {advice} --ignore-unknown passes over such fields"

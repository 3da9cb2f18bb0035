"""From values to the bytes of JSON, and back. Pure functions.

A call is megabytes of text, and its encoding was most of what the client costs. orjson takes half as long; where it is
not installed, the standard library does it as cheaply as it can. The bytes are the same. Nothing here knows an item.
"""

import contextlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

try:
    import orjson
except ModuleNotFoundError:
    HAS_ORJSON = False
else:
    HAS_ORJSON = True

Fields: TypeAlias = Mapping[str, bytes | Sequence[str]]
"""The fields of an object: as the JSON that they are already, or as texts to be made a list of strings."""

_BETWEEN = b"\xff"  # no byte of UTF-8
_ESCAPES = [json.dumps(chr(control))[1:-1].encode() for control in range(0x20)]


def encode(value: Any) -> bytes:
    """The value as compact JSON in UTF-8; any mapping is an object.

    Raises:
        TypeError, ValueError: JSON has no form for it, or it contains itself.
        RecursionError: It is nested too deeply.
    """
    # orjson is no help here: it makes a null of what is not a number.
    try:
        return _TEXT.encode(value).encode()
    except UnicodeEncodeError:
        # A policy may well emit half a surrogate pair: UTF-8 cannot carry it, an escape can.
        return _ASCII.encode(value).encode()


def encode_batch(options: Fields, items: Sequence[Fields]) -> bytes:
    """A JSON object with some fields and, as the last one, a list `items`; by orjson where it is installed."""
    return _encode_batch_by_orjson(options, items) if HAS_ORJSON else encode_batch_plainly(options, items)


def encode_batch_plainly(options: Fields, items: Iterable[Fields]) -> bytes:
    """The same by the standard library."""
    # Megabytes. Joining pieces of them needs as much fresh memory again; BytesIO gives its own away without a copy.
    written = io.BytesIO()
    written.writelines(_members({**options, "items": b"["}))
    for index, fields in enumerate(items):
        written.write(b"," if index else b"")
        written.writelines(_members(fields))
        written.write(b"}")
    written.write(b"]}")
    return written.getvalue()


def _members(fields: Fields) -> Iterator[bytes]:
    """An object that has fields, but for its last bracket."""
    before = b"{"
    for name, value in fields.items():
        yield b'%b"%b":' % (before, name.encode())
        yield from (value,) if isinstance(value, bytes) else encode_texts(value)
        before = b","


def _encode_batch_by_orjson(options: Fields, items: Sequence[Fields]) -> bytes:
    try:
        return orjson.dumps({**_fragments(options), "items": [*map(_fragments, items)]})
    except TypeError:
        # It has no escape for half a surrogate pair.
        return encode_batch_plainly(options, items)


def _fragments(fields: Fields) -> dict[str, Any]:
    return {name: orjson.Fragment(value) if isinstance(value, bytes) else value for name, value in fields.items()}


def encode_texts(texts: Sequence[str]) -> tuple[bytes, ...]:
    """A JSON array of strings, in pieces to be joined, by the standard library.

    Its encoder looks at each character twice; `bytes.replace` finds those to escape with memchr. That costs less than
    half, as long as several texts share the calls.
    """
    if not texts:
        return (b"[]",)
    try:
        raw = _BETWEEN.join([text.encode() for text in texts])
    except UnicodeEncodeError:
        return (encode(texts),)
    raw = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    for control in filter(raw.__contains__, range(0x20)):
        raw = raw.replace(bytes((control,)), _ESCAPES[control])
    return b'["', raw.replace(_BETWEEN, b'","'), b'"]'


def decode(text: bytes) -> Any:
    """The value that a JSON text in UTF-8 is; NaN and its like are none.

    An integer that does not fit into 64 bits may come as the nearest double.

    Raises:
        ValueError: it is no such text; UnicodeDecodeError if it is not UTF-8.
        RecursionError: It is nested too deeply.
    """
    if HAS_ORJSON:
        # What it does not take, such as half a surrogate pair, may be JSON all the same.
        with contextlib.suppress(ValueError):
            return orjson.loads(text)
    return decode_plainly(text)


def decode_plainly(text: bytes) -> Any:
    """The same by the standard library."""
    return json.loads(text.decode(), parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _mapping(value: object) -> dict[Any, Any]:
    """Any mapping is an object to JSON; the standard encoder takes only dicts."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


_TEXT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_mapping)
_ASCII = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=_mapping)

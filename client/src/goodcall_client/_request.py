"""From the items of a call to the requests that carry it: checked, split, encoded. Pure functions.

Everything that can be the caller's mistake is found here, before the first byte is sent. Bodies are encoded
once; retries send the same bytes. Nothing here sends, waits or retries.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ._errors import InvalidItem
from ._types import Item

_POINTER = re.compile(r"/items/(\d{1,9})(?:/completions/(\d{1,9}))?(?=/|\Z)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An item of a request: one of the call's items whole, or a run of its completions.

    `position` is that of the item in the call, `start` that of the first completion in the item.
    """

    position: int
    id: str | None
    start: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """One `POST /score`: its body, and what a right answer to it looks like."""

    body: bytes
    reward: str | None
    parts: tuple[Part, ...]

    def pointer_in_call(self, pointer: str | None) -> str | None:
        """A JSON Pointer into this request, as one into the items of the whole call."""
        found = _POINTER.match(pointer or "")
        if not pointer or not found or int(found[1]) >= len(self.parts):
            return pointer
        part = self.parts[int(found[1])]
        completion = f"/completions/{part.start + int(found[2])}" if found[2] else ""
        return f"/items/{part.position}{completion}{pointer[found.end() :]}"


def plan(
    items: Sequence[Item], *, limit: int, reward: str | None, assistant_prefix: str, explain: bool
) -> tuple[ScoreRequest, ...]:
    """The requests that score `items`, in order, with at most `limit` completions each; at least one.

    An item is cut only when it alone is larger than `limit`. No items make one empty request, because which
    reward that is, only the service can tell.

    Raises:
        TypeError: An argument or an item has the wrong type.
        InvalidItem: An item cannot be written as JSON.
    """
    _expect(reward, str | None, "str or None", "reward")
    _expect(assistant_prefix, str, "str", "assistant_prefix")
    for position, item in enumerate(items):
        _check_item(f"items[{position}]", item)
    options = _options(reward, assistant_prefix, explain=explain)
    return tuple(
        ScoreRequest(body=_body(options, items, parts), reward=reward, parts=parts) for parts in _split(items, limit)
    )


def _check_item(where: str, item: object) -> None:
    if not isinstance(item, Item):
        _refuse(item, "goodcall_client.Item", where)
    _expect_list(item.completions, f"{where}.completions")
    for index, completion in enumerate(item.completions):
        _expect(completion, str | Mapping, "str or a mapping", f"{where}.completions[{index}]")
    if item.tools is not None:
        _expect_list(item.tools, f"{where}.tools")
    _expect(item.id, str | None, "str or None", f"{where}.id")
    _expect(item.context, Mapping | None, "a mapping or None", f"{where}.context")
    _expect(item.assistant_prefix, str | None, "str or None", f"{where}.assistant_prefix")


def _expect(value: object, kind: Any, words: str, where: str) -> None:
    if not isinstance(value, kind):
        _refuse(value, words, where)


def _expect_list(value: object, where: str) -> None:
    # A str is a sequence of str: one completion passed bare would be scored letter by letter.
    if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray):
        _refuse(value, "a list", where)


def _refuse(value: object, words: str, where: str) -> NoReturn:
    raise TypeError(f"{where} is of type {type(value).__name__}: {words} is wanted. Nothing was sent.")


def _split(items: Sequence[Item], limit: int) -> Iterator[tuple[Part, ...]]:
    request: list[Part] = []
    room = limit
    for part in _parts(items, limit):
        size = max(1, part.count)  # an item without completions is work too
        if size > room:
            yield tuple(request)
            request, room = [], limit
        request.append(part)
        room -= size
    yield tuple(request)


def _parts(items: Sequence[Item], limit: int) -> Iterator[Part]:
    for position, item in enumerate(items):
        total = len(item.completions)
        for start in range(0, max(1, total), limit):
            yield Part(position=position, id=item.id, start=start, count=min(limit, total - start))


def _options(reward: str | None, assistant_prefix: str, *, explain: bool) -> dict[str, bytes]:
    options: dict[str, Any] = {
        "reward": reward,
        "assistant_prefix": assistant_prefix or None,
        "explain": True if explain else None,
    }
    return {name: _json(value) for name, value in options.items() if value is not None}


def _body(options: Mapping[str, bytes], items: Sequence[Item], parts: Sequence[Part]) -> bytes:
    return _object({**options, "items": _array(_item(items[part.position], part) for part in parts)})


def _item(item: Item, part: Part) -> bytes:
    optional = {
        "id": item.id,
        "tools": None if item.tools is None else list(item.tools),
        "context": item.context,
        "assistant_prefix": item.assistant_prefix,
    }
    fields = {
        "completions": list(item.completions[part.start : part.start + part.count]),
        "ground_truth": item.ground_truth,
        **{name: value for name, value in optional.items() if value is not None},
    }
    return _object({name: _field(part.position, name, value) for name, value in fields.items()})


def _field(position: int, name: str, value: Any) -> bytes:
    try:
        return _json(value)
    except RecursionError as error:
        raise InvalidItem(position, name, "nested too deeply") from error
    except (TypeError, ValueError) as error:
        raise InvalidItem(position, name, str(error)) from error


def _object(members: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), value) for name, value in members.items()) + b"}"


def _array(values: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def _json(value: Any) -> bytes:
    try:
        return _TEXT.encode(value).encode()
    except UnicodeEncodeError:
        # A policy may well emit half a surrogate pair: UTF-8 cannot carry it, an escape can.
        return _ASCII.encode(value).encode()


def _mapping(value: object) -> dict[Any, Any]:
    """Any mapping is an object to JSON; the standard encoder takes only dicts."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


_TEXT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_mapping)
_ASCII = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=_mapping)

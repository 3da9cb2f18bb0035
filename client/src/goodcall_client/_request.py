"""From the items of a call to the requests that carry it: checked, split, encoded. Pure functions.

Everything that can be the caller's mistake is found here, before the first byte is sent. Bodies are encoded
once; retries send the same bytes. Nothing here sends, waits or retries.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, NoReturn, TypeGuard

from ._encoding import Fields, encode, encode_batch
from ._errors import InvalidItem
from ._types import Item, JSONText

_POINTER = re.compile(r"/items/(\d{1,9})(?:/completions/(\d{1,9}))?(?=/|\Z)", re.ASCII)

# `isinstance` is several times quicker with a class that it finds first than with an abstract one.
_TEXT_OR_NONE = (str, NoneType)
_MAPPING_OR_NONE = (NoneType, dict, Mapping)
_TEXT_OR_MAPPING = (str, dict, Mapping)
_LIST = (list, tuple, Sequence)


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
    _expect(reward, _TEXT_OR_NONE, "str or None", "reward")
    _expect(assistant_prefix, str, "str", "assistant_prefix")
    for position, item in enumerate(items):
        _check_item(f"items[{position}]", item)
    options = _options(reward, assistant_prefix, explain=explain)
    tools: dict[int, bytes] = {}
    return tuple(
        ScoreRequest(
            body=encode_batch(options, [_fields(items[part.position], part, tools) for part in parts]),
            reward=reward,
            parts=parts,
        )
        for parts in _split(items, limit)
    )


def _check_item(where: str, item: object) -> None:
    if not isinstance(item, Item):
        _refuse(item, "goodcall_client.Item", where)
    _expect_list(item.completions, where, "completions")
    if not _are_texts(item.completions):
        for index, completion in enumerate(item.completions):
            _expect(completion, _TEXT_OR_MAPPING, "str or a mapping", where, f"completions[{index}]")
    if item.tools is not None and not isinstance(item.tools, JSONText):
        _expect_list(item.tools, where, "tools")
    _expect(item.id, _TEXT_OR_NONE, "str or None", where, "id")
    _expect(item.context, _MAPPING_OR_NONE, "a mapping or None", where, "context")
    _expect(item.assistant_prefix, _TEXT_OR_NONE, "str or None", where, "assistant_prefix")


def _are_texts(completions: Iterable[object]) -> TypeGuard[Sequence[str]]:
    return {str}.issuperset(map(type, completions))


def _expect(value: object, kinds: type | tuple[type, ...], words: str, *where: str) -> None:
    if not isinstance(value, kinds):
        _refuse(value, words, *where)


def _expect_list(value: object, *where: str) -> None:
    # A str is a sequence of str: one completion passed bare would be scored letter by letter.
    if not isinstance(value, _LIST) or isinstance(value, str | bytes | bytearray):
        _refuse(value, "a list", *where)


def _refuse(value: object, words: str, *where: str) -> NoReturn:
    raise TypeError(f"{'.'.join(where)} is of type {type(value).__name__}: {words} is wanted. Nothing was sent.")


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


def _options(reward: str | None, assistant_prefix: str, *, explain: bool) -> Fields:
    options = {"reward": reward, "assistant_prefix": assistant_prefix or None, "explain": True if explain else None}
    return {name: encode(value) for name, value in options.items() if value is not None}


def _fields(item: Item, part: Part, tools: dict[int, bytes]) -> Fields:
    """One item of a request. `tools` remembers, by identity, the encodings of the lists that items share."""
    position = part.position
    fields: dict[str, bytes | Sequence[str]] = {}
    fields["ground_truth"] = _json_or_text(position, "ground_truth", item.ground_truth)
    for name, value in (("id", item.id), ("context", item.context), ("assistant_prefix", item.assistant_prefix)):
        if value is not None:
            fields[name] = _field(position, name, value)
    if item.tools is not None:
        if id(item.tools) not in tools:
            plain = item.tools if isinstance(item.tools, JSONText) else list(item.tools)
            tools[id(item.tools)] = _json_or_text(position, "tools", plain)
        fields["tools"] = tools[id(item.tools)]
    completions: list[Any] = list(item.completions[part.start : part.start + part.count])
    fields["completions"] = completions if _are_texts(completions) else _field(position, "completions", completions)
    return fields


def _json_or_text(position: int, name: str, value: Any) -> bytes:
    """The value as JSON; a `JSONText` is that already, and is not looked at."""
    return _field(position, name, value, str.encode if isinstance(value, JSONText) else encode)


def _field(position: int, name: str, value: Any, write: Callable[[Any], bytes] = encode) -> bytes:
    try:
        return write(value)
    except RecursionError as error:
        raise InvalidItem(position, name, "nested too deeply") from error
    except (TypeError, ValueError) as error:
        raise InvalidItem(position, name, str(error)) from error

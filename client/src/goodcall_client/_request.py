"""From the items of a call to the requests that carry it: checked, split, encoded. Pure functions.

Everything that can be the caller's mistake is found here, before the first byte is sent. Bodies are encoded
once; retries send the same bytes. Nothing here sends, waits or retries.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, NoReturn

from ._encoding import encode, encode_texts
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
    envelope = _envelope(reward, assistant_prefix, explain=explain)
    tools: dict[int, bytes] = {}
    return tuple(
        ScoreRequest(body=_body(envelope, items, parts, tools), reward=reward, parts=parts)
        for parts in _split(items, limit)
    )


def _check_item(where: str, item: object) -> None:
    if not isinstance(item, Item):
        _refuse(item, "goodcall_client.Item", where)
    _expect_list(item.completions, where, "completions")
    if not _all_text(item.completions):
        for index, completion in enumerate(item.completions):
            _expect(completion, _TEXT_OR_MAPPING, "str or a mapping", where, f"completions[{index}]")
    if item.tools is not None and not isinstance(item.tools, JSONText):
        _expect_list(item.tools, where, "tools")
    _expect(item.id, _TEXT_OR_NONE, "str or None", where, "id")
    _expect(item.context, _MAPPING_OR_NONE, "a mapping or None", where, "context")
    _expect(item.assistant_prefix, _TEXT_OR_NONE, "str or None", where, "assistant_prefix")


def _all_text(completions: Iterable[object]) -> bool:
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


def _envelope(reward: str | None, assistant_prefix: str, *, explain: bool) -> bytes:
    """A request without items; its last two bytes close the list of them and the request."""
    options = {"reward": reward, "assistant_prefix": assistant_prefix or None, "explain": True if explain else None}
    return encode({**_given(options), "items": []})


def _body(envelope: bytes, items: Sequence[Item], parts: Sequence[Part], tools: dict[int, bytes]) -> bytes:
    # Megabytes. Joining pieces of them needs as much fresh memory again; BytesIO gives its own away without a copy.
    body = io.BytesIO()
    body.write(envelope[:-2])
    for index, part in enumerate(parts):
        body.write(b"," if index else b"")
        body.writelines(_item(items[part.position], part, tools))
    body.write(envelope[-2:])
    return body.getvalue()


def _item(item: Item, part: Part, tools: dict[int, bytes]) -> tuple[bytes, ...]:
    """One object in pieces. `tools` remembers, by identity, the encodings of the lists that items share."""
    if item.tools is not None and id(item.tools) not in tools:
        plain = item.tools if isinstance(item.tools, JSONText) else list(item.tools)
        tools[id(item.tools)] = _json_or_text(part.position, "tools", plain)
    shared = () if item.tools is None else (b',"tools":', tools[id(item.tools)])
    completions = _completions(part.position, list(item.completions[part.start : part.start + part.count]))
    return b"{", _own_fields(part.position, item), *shared, b',"completions":', *completions, b"}"


def _completions(position: int, completions: list[Any]) -> tuple[bytes, ...]:
    if _all_text(completions):
        return encode_texts(completions)
    return (_field(position, "completions", completions),)


def _own_fields(position: int, item: Item) -> bytes:
    fields = _given({"id": item.id, "context": item.context, "assistant_prefix": item.assistant_prefix})
    ground_truth = _json_or_text(position, "ground_truth", item.ground_truth)
    optional = [b',"%b":%b' % (name.encode(), _field(position, name, value)) for name, value in fields.items()]
    return b"".join([b'"ground_truth":', ground_truth, *optional])


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


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

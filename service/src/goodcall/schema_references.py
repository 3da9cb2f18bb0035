"""What the references inside one JSON Schema lead to, where that can be told without doubt."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from urllib.parse import unquote

from goodcall.types import JSON

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_ANCHORS = ("$anchor", "$dynamicAnchor")


class References:
    """What references within one schema lead to."""

    def __init__(self, root: dict[str, JSON]) -> None:
        self._root = root

    def resolve(self, reference: JSON) -> JSON:
        """What a reference leads to.

        Raises:
            ValueError: nothing in the schema, or what can't be told.
        """
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ValueError("a reference does not begin with #, so that it leads out of the schema")
        anchors = self._anchors
        fragment = unquote(reference[1:])
        if not fragment:
            return self._root
        return self._follow(fragment) if fragment.startswith("/") else _the_only(anchors.get(fragment, []))

    @cached_property
    def _anchors(self) -> dict[str, list[dict[str, JSON]]]:
        """All anchors of a schema in which every reference begins at the root.

        An id of its own, or a draft of its own, makes a part of a schema another one, which references in it begin at.
        """
        own = ("$schema", "id" if "draft-04" in str(self._root.get("$schema")) else "$id")
        anchors: dict[str, list[dict[str, JSON]]] = defaultdict(list)
        for value in _objects(self._root):
            if value is not self._root and any(isinstance(value.get(key), str) for key in own):
                raise ValueError("a schema has references, and a part of it an id or a draft of its own")
            for key in _ANCHORS:
                if isinstance(name := value.get(key), str):
                    anchors[name].append(value)
        return anchors

    def _follow(self, pointer: str) -> JSON:
        value: JSON = self._root
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            try:
                value = value[int(key)] if isinstance(value, list) else value[key]
            except (LookupError, TypeError, ValueError):
                raise ValueError("a reference leads to nothing in the schema") from None
        return value


def _the_only(anchored: list[dict[str, JSON]]) -> JSON:
    if len(anchored) != 1:
        raise ValueError("a reference leads to an anchor that does not stand in the schema exactly once")
    return anchored[0]


def _objects(value: JSON) -> Iterator[dict[str, JSON]]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value

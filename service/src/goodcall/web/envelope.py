"""What the decoder lets pass in a request's own JSON: keys that are repeated, and brackets without end.

Of completions, tools and ground truths nothing is looked at here. The verdict has rules of its own for them, and what
breaks those costs a score and not the batch.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from goodcall.items import Item
from goodcall.strict_json import JSONFault, refuse_deeper
from goodcall.web.problems import ProblemCode, RequestProblem

_JUDGED = frozenset({"tools", "ground_truth", "arguments"})


def refuse_repeated_keys(body: bytes) -> None:
    """Lets a body pass, which the decoder has taken, if no object of it names a key twice.

    Raises:
        RequestProblem: one does; says where.
    """
    decoder = _Decoder()
    try:
        # In what is judged, or ignored, the decoder lets pass what is no UTF-8.
        value = decoder.decode(body.decode(errors="replace"))
    except RecursionError:
        # Only what is judged, or ignored, can be as deep as that.
        return
    for pointer in _repeating(value, "") if decoder.has_repeated else ():
        raise RequestProblem(ProblemCode.INVALID_JSON, "An object of a request names each key once.", pointer)


class _Repeating(dict[str, Any]):
    """An object in which a key is repeated."""


class _Decoder(json.JSONDecoder):
    def __init__(self) -> None:
        # Numbers stay text: of those that are judged, some are too long to be read.
        super().__init__(object_pairs_hook=self._object, parse_int=str, parse_float=str)
        self.has_repeated = False

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        self.has_repeated = True
        return _Repeating(value)


def _repeating(value: Any, pointer: str) -> Iterator[str]:
    """JSON Pointers to the objects in a value that repeat a key, the outer before the inner."""
    if isinstance(value, _Repeating):
        yield pointer
    if isinstance(value, dict):
        for key, child in value.items():
            if key not in _JUDGED:
                yield from _repeating(child, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _repeating(child, f"{pointer}/{index}")


def refuse_deeper_contexts(items: Sequence[Item], max_depth: int, place: str = "/items/{}") -> None:
    """Lets items pass whose contexts hold nothing that nests deeper.

    Args:
        items: what was decoded.
        max_depth: brackets that may be open at once in what running the calls gave.
        place: the pattern of an item's JSON Pointer.

    Raises:
        RequestProblem: one nests deeper; says where.
    """
    for index, context in enumerate([item.context for item in items]):
        if context is not None:
            try:
                refuse_deeper(context.execution, max_depth)
            except JSONFault:
                raise RequestProblem(
                    ProblemCode.INVALID_JSON,
                    f"At most {max_depth} brackets may be open at once here.",
                    f"{place.format(index)}/context/execution",
                ) from None

"""How often one value in the arguments can be checked by a JSON Schema, all references followed.

Keywords such as ``allOf`` and ``$ref`` lead to schemas for the same value: their checks add up. Keywords such as
``properties`` and ``items`` lead to schemas for a value inside, where only what holds for one and the same value adds
up. A schema that contains itself in values inside is followed as deep as arguments may nest.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from goodcall.schema_bounds import BeyondBounds, is_looked_up
from goodcall.schema_references import REFERENCES, References
from goodcall.strict_json import MAX_DEPTH
from goodcall.types import JSON

_MAX_CHAIN = 100
"""Schemas for the same value that lead from one to the next."""
_MAX_ARROWS = 10_000
"""Ways from a value to one inside; more take too long to count."""

# What checks cost, in the time that the cheapest takes for one byte of JSON; measured with the worst values.
_CHECKS = {
    "contentMediaType": 4,
    "multipleOf": 550,
    "propertyNames": 3,
    "unevaluatedItems": 10,
    "unevaluatedProperties": 10,
    "uniqueItems": 15,
}
_CHEAP_COMPARISON = 2
_COMPARISON_WITH_INTEGER = 60
"""Of numbers that have fractions."""
_DEAR_COMPARISON = 400
"""With a number that has a fraction or many digits, which is compared exactly; or with what may hold one."""
_LONG_BITS = 64
_LIMIT, _LIMIT_WITH_FRACTION = 12, 24
_UNEVALUATED = 3
"""Times that what is beside ``unevaluatedProperties`` is asked: whether it holds, and what it has looked at."""

_SAME_VALUE = ("not", "if", "then", "else")
_SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")
_SAME_VALUE_MAPS = ("dependentSchemas", "dependencies")
_ANY_PROPERTY = ("additionalProperties", "unevaluatedProperties")
_ANY_ITEM = ("items", "additionalItems", "unevaluatedItems", "contains")
_ITEM_LISTS = ("prefixItems", "items")

_Slot: TypeAlias = tuple[str, str | int | None]
"""Which values inside a schema is for: their kind, and a name or an index; None for all of the kind."""
_Arrows: TypeAlias = dict[_Slot, dict[int, int]]
"""By slot the schemas that hold there, by their ids, and how often."""


@dataclass(frozen=True, slots=True)
class _Site:
    """A schema with all that it leads to for the same value."""

    checks: int
    arrows: _Arrows


def count_checks(schema: JSON, max_checks: int, pattern_checks: int) -> int:
    """The checks of one value in the arguments, at most; a check is what takes the time of a type for a byte.

    Args:
        schema: nested no deeper than Python recurses.
        max_checks: what they may be.
        pattern_checks: what a pattern counts as.

    Raises:
        BeyondBounds: they are more, or too many to count.
        ValueError: a reference can't be followed, or leads back to where it stands without going into a value.
    """
    if not isinstance(schema, dict):
        return 1
    return _Counter(schema, max_checks, pattern_checks).count()


class _Counter:
    def __init__(self, root: dict[str, JSON], max_checks: int, pattern_checks: int) -> None:
        self._references = References(root)
        self._root = root
        self._max_checks = max_checks
        self._pattern_checks = pattern_checks
        self._schemas: dict[int, dict[str, JSON]] = {}
        self._sites: dict[int, _Site] = {}
        self._open: set[int] = set()
        self._arrows_left = _MAX_ARROWS

    def count(self) -> int:
        self._site(self._root)
        while unseen := self._schemas.keys() - self._sites.keys():
            for key in unseen:
                self._site(self._schemas[key])
        checks = {key: site.checks for key, site in self._sites.items()}
        inside = [(key, _by_kind(site.arrows)) for key, site in self._sites.items() if site.arrows]
        most = 0
        for _ in range(MAX_DEPTH):
            most = max(most, *checks.values())
            self._refuse_beyond(most)
            # The checks of one value a level further down.
            deeper = dict.fromkeys(checks, 0)
            for key, kinds in inside:
                deeper[key] = max(_at_one_value(slots, checks.__getitem__) for slots in kinds)
            if deeper == checks:
                break
            checks = deeper
        return most

    def _site(self, schema: dict[str, JSON]) -> _Site:
        key = id(schema)
        if site := self._sites.get(key):
            return site
        if key in self._open:
            raise ValueError("a schema refers to itself for the same value")
        if len(self._open) == _MAX_CHAIN:
            raise BeyondBounds(f"a schema whose references lead on at most {_MAX_CHAIN} times")
        self._open.add(key)
        site = self._sites[key] = self._look(schema)
        self._open.remove(key)
        return site

    def _look(self, schema: dict[str, JSON]) -> _Site:
        checks = sum(self._own_checks(keyword, value) for keyword, value in schema.items())
        arrows: _Arrows = defaultdict(lambda: defaultdict(int))
        for slot, inner in _inner_schemas(schema):
            self._schemas[id(inner)] = inner
            self._add(arrows, slot, id(inner), 1)
        times = _UNEVALUATED if "unevaluatedProperties" in schema or "unevaluatedItems" in schema else 1
        for other in self._same_value(schema):
            site = self._site(other)
            checks += times * site.checks
            self._refuse_beyond(checks)
            for slot, targets in site.arrows.items():
                for target, count in targets.items():
                    self._add(arrows, slot, target, times * count)
        return _Site(checks + 1, arrows)

    def _own_checks(self, keyword: str, value: JSON) -> int:
        match keyword:
            case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
                checks = _LIMIT_WITH_FRACTION if isinstance(value, float) else _LIMIT
            case "const":
                checks = _comparison(value)
            case "enum" if not is_looked_up(value):
                checks = sum(map(_comparison, _listed(value)))
            case "pattern":
                checks = self._pattern_checks
            case "patternProperties":
                checks = self._pattern_checks * len(_mapped(value))
            case "dependentRequired" | "dependentSchemas" | "dependencies":
                checks = len(_mapped(value))
            case _:
                checks = _CHECKS.get(keyword, 1)
        return checks

    def _same_value(self, schema: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
        for keyword in REFERENCES:
            if keyword in schema and isinstance(target := self._references.resolve(schema[keyword]), dict):
                yield target
        yield from _same_value_schemas(schema)

    def _add(self, arrows: _Arrows, slot: _Slot, target: int, count: int) -> None:
        arrows[slot][target] += count
        self._arrows_left -= 1
        if self._arrows_left < 0:
            raise BeyondBounds(f"a schema with at most {_MAX_ARROWS} ways through it")

    def _refuse_beyond(self, checks: int) -> None:
        if checks > self._max_checks:
            raise BeyondBounds(f"a schema that checks one value at most {self._max_checks} times")


def _comparison(value: JSON) -> int:
    """Of a ``const``, or of one in an ``enum``."""
    if value is None or isinstance(value, (str, bool)):
        return _CHEAP_COMPARISON
    is_short = isinstance(value, int) and value.bit_length() < _LONG_BITS
    return _COMPARISON_WITH_INTEGER if is_short else _DEAR_COMPARISON


def _by_kind(arrows: _Arrows) -> list[list[tuple[str | int | None, dict[int, int]]]]:
    kinds: dict[str, list[tuple[str | int | None, dict[int, int]]]] = defaultdict(list)
    for (kind, name), targets in arrows.items():
        kinds[kind].append((name, targets))
    return list(kinds.values())


def _at_one_value(slots: list[tuple[str | int | None, dict[int, int]]], checks: Callable[[int], int]) -> int:
    """The checks of one value inside: those for all of its kind, and those for the name that has most."""
    of_all = most = 0
    for name, targets in slots:
        count = sum(times * checks(target) for target, times in targets.items())
        if name is None:
            of_all = count
        else:
            most = max(most, count)
    return of_all + most


def _same_value_schemas(schema: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
    candidates = [schema.get(keyword) for keyword in _SAME_VALUE]
    for keyword in _SAME_VALUE_LISTS:
        candidates += _listed(schema.get(keyword))
    for keyword in _SAME_VALUE_MAPS:
        candidates += _mapped(schema.get(keyword)).values()
    return (candidate for candidate in candidates if isinstance(candidate, dict))


def _inner_schemas(schema: dict[str, JSON]) -> Iterator[tuple[_Slot, dict[str, JSON]]]:
    candidates: list[tuple[_Slot, JSON]] = [(("name", None), schema.get("propertyNames"))]
    candidates += [(("property", name), inner) for name, inner in _mapped(schema.get("properties")).items()]
    candidates += [(("property", None), inner) for inner in _mapped(schema.get("patternProperties")).values()]
    candidates += [(("property", None), schema.get(keyword)) for keyword in _ANY_PROPERTY]
    candidates += [(("item", None), schema.get(keyword)) for keyword in _ANY_ITEM]
    for keyword in _ITEM_LISTS:
        candidates += [(("item", index), inner) for index, inner in enumerate(_listed(schema.get(keyword)))]
    return ((slot, inner) for slot, inner in candidates if isinstance(inner, dict))


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _mapped(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}

"""Values against acceptable values, as the AST checker of the Berkeley leaderboard compares them (see ``bfcl``)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from goodcall.types import JSON

TYPES = MappingProxyType(
    {
        "string": str,
        "integer": int,
        "float": float,
        "boolean": bool,
        "array": list,
        "tuple": list,
        "dict": dict,
        "any": str,
    }
)
"""What a value of each declared type is in Python; ``any`` is a string, as in the source."""

OMITTED = ""
"""Among acceptable values this means that the argument may be left out."""
_IGNORED = str.maketrans("'", '"', " ,./-_*^")

Values: TypeAlias = list[JSON]
_Match: TypeAlias = Callable[[JSON, Values], bool]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter of a function."""

    kind: str
    """The declared type, a key of ``TYPES``."""
    items: str | None
    """The declared type of the elements of an array or tuple."""

    def admits(self, value: JSON, acceptable: Values) -> bool:
        """Whether a value is of the declared type, or else of the acceptable values' own."""
        if not _is(TYPES[self.kind], value):
            return type(value) is _own_type(acceptable)
        return self.items is None or any(_are_of(TYPES[self.items], value, option) for option in acceptable)

    def matches(self, value: JSON, acceptable: Values) -> bool:
        """Whether a value that is admitted is an acceptable one."""
        kind = TYPES[self.kind]
        if not _is(kind, value) or _own_type(acceptable) not in (kind, None):
            # The answer names a variable, and that stands for itself.
            return value in acceptable
        if self.items == "dict":
            return matches_objects(value, acceptable)
        return _MATCHERS.get(kind, is_among)(value, acceptable)


def _is(kind: type, value: JSON) -> bool:
    """Whether a value is of exactly that type: true is an instance of int, and yet no integer."""
    return type(value) is kind


def _are_of(kind: type, elements: Values, option: JSON) -> bool:
    """Whether all elements are of a type, or of the option's own; any will do where the option is no list."""
    if not isinstance(option, list):
        return True
    kinds = (kind, _own_type(option))
    return all(type(element) in kinds for element in elements)


def _own_type(acceptable: Values) -> type | None:
    """The type of the first acceptable value; None when there is none beside the sign for an omission."""
    return next((type(value) for value in acceptable if value != OMITTED), None)


def is_among(value: JSON, acceptable: Values) -> bool:
    """Whether a value equals an acceptable one as Python compares them, so that 1, 1.0 and true are equal."""
    return value in acceptable


def matches_string(value: str, acceptable: Values) -> bool:
    """Whether a string is an acceptable one, case, blanks and some punctuation aside."""
    return loosened(value) in [loosened(option) for option in acceptable if isinstance(option, str)]


def matches_list(value: Values, acceptable: Values) -> bool:
    """Whether a list is an acceptable one, order included, its strings compared loosely.

    A string among the acceptable lists counts as the list of its characters, so that an empty list is right where the
    argument may be left out.
    """
    options = [list(option) for option in acceptable if isinstance(option, (list, str))]
    return list(map(loosened, value)) in [list(map(loosened, option)) for option in options]


def matches_object(value: JSON, acceptable: Values) -> bool:
    """Whether an object is an acceptable one: each key has acceptable values of its own, compared loosely."""
    return any(isinstance(option, dict) and _matches_keys(value, option) for option in acceptable)


def _matches_keys(value: JSON, option: dict[str, Values]) -> bool:
    if not isinstance(value, dict):
        return False
    if any(key not in value and OMITTED not in values for key, values in option.items()):
        return False
    return all(key in option and loosened(inner) in map(loosened, option[key]) for key, inner in value.items())


def matches_objects(value: Values, acceptable: Values) -> bool:
    """Whether a list of objects is an acceptable one, in number and order; an empty list also where "" is."""
    return any(
        len(value) == len(option) and all(map(matches_object, value, [[element] for element in option]))
        for option in acceptable
        if isinstance(option, (list, str))
    )


def loosened(value: JSON) -> JSON:
    """A string without case, blanks and some punctuation; any other value as it is."""
    return value.translate(_IGNORED).lower() if isinstance(value, str) else value


_MATCHERS: Mapping[type, _Match] = MappingProxyType({str: matches_string, list: matches_list, dict: matches_object})

"""A second, slow implementation of ``tool_n1/hardened@1``, written from its definition alone.

It shares nothing with the verifier, not even its ideas: the JSON is read character by character by a hand-written
parser, numbers are compared as exact fractions, schemas are checked by another library, and calls are matched by
crossing them off a list. It answers 1, 0, or None when there is no verdict.
"""

import re
from fractions import Fraction
from functools import cache
from typing import Any

import jsonschema
import referencing

WHITESPACE = " \t\r\n"
END_OF_TURN = re.compile(r"[ \t\r\n]*(<\|im_end\|>|<\|endoftext\|>|<\|eot_id\|>|<\|end_of_text\|>|</s>)$")
MARKERS = re.compile(
    r"<\|(im_start|im_end|start_header_id|end_header_id|eot_id|endoftext|begin_of_text|end_of_text)\|>"
)
TAG = re.compile(r"</?(think|tool_call)>")
FORM = re.compile(r"<think>(.*?)</think>[ \t\r\n]*(.*)", re.DOTALL)
BLOCK = re.compile(r"<tool_call>(.*)</tool_call>", re.DOTALL)


class Refused(Exception):
    """The JSON text is not acceptable."""


def oracle(completion: str, tools: str | None, ground_truth: str) -> int | None:
    """The score by the definition; tools and ground truth are JSON texts."""
    offered = None if tools is None else read_json(tools)
    expected = read_json(ground_truth)
    if offered is not None and not all(is_valid_call(call, offered) for call in expected):
        return None
    return int(is_right(completion, offered, expected))


def is_right(completion: str, offered: Any, expected: Any) -> bool:
    text = completion.strip(WHITESPACE)
    while END_OF_TURN.search(text):
        text = END_OF_TURN.sub("", text).rstrip(WHITESPACE)
    if MARKERS.search(text):
        return False
    form = FORM.fullmatch(text)
    if form is None or not form[1].strip() or TAG.search(form[1]):
        return False
    rest = form[2]
    if not rest.startswith("<tool_call>"):
        return not TAG.search(rest) and bool(rest.strip()) and expected == []
    block = BLOCK.fullmatch(rest)
    return block is not None and are_right_calls(block[1], offered, expected)


def are_right_calls(body: str, offered: Any, expected: Any) -> bool:
    try:
        calls = read_json(body)
    except Refused:
        return False
    calls = [calls] if isinstance(calls, Object) else calls
    if not isinstance(calls, list) or not all(has_call_shape(call) for call in calls):
        return False
    if not expected or not calls:
        return not expected and not calls
    if offered is not None and not all(is_valid_call(call, offered) for call in calls):
        return False
    return cross_off(calls, expected)


def has_call_shape(call: Any) -> bool:
    return (
        isinstance(call, Object)
        and sorted(call) == ["arguments", "name"]
        and isinstance(call["name"], str)
        and isinstance(call["arguments"], Object)
    )


def cross_off(calls: list[Any], expected: list[Any]) -> bool:
    left = list(expected)
    for call in calls:
        match = [index for index, other in enumerate(left) if are_equal(call, other)]
        if not match:
            return False
        del left[match[0]]
    return not left


def are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, Object) and isinstance(other, Object):
        return set(one) == set(other) and all(are_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(are_equal, one, other))
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one == other
    return type(one) is type(other) and not isinstance(one, Object | list | Fraction) and one == other


def is_valid_call(call: Any, offered: Any) -> bool:
    for tool in offered:
        function = tool.get("function", tool)
        if function["name"] == call["name"]:
            return validator(repr(plain(function["parameters"]))).is_valid(plain(call["arguments"]))
    return False


@cache
def validator(schema: str) -> Any:
    return jsonschema.Draft202012Validator(eval(schema), registry=referencing.Registry())  # noqa: S307


def plain(value: Any) -> Any:
    """A value as the schema library wants it: fractions as the numbers that they were written as."""
    if isinstance(value, Object):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


class Object(dict[str, Any]):
    """A JSON object; a type of its own, so that nothing else is taken for one."""


def read_json(text: str) -> Any:
    """One JSON text by the letter of RFC 8259 and the bounds of the definition."""
    try:
        value, end = read_value(text, skip(text, 0), 0)
    except IndexError:
        raise Refused from None
    if skip(text, end) != len(text):
        raise Refused
    return value


def skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in WHITESPACE:
        at += 1
    return at


def read_value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if text[at] == "{":
        return read_object(text, at, depth + 1)
    if text[at] == "[":
        return read_array(text, at, depth + 1)
    if text[at] == '"':
        return read_string(text, at)
    for word, value in (("true", True), ("false", False), ("null", None)):
        if text.startswith(word, at):
            return value, at + len(word)
    return read_number(text, at)


def read_object(text: str, at: int, depth: int) -> tuple[Object, int]:
    if depth > 64:
        raise Refused
    value, at = Object(), skip(text, at + 1)
    while text[at] != "}":
        if value:
            if text[at] != ",":
                raise Refused
            at = skip(text, at + 1)
        if text[at] != '"':
            raise Refused
        key, at = read_string(text, at)
        at = skip(text, at)
        if text[at] != ":" or key in value:
            raise Refused
        value[key], at = read_value(text, skip(text, at + 1), depth)
        at = skip(text, at)
    return value, at + 1


def read_array(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    if depth > 64:
        raise Refused
    value: list[Any] = []
    at = skip(text, at + 1)
    while text[at] != "]":
        if value:
            if text[at] != ",":
                raise Refused
            at = skip(text, at + 1)
        child, at = read_value(text, at, depth)
        value.append(child)
        at = skip(text, at)
    return value, at + 1


ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
HEX = re.compile(r"[0-9a-fA-F]{4}")


def read_string(text: str, at: int) -> tuple[str, int]:
    units: list[int] = []
    at += 1
    while text[at] != '"':
        if ord(text[at]) < 0x20:
            raise Refused
        if text[at] != "\\":
            if 0xD800 <= ord(text[at]) <= 0xDFFF:
                raise Refused
            units.append(ord(text[at]))
            at += 1
        elif text[at + 1] == "u":
            if not HEX.match(text, at + 2):
                raise Refused
            units.append(int(text[at + 2 : at + 6], 16))
            at += 6
        else:
            if text[at + 1] not in ESCAPES:
                raise Refused
            units.append(ord(ESCAPES[text[at + 1]]))
            at += 2
    return join_surrogates(units), at + 1


def join_surrogates(units: list[int]) -> str:
    characters, at = [], 0
    while at < len(units):
        unit = units[at]
        pair = units[at + 1] if at + 1 < len(units) else 0
        if 0xD800 <= unit <= 0xDBFF and 0xDC00 <= pair <= 0xDFFF:
            characters.append(chr(0x10000 + ((unit - 0xD800) << 10) + (pair - 0xDC00)))
            at += 2
        elif 0xD800 <= unit <= 0xDFFF:
            raise Refused
        else:
            characters.append(chr(unit))
            at += 1
    return "".join(characters)


NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def read_number(text: str, at: int) -> tuple[Fraction, int]:
    number = NUMBER.match(text, at)
    if number is None:
        raise Refused
    whole, fraction, exponent = number.groups()
    if fraction is None and exponent is None:
        if len(whole.lstrip("-")) > 4300:
            raise Refused
        return Fraction(int(whole)), number.end()
    double = float(number[0])
    if double in {float("inf"), float("-inf")}:
        raise Refused
    return Fraction(double), number.end()

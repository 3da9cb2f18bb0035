"""Tasks and completions made up from a seed: mostly nearly right, broken in every way that came to mind."""

import json
import random
from typing import Any, NamedTuple

TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
MARKERS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>", "<|begin_of_text|>")
BLANKS = (" ", "\n", "\t", "\r", "\u00a0", "\u3000", "\f", "\ufeff", "\u200b", "")
NAMES = ("f", "g", "get_weather", "math.hypot", "Zürich", "F")
KEYS = ("city", "days", "point", "opts", "a/b", "ключ")
STRINGS = ("Oslo", "oslo", "", "Oslo ", "é", "e\u0301", "</tool_call>", "<think>", "\u2028", "\U0001f600", '"', "\\")
NUMBERS = (0, 1, -1, 2**53, 2**53 + 1, 2**64 + 1, 1.0, 0.5, -0.0, 1e21, 10**21, 1e-320, 100)
GOOD_SPELLINGS = (
    "1",
    "1.0",
    "1e0",
    "10e-1",
    "-0",
    "-0.0",
    "0",
    "100",
    "1E+2",
    "1e-400",
    "9007199254740993.0",
    "9" * 4300,
)
BAD_SPELLINGS = ("1e400", "NaN", "Infinity", "01", "1.", "+1", "0x1", "true", '"1"', "null", "9" * 4301)
VALUES = (": 1", ": 0", ": 100", ": true", ": null", ': "Oslo"')
SURROGATES = ("\\ud800", "\\udc00\\ud800", "\\ud83d\\ude00", "\ud800", "\\\\ud800")
DEPTHS = (59, 60, 61, 62, 63, 64, 65, 2000)
TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")


class Case(NamedTuple):
    """One task with one completion; the task as JSON texts."""

    completion: str
    tools: str | None
    ground_truth: str


def generate(seed: int) -> Case:
    """The case of a seed; the same in every process and on every machine."""
    rng = random.Random(seed)
    tools = [_tool(rng, name) for name in rng.sample(NAMES, rng.randint(1, 3))]
    expected = [_call(rng, rng.choice(tools)) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
    completion = _completion(rng, expected, tools)
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        completion = _break_text(rng, completion)
    ground_truth = json.dumps(expected, ensure_ascii=rng.random() < 0.5)
    return Case(completion, None if rng.random() < 0.1 else json.dumps(tools), ground_truth)


def _tool(rng: random.Random, name: str) -> dict[str, Any]:
    keys = rng.sample(KEYS, rng.randint(0, 3))
    parameters: dict[str, Any] = {"type": "object", "properties": {key: _schema(rng) for key in keys}}
    if rng.random() < 0.7:
        parameters["required"] = rng.sample(keys, rng.randint(0, len(keys)))
    if rng.random() < 0.4:
        parameters["additionalProperties"] = False
    function = {"name": name, "parameters": parameters}
    return {"type": "function", "function": function} if rng.random() < 0.5 else function


def _schema(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(TYPES)
    extra: dict[str, dict[str, Any]] = {
        "string": {"enum": ["Oslo", "Rome"]} if rng.random() < 0.2 else {},
        "integer": {"minimum": 0} if rng.random() < 0.3 else {},
        "array": {"items": {"type": rng.choice(TYPES)}} if rng.random() < 0.5 else {},
    }
    return {"type": [kind, "null"] if rng.random() < 0.1 and kind != "null" else kind, **extra.get(kind, {})}


def _call(rng: random.Random, tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function", tool)
    properties, required = function["parameters"]["properties"], function["parameters"].get("required", [])
    arguments = {
        key: _fitting(rng, schema) for key, schema in properties.items() if key in required or rng.random() < 0.6
    }
    return {"name": function["name"], "arguments": arguments}


def _fitting(rng: random.Random, schema: dict[str, Any]) -> Any:
    """A value that fits a schema most of the time."""
    if rng.random() < 0.04:
        return _value(rng)
    kind = schema["type"] if isinstance(schema["type"], str) else rng.choice(schema["type"])
    fitting: dict[str, Any] = {
        "string": rng.choice(schema.get("enum", STRINGS)),
        "integer": rng.choice((0, 1, 7, 2**53 + 1, 2**64 + 1)),
        "number": rng.choice(NUMBERS),
        "boolean": rng.random() < 0.5,
        "object": {key: _value(rng) for key in rng.sample(KEYS, rng.randint(0, 2))},
        "null": None,
    }
    if kind == "array":
        return [_fitting(rng, schema["items"]) if "items" in schema else _value(rng) for _ in range(rng.randint(0, 3))]
    return fitting[kind]


def _value(rng: random.Random, depth: int = 0) -> Any:
    kinds = ("string", "number", "boolean", "null") if depth > 2 else TYPES
    kind = rng.choice(kinds)
    if kind == "array":
        return [_value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    if kind == "object":
        return {key: _value(rng, depth + 1) for key in rng.sample(KEYS, rng.randint(0, 2))}
    simple = {"string": rng.choice(STRINGS), "boolean": rng.random() < 0.5, "null": None}
    return simple.get(kind, rng.choice(NUMBERS))


def _completion(rng: random.Random, expected: list[Any], tools: list[Any]) -> str:
    calls = json.loads(json.dumps(expected))
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        calls = _break_calls(rng, calls, tools)
    reasoning = (
        rng.choice(BLANKS) if rng.random() < 0.08 else rng.choice(("They ask.", "a", "é </s> x", "\u200b", "[{"))
    )
    between = rng.choice(("", "", "\n", " \r\n", "\t")) if rng.random() < 0.95 else rng.choice(BLANKS)
    if not expected and rng.random() < 0.5:
        return f"<think>{reasoning}</think>{between}{rng.choice(('No tool fits.', 'No.', ' ', ''))}"
    is_one = isinstance(calls, list) and len(calls) == 1
    body = _write(rng, calls[0] if is_one and rng.random() < 0.3 else calls)
    end = rng.choice(("", "", "<|im_end|>", "\n</s> <|endoftext|>\n", " "))
    return f"<think>{reasoning}</think>{between}<tool_call>{body}</tool_call>{end}"


def _break_calls(rng: random.Random, calls: Any, tools: list[Any]) -> Any:
    if not isinstance(calls, list) or not calls or not isinstance(calls[0], dict):
        return [{"name": rng.choice(NAMES), "arguments": {}}]
    if rng.random() < 0.1:
        return rng.choice(([calls], json.dumps(calls), 5, None, {"calls": calls}))
    if rng.random() < 0.3:
        change_list = rng.choice((rng.shuffle, lambda them: them.append(_call(rng, rng.choice(tools))), list.pop))
        change_list(calls)
        return calls
    _break_call(rng, rng.choice(calls))
    return calls


def _break_call(rng: random.Random, call: Any) -> None:
    arguments = call.get("arguments")
    if isinstance(arguments, dict) and rng.random() < 0.5:
        _break_arguments(rng, arguments)
    elif rng.random() < 0.3:
        call.pop(rng.choice(("name", "arguments")), None)
    else:
        broken = (
            ("name", rng.choice((*NAMES, 1, None))),
            ("arguments", rng.choice((json.dumps(arguments), [], None, {}))),
            (rng.choice(("id", "parameters")), _value(rng)),
        )
        call.update([rng.choice(broken)])


def _break_arguments(rng: random.Random, arguments: dict[str, Any]) -> None:
    if arguments and rng.random() < 0.4:
        arguments.pop(rng.choice(list(arguments)))
    elif arguments and rng.random() < 0.6:
        arguments[rng.choice(list(arguments))] = _value(rng)
    else:
        arguments[rng.choice(KEYS)] = _value(rng)


def _write(rng: random.Random, value: Any) -> str:
    """JSON text in one of many spellings, some of them wrong."""
    text = json.dumps(
        value,
        ensure_ascii=rng.random() < 0.5,
        indent=rng.choice((None, None, None, 1)),
        sort_keys=isinstance(value, dict) and rng.random() < 0.3,
    )
    if rng.random() < 0.15:
        text = text.replace(rng.choice(VALUES), f": {rng.choice(GOOD_SPELLINGS + BAD_SPELLINGS)}", 1)
    if rng.random() < 0.05:
        text = text.replace('{"name":', rng.choice(('{"name": "f", "name":', '{"\\u006eame":')), 1)
    if rng.random() < 0.04:
        depth = rng.choice(DEPTHS)
        text = text.replace(": 1", ": " + "[" * depth + "]" * depth, 1)
    if rng.random() < 0.04:
        text = text.replace("Oslo", rng.choice(SURROGATES), 1)
    before, after = (rng.choice(BLANKS[:4] if rng.random() < 0.9 else BLANKS) for _ in range(2))
    return before + text + after


def _break_text(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    until = rng.randint(at, min(len(text), at + 12))
    tag = rng.choice(TAGS)
    junk = ('"', ",", "}", "]", "[", "{", ":", "\\", "1", "x", *BLANKS, *TAGS, *MARKERS)
    return rng.choice(
        (
            text[:at] + text[until:],
            text[:at] + rng.choice(junk) + text[at:],
            text.replace(tag, rng.choice(("", tag.upper(), tag * 2, f" {tag}", *TAGS)), 1),
            rng.choice((*BLANKS, "Sure. ", *MARKERS)) + text,
            text + rng.choice((*BLANKS, " Done.", *MARKERS, *TAGS)),
            text[:at] + text[at:until] + text[at:],
        )
    )

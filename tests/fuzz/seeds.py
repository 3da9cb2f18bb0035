"""Inputs that a fuzzer starts from, and words that it puts together, made on the spot from what tests share."""

import json
from collections.abc import Iterator
from pathlib import Path

from fuzz.targets import BETWEEN, REWARDS
from generated import MARKERS, TAGS, generate
from suites import golden_cases

GENERATED = 200

KEYWORDS = (
    "type",
    "properties",
    "required",
    "items",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "$ref",
    "$defs",
    "$id",
    "$schema",
    "pattern",
    "minimum",
    "multipleOf",
    "additionalProperties",
    "uniqueItems",
    "format",
    "name",
    "parameters",
    "arguments",
    "function",
    "tools",
    "ground_truth",
    "completions",
    "context",
    "step",
    "reward",
    "explain",
    "assistant_prefix",
    "tool_calls",
    "content",
    "input_schema",
    "inputSchema",
)
WORDS = (
    *TAGS,
    *MARKERS,
    *(f'"{keyword}":' for keyword in KEYWORDS),
    *('"object"', '"dict"', '"#"', '"\\ud800"', "NaN", "1e999", "true", "null", "[", "]", "{", "}", "\\u0000", "[["),
)


def seeds_of(target: str) -> Iterator[bytes]:
    """The seeds of one of the targets."""
    return {"parser": _completions, "schema_compiler": _tasks, "wire_decoder": _bodies}[target]()


def _completions() -> Iterator[bytes]:
    for number, reward in enumerate(REWARDS):
        for case in golden_cases(reward.id):
            if isinstance(case["completion"], str):
                yield bytes([number]) + _as_bytes(case["completion"])
    for seed in range(GENERATED):
        yield bytes([seed % len(REWARDS)]) + _as_bytes(generate(seed).completion)


def _tasks() -> Iterator[bytes]:
    for number, reward in enumerate(REWARDS):
        for case in golden_cases(reward.id):
            tools, ground_truth = json.dumps(case.get("tools")), json.dumps(case.get("ground_truth"))
            yield bytes([number]) + tools.encode() + BETWEEN + ground_truth.encode()
    for seed in range(GENERATED):
        case = generate(seed)
        yield b"\x00" + _as_bytes(case.tools or "null") + BETWEEN + _as_bytes(case.ground_truth)


def _bodies() -> Iterator[bytes]:
    for reward in REWARDS:
        items = [_item(case) for case in golden_cases(reward.id)]
        yield from (json.dumps(item).encode() for item in items)
        yield json.dumps({"reward": reward.id, "explain": True, "items": items[:3]}).encode()
        yield b"\n".join(json.dumps(item).encode() for item in items[:5])


def _item(case: dict[str, object]) -> dict[str, object]:
    given = {key: case[key] for key in ("tools", "ground_truth", "context", "assistant_prefix") if key in case}
    return {"completions": [case["completion"]], **given}


def _as_bytes(text: str) -> bytes:
    """What a target reads as this text; lone surrogates apart, it is UTF-8."""
    return text.encode(errors="surrogateescape" if "\udc80" <= max(text, default="") <= "\udcff" else "replace")


def write_corpus(target: str, folder: Path) -> None:
    """Writes the seeds of a target, one a file, as fuzzers want them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds_of(target)):
        (folder / f"seed-{number}").write_bytes(seed)


def write_words(path: Path) -> None:
    """Writes the words, in the form that libFuzzer reads."""
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"' for word in WORDS]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")

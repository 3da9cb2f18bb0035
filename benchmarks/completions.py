"""What a policy in training writes: reasoning and calls, perfect or broken in one of seven ways.

Completions are text made from the expected calls; nothing here scores.
"""

import json
import random
from collections.abc import Mapping
from typing import Any, TypeAlias

Calls: TypeAlias = list[dict[str, Any]]

MIX: Mapping[str, int] = {
    "perfect": 1825,
    "wrong_value": 582,
    "missing_arg": 346,
    "reordered": 308,
    "malformed": 291,
    "no_call": 254,
    "no_think": 207,
    "wrong_name": 187,
}
"""What completions are, in parts of 4,000."""

_OPENINGS = (
    "The user wants to use {name} here, so I should look at what it needs.",
    "Okay, let me see which of the functions fits this request.",
    "First I check the list of tools: {name} looks like the right one.",
)
_SENTENCES = (
    "The required parameters have to be there, and their types have to match the schema.",
    'The value of {key} is given in the question as "{value}", so I can take it as it stands.',
    "There is no mention of {key} anywhere else, hence I don't need to guess.",
    "Another function might do it too, but its description speaks of something different.",
    "I should not make up values that the user has not given; optional parameters can be left out.",
    "So {key} should be {value}.",
    "Wait, does {name} take {key} as a number or as a string? The schema says what it is, and I follow it.",
    "Let me double-check the format: the answer has to be a list of calls, each with a name and its arguments.",
    "If more than one call is needed, they go into the same list.",
    "That covers everything the question asks for.",
)
_ANSWERS = (
    "None of the functions can do this, since some of what they need is missing. Could you tell me more?",
    "I can't look that up with the tools that I have been given.",
)


def write(rng: random.Random, kind: str, calls: Calls, *, length: int, ascii_only: bool = True) -> str:
    """A completion of one of the kinds of ``MIX``.

    Args:
        rng: where chance comes from.
        kind: a key of ``MIX``.
        calls: the expected calls.
        length: about how many characters the completion gets; it is the reasoning that gives way.
        ascii_only: whether the payload escapes what is not ASCII.
    """
    answer = rng.choice(_ANSWERS) if kind == "no_call" else block(payload(rng, kind, calls, ascii_only=ascii_only))
    reasoning = reason(rng, calls, length - len(answer) - 17)
    return answer.join((f"{reasoning}\n", "")) if kind == "no_think" else think(reasoning) + answer


def think(reasoning: str) -> str:
    """Reasoning between its tags, with the line ends that policies write."""
    return f"<think>\n{reasoning}\n</think>\n"


def block(text: str) -> str:
    """A payload between its tags."""
    return f"<tool_call>\n{text}\n</tool_call>"


def payload(rng: random.Random, kind: str, calls: Calls, *, ascii_only: bool = True) -> str:
    """The text of the calls, with the mistake of a kind."""
    text = json.dumps(_mistaken(rng, kind, calls), ensure_ascii=ascii_only)
    return _malformed(rng, text) if kind == "malformed" else text


def reason(rng: random.Random, calls: Calls, length: int) -> str:
    """Reasoning about calls, of about as many characters as asked for; at least a sentence."""
    facts = [(call["name"], key, value) for call in calls for key, value in call["arguments"].items()]
    name, key, value = rng.choice(facts) if facts else (calls[0]["name"], "query", "nothing")
    text = rng.choice(_OPENINGS).format(name=name)
    while len(text) < length - 40:
        text += rng.choice((" ", " ", "\n")) + rng.choice(_SENTENCES).format(name=name, key=key, value=value)
        name, key, value = rng.choice(facts) if facts else (name, key, value)
    return text


def _mistaken(rng: random.Random, kind: str, calls: Calls) -> Calls:
    calls = json.loads(json.dumps(calls))
    call = rng.choice(calls)
    arguments = call["arguments"]
    if kind == "wrong_name":
        call["name"] = rng.choice((call["name"] + "_all", call["name"].replace("_", "-"), "search"))
    elif kind == "reordered":
        calls = [_reordered(one) for one in reversed(calls)]
    elif kind == "missing_arg" and arguments:
        del arguments[rng.choice(list(arguments))]
    elif kind == "wrong_value" and arguments:
        key = rng.choice(list(arguments))
        arguments[key] = _another(rng, arguments[key])
    return calls


def _reordered(call: dict[str, Any]) -> dict[str, Any]:
    return {"arguments": dict(reversed(call["arguments"].items())), "name": call["name"]}


def _another(rng: random.Random, value: Any) -> Any:
    """A value near the right one, mostly of its type."""
    if rng.random() < 0.15:
        return str(value) if not isinstance(value, str) else [value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + rng.choice((1, -1, 10))
    if isinstance(value, str):
        return rng.choice((value + " area", value.upper() + ".", value[:-1]))
    return [*value, value[0]] if isinstance(value, list) else {}


def _malformed(rng: random.Random, text: str) -> str:
    return rng.choice(
        (
            text[:-1],
            text[: len(text) * 2 // 3],
            text.replace('"', "'"),
            text.replace("}]", ",}]"),
            text.replace(": ", " ", 1),
        )
    )

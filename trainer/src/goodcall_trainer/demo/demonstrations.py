"""Noisy demonstrations for the warm-up: sound reasoning, then a call of which a known share is wrong.

GRPO can only sharpen what a policy sometimes does right, so the warm-up must leave something to sharpen. Two kinds
of flaws do that, and the demo's report names them both:

- a *habit* is one mistake made in most demonstrations of one tool, as when numbers come as strings all over a data
  set. The warmed-up policy makes it when decoding greedily too, since there it is the likeliest answer;
- a *slip* is a random mistake in a random place. It costs sampled accuracy, and hardly any greedy accuracy.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from goodcall_trainer.demo.catalogue import CATALOGUE
from goodcall_trainer.prompt import render_completion, render_prompt
from goodcall_trainer.row import Row, ToolCall

Arguments: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """One example of the warm-up."""

    prompt: str
    completion: str
    flaw: str | None
    """The name of its mistake; None when the call is right."""


def demonstrate(row: Row, *, habit_share: float, slip_share: float, rng: random.Random) -> Demonstration:
    """A demonstration of `row`, which wants one call.

    With `habit_share` the habit of the tool, if it has one; otherwise with `slip_share` a slip of a random kind.
    Never both, and every flaw changes the call.
    """
    (call,) = row.ground_truth
    flaw: str | None = None
    if call["name"] in HABITS and rng.random() < habit_share:
        flaw = HABITS[call["name"]].__name__
        shown = HABITS[call["name"]](call)
    elif rng.random() < slip_share:
        slip = rng.choice(SLIPS)
        flaw = slip.__name__
        shown = slip(call, row, rng)
    else:
        shown = call
    return Demonstration(
        prompt=render_prompt(row), completion=render_completion(_reasoning(call, row), [shown]), flaw=flaw
    )


def _reasoning(call: ToolCall, row: Row) -> str:
    """The tool, and the values in the order in which the query names them: a plan that is easy to follow."""
    values = sorted((str(value) for value in call["arguments"].values()), key=row.query.index)
    return f"{call['name']}: {', '.join(values)}."


def quantity_as_string(call: ToolCall) -> ToolCall:
    """`3` becomes `"3"`, which the tool's schema refuses."""
    return _with_arguments(call, {**call["arguments"], "quantity": str(call["arguments"]["quantity"])})


def time_left_out(call: ToolCall) -> ToolCall:
    """The call without its required `time`."""
    return _with_arguments(call, {name: value for name, value in call["arguments"].items() if name != "time"})


HABITS: Mapping[str, Callable[[ToolCall], ToolCall]] = MappingProxyType(
    {"order_item": quantity_as_string, "send_message": time_left_out}
)
"""The tools of which most demonstrations make one and the same mistake."""


def wrong_value(call: ToolCall, row: Row, rng: random.Random) -> ToolCall:
    """Another value of the right kind."""
    del row
    name, right = rng.choice(list(call["arguments"].items()))
    (tool,) = (tool for tool in CATALOGUE if tool.name == call["name"])
    wrong = rng.choice([value for value in tool.values[name] if value != right])
    return _with_arguments(call, {**call["arguments"], name: wrong})


def argument_left_out(call: ToolCall, row: Row, rng: random.Random) -> ToolCall:
    """One required argument less."""
    del row
    dropped = rng.choice(list(call["arguments"]))
    return _with_arguments(call, {name: value for name, value in call["arguments"].items() if name != dropped})


def wrong_tool(call: ToolCall, row: Row, rng: random.Random) -> ToolCall:
    """The right arguments for another listed tool."""
    name = rng.choice([tool["function"]["name"] for tool in row.tools if tool["function"]["name"] != call["name"]])
    return {"name": name, "arguments": call["arguments"]}


def wrong_parameter_name(call: ToolCall, row: Row, rng: random.Random) -> ToolCall:
    """One argument under a name that only another listed tool has."""
    taken = set(call["arguments"])
    foreign = {name for tool in row.tools for name in tool["function"]["parameters"]["properties"]} - taken
    renamed, new = rng.choice(sorted(taken)), rng.choice(sorted(foreign))
    arguments = {new if name == renamed else name: value for name, value in call["arguments"].items()}
    return _with_arguments(call, arguments)


SLIPS = (wrong_value, argument_left_out, wrong_tool, wrong_parameter_name)
"""What a slip can be, each equally likely."""


def _with_arguments(call: ToolCall, arguments: Arguments) -> ToolCall:
    return {"name": call["name"], "arguments": arguments}

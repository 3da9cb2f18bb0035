"""The two texts of a row of ToolRL's dataset: a prompt that numbers its tools in prose, and the expected answer.

A tool takes these lines of the prompt, which may say anything before the first and, after a blank line, behind the
last; the description may run over several:

    1. Name: get_weather
    Description: The weather in a city.
    Parameters: {"city": {"type": "str", "description": "Which city.", "default": ""}}

Whatever is not so is refused, not skipped: a tool that nobody read would make its calls look wrong.
"""

import re

from goodcall.dialects.calls import read_toolrl
from goodcall.dialects.fault import DialectFault, MalformedTools
from goodcall.dialects.tagged_blocks import end_of_reasoning
from goodcall.strict_json import JSONFault, loads
from goodcall.types import JSON, ToolCall

RESPONSE, END_RESPONSE = "<response>", "</response>"

_HEAD = re.compile(r"^([0-9]+)\. Name: ?(.*)", re.MULTILINE)
_DESCRIPTION, _PARAMETERS = "Description:", "Parameters:"


def numbers_tools(text: str) -> bool:
    """Whether a text has a line that begins a tool, well written or not."""
    return _HEAD.search(text) is not None


def read_toolrl_prompt(text: str) -> list[JSON]:
    """The definitions of the tools that a prompt numbers, in the dialect ``xlam``.

    Raises:
        MalformedTools: there is none, or a part of the list can't be read; says where in the text.
    """
    heads = list(_HEAD.finditer(text))
    if not heads:
        raise MalformedTools("a list of tools that begins with a line 1. Name: …", "", 0)
    ends = [head.start() for head in heads[1:]] + [len(text)]
    definitions = []
    for number, (head, end) in enumerate(zip(heads, ends, strict=True), 1):
        if head[1] != str(number):
            raise MalformedTools(f"tool {number}", "", head.start())
        definitions.append(_read_tool(text, head, end))
    return definitions


def _read_tool(text: str, head: re.Match[str], end: int) -> JSON:
    description = head.end() + 1
    if not text.startswith(_DESCRIPTION, description):
        raise MalformedTools(f"a line {_DESCRIPTION} …", "", min(description, len(text)))
    parameters = text.find(f"\n{_PARAMETERS}", description, end) + 1
    if not parameters:
        raise MalformedTools(f"a tool with a line {_PARAMETERS} …", "", head.start())
    parameters_end = _end_of_line(text, parameters)
    tool = {
        "name": head[2],
        "description": text[description + len(_DESCRIPTION) : parameters].strip(),
        "parameters": _read_parameters(text, parameters + len(_PARAMETERS), parameters_end),
    }
    _refuse_rest(text, parameters_end, end)
    return tool


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _refuse_rest(text: str, position: int, end: int) -> None:
    """Lets a tool end at the end of a line if there is nothing up to the next tool, or a blank line after the last."""
    end = end if end < len(text) else _end_of_line(text, position + 1)
    rest = text[position:end]
    if rest.strip():
        stray = position + len(rest) - len(rest.lstrip())
        raise MalformedTools("the next tool, or a blank line after the last", "", stray)


def _read_parameters(text: str, start: int, end: int) -> JSON:
    try:
        parameters = loads(text[start:end])
    except JSONFault as fault:
        raise MalformedTools("parameters that are JSON in one line", "", start + (fault.position or 0)) from None
    # Looser maps could pass for JSON Schema that asks for nothing.
    if not isinstance(parameters, dict) or not all(map(_has_type, parameters.values())):
        raise MalformedTools("a map from parameter names to objects with a type", "", start)
    return parameters


def _has_type(parameter: JSON) -> bool:
    return isinstance(parameter, dict) and isinstance(parameter.get("type"), (str, list))


def read_toolrl_answer(text: str) -> list[ToolCall]:
    """The calls of an expected answer; none if it only responds.

    Raises:
        DialectFault: it does neither, or as ``read_toolrl``.
    """
    calls = read_toolrl(text)
    if not calls and not _responds(text, end_of_reasoning(text)):
        raise DialectFault("expected calls or a response", end_of_reasoning(text))
    return calls


def _responds(text: str, start: int) -> bool:
    opening = text.find(RESPONSE, start)
    return opening >= 0 and text.find(END_RESPONSE, opening) >= 0

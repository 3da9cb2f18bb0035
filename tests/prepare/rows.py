"""Rows, and records of every source, for the tests of preparation."""

import json

from goodcall_trainer.row import Row

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
TIME = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "Time in a zone.",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}
OSLO = {"name": "get_weather", "arguments": {"city": "Oslo"}}


def make_row(**changes):
    """A sound row, but for the changes."""
    fields = {
        "id": "row-1",
        "source": "test",
        "messages": ({"role": "user", "content": "How is the weather in Oslo?"},),
        "tools": (WEATHER, TIME),
        "ground_truth": (OSLO,),
    }
    return Row(**fields | changes)


XLAM = {
    "id": 7,
    "query": "Weather in Oslo for 3 days?",
    "tools": json.dumps(
        [
            {
                "name": "get_weather",
                "description": "Weather in a city.",
                "parameters": {
                    "city": {"description": "Which.", "type": "str"},
                    "days": {"description": "How many.", "type": "int, optional"},
                    "tags": {"description": "Any.", "type": "List[str]", "default": []},
                },
            }
        ]
    ),
    "answers": json.dumps([{"name": "get_weather", "arguments": {"city": "Oslo", "days": 3}}]),
}

TOOLACE = {
    "system": "You are an expert in composing functions. Here is a list of functions in JSON format that you can "
    "invoke:\n"
    + json.dumps(
        [
            {
                "name": "Get Weather (v2)",
                "description": "Weather [now].",
                "parameters": {
                    "type": "dict",
                    "properties": {"city": {"type": "string"}, "share": {"type": "float"}},
                    "required": ["city"],
                },
                "required": None,
            }
        ]
    )
    + ". \nShould you decide to return the function call(s). \nPut it in the format of [func1(a=b), func2(c)]\n",
    "conversations": [
        {"from": "user", "value": "Weather in Oslo?"},
        {"from": "assistant", "value": '[Get Weather (v2)(city="Oslo (center)", share=0.5)]'},
        {"from": "tool", "value": '[{"name": "Get Weather (v2)", "results": {"sky": "clear"}}]'},
        {"from": "assistant", "value": "It is clear."},
        {"from": "user", "value": "And in Rome?"},
        {"from": "assistant", "value": "[Get Weather (v2)(city='Rome')]"},
    ],
}

RLLA = {
    "instruction": "You are a helpful assistant.\n\n**Available Tools**\nIn your response, you can use these:\n"
    "1. Name: Get Weather\nDescription: Weather\nin a city.\n"
    'Parameters: {"city": {"description": "Which.", "type": "string", "default": ""}}\n'
    "2. Name: Nothing\nDescription: Does nothing.\nParameters: {}\n\n**Steps**\n1. **Think:** a lot.\n",
    "input": "**Dialogue Records History**\n<user> Weather in Oslo? </user>\n\n<think> I should call. </think>\n"
    '<tool_call>\n{"name": "Get Weather", "parameters": {"city": "Oslo"}}\n</tool_call>\n<obs> clear </obs>\n\n'
    "<think> Say it. </think>\n<response> Clear. </response>\n\n<user> And Rome? </user>",
    "output": "<think> Rome. </think>\n"
    '<tool_call>\n{"name": "Get Weather", "parameters": {"city": "Rome"}}\n</tool_call>',
}

BFCL = {
    "id": "simple_python_0",
    "question": [[{"role": "user", "content": "Area of a triangle with base 10 and height 5?"}]],
    "function": [
        {
            "name": "triangle.area",
            "description": "Area.",
            "parameters": {
                "type": "dict",
                "properties": {
                    "base": {"type": "integer"},
                    "height": {"type": "float"},
                    "unit": {"type": "string", "optional": True},
                    "options": {"type": "dict", "properties": {"exact": {"type": "boolean"}}},
                },
                "required": ["base", "height"],
            },
        }
    ],
    "ground_truth": [
        {
            "triangle.area": {
                "base": [10],
                "height": ["", 5.0],
                "unit": ["", "units"],
                "options": [{"exact": [True], "x": [""]}],
            }
        }
    ],
}

HERMES = {
    "id": "abc",
    "conversations": [
        {"from": "system", "value": "You call functions. <tools></tools> <tools> [] </tools>"},
        {"from": "human", "value": "Weather in Oslo and Rome?"},
        {
            "from": "gpt",
            "value": 'Sure.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>\n'
            "<tool_call>\n{'arguments': {'city': 'Rome'}, 'name': 'get_weather'}\n</tool_call>",
        },
        {"from": "tool", "value": "<tool_response>\nclear\n</tool_response>\n<tool_response>\nrain\n</tool_response>"},
        {"from": "gpt", "value": "Clear, and rain."},
    ],
    "tools": json.dumps([WEATHER]),
}

OPENAI = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather in Oslo?"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "clear"},
        {"role": "assistant", "content": "Clear."},
    ],
    "tools": [WEATHER],
}

PLAIN = {"id": "mine", "query": "Weather in Oslo?", "tools": [WEATHER], "ground_truth": [OSLO]}

RECORDS = {
    "xlam": XLAM,
    "toolace": TOOLACE,
    "rlla": RLLA,
    "bfcl": BFCL,
    "hermes": HERMES,
    "openai": OPENAI,
    "rows": PLAIN,
}

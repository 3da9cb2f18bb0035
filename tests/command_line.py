"""The ``goodcall`` command, in this process or in one of its own."""

import json
import os
import subprocess
import sys

from typer.testing import CliRunner

from goodcall.cli.app import _app

TIMEOUT_S = 120

WEATHER = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}


def goodcall(*arguments, stdin=None):
    """What a command does in this process; its standard output is no terminal."""
    return CliRunner().invoke(_app, [str(argument) for argument in arguments], input=stdin)


def goodcall_process(*arguments, stdin=b"", environment=None):
    """What a command does in a process of its own, its output as bytes."""
    return subprocess.run(
        [sys.executable, "-m", "goodcall", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
        env=plain_environment() | (environment or {}),
    )


def plain_environment():
    """The environment without settings of the service and without wishes for colour."""
    unwanted = ("GOODCALL_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")
    return {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}


def call(city="Oslo", **more):
    """One expected or made call."""
    return {"name": "get_weather", "arguments": {"city": city, **more}}


def completion(*calls):
    """A completion in good form that makes these calls."""
    return f"<think>It was asked for.</think><tool_call>{json.dumps(list(calls))}</tool_call>"


def item(*completions, **fields):
    """An item of the wire whose task is to ask for the weather in Oslo."""
    return {"tools": [WEATHER], "ground_truth": [call()], "completions": list(completions), **fields}


def write_lines(path, rows):
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_lines(text):
    """The values of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]

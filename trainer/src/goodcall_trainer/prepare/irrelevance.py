"""Rows that want no call, made of rows that do: the called tools are taken away, and the rest does not help.

It is an assumption that no remaining tool would do as well. Near twins of a called tool, by their descriptions, count
as reason enough to leave a row alone.
"""

from dataclasses import replace

from goodcall_trainer.prepare.texts import words_of
from goodcall_trainer.row import Row, Tool

SUFFIX = "~irrelevant"


def irrelevant(row: Row) -> Row | None:
    """The row without the tools that it calls, and with no call expected.

    None where that would be no sound task: it wants no call as it is, no tool would be left, an earlier turn
    uses a tool that would be gone, or a tool that stays is described like one that goes.
    """
    called = {call["name"] for call in row.ground_truth}
    kept = tuple(tool for tool in row.tools if tool["function"]["name"] not in called)
    gone = [tool for tool in row.tools if tool["function"]["name"] in called]
    if not called or not kept or called & {call["name"] for call in row.calls_before}:
        return None
    if {_described(tool) for tool in kept} & {_described(tool) for tool in gone}:
        return None
    return replace(row, id=row.id + SUFFIX, tools=kept, ground_truth=())


def _described(tool: Tool) -> str:
    return " ".join(words_of(tool["function"]["description"]))

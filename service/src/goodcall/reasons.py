"""The closed list of reasons that a verdict can give.

A reason is a stable, machine-readable code: dashboards count it, tests pin it, and a published code never changes
its meaning. Each carries the stage that found it and one sentence for people.
"""

from enum import StrEnum
from typing import Self


class Stage(StrEnum):
    """Where in the order of judging a verdict was reached; the first stage that fails gives the reason."""

    TASK = "task"
    """Before any completion is read: are the tools and the ground truth usable at all?"""
    SIZE = "size"
    """Is the completion short enough to be read?"""
    MARKERS = "markers"
    """Chat-template markers inside the completion."""
    FORM = "form"
    """The think block and what follows it."""
    JSON = "json"
    """The text of the call block as JSON (RFC 8259)."""
    SHAPE = "shape"
    """The JSON as calls: objects with a name and arguments."""
    TOOLS = "tools"
    """Names and arguments against the offered tools."""
    MATCH = "match"
    """The calls against the ground truth."""
    DONE = "done"
    """Every stage passed."""


class Reason(StrEnum):
    """Why a verdict is what it is. ``reason.stage`` found it; ``reason.hint`` says it in a sentence."""

    stage: Stage
    hint: str

    def __new__(cls, code: str, stage: Stage, hint: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.stage = stage
        member.hint = hint
        return member

    OK = "ok", Stage.DONE, "The completion has the right form and makes exactly the expected calls."

    COMPLETION_TOO_LONG = (
        "completion_too_long",
        Stage.SIZE,
        "The completion is longer than the limit and was not read.",
    )
    SPECIAL_TOKEN_IN_COMPLETION = (
        "special_token_in_completion",
        Stage.MARKERS,
        "A chat-template marker stands inside the completion; only end-of-turn markers at its very end are allowed.",
    )

    THINK_MISSING = "think_missing", Stage.FORM, "The completion does not begin with <think>."
    THINK_UNCLOSED = "think_unclosed", Stage.FORM, "The think block is never closed with </think>."
    THINK_EMPTY = "think_empty", Stage.FORM, "The think block holds no reasoning."
    TAG_IN_THINK = "tag_in_think", Stage.FORM, "A think or tool_call tag stands inside the reasoning."
    TAG_IN_ANSWER = (
        "tag_in_answer",
        Stage.FORM,
        "A think or tool_call tag stands in the text after the reasoning; a call must follow </think> directly.",
    )
    ANSWER_EMPTY = "answer_empty", Stage.FORM, "Nothing follows the reasoning: neither a call nor an answer."
    TOOL_CALL_UNCLOSED = "tool_call_unclosed", Stage.FORM, "The call block is never closed with </tool_call>."
    TEXT_AFTER_CALLS = "text_after_calls", Stage.FORM, "Text follows the call block, which must end the completion."
    TEXT_BESIDE_CALLS = (
        "text_beside_calls",
        Stage.FORM,
        "The message holds text beside its tool calls.",
    )
    NO_TOOL_CALL_BLOCK = (
        "no_tool_call_block",
        Stage.FORM,
        "No closed <tool_call> block was found.",
    )

    RESPONSE_MISSING = "response_missing", Stage.FORM, "A <response> block is expected and one of its tags is missing."
    TAG_REPEATED = "tag_repeated", Stage.FORM, "A tag that may stand once stands more than once."
    LAYOUT_WRONG = (
        "layout_wrong",
        Stage.FORM,
        "The blocks are not laid out as expected: one newline between them, calls on their own lines, nothing after.",
    )
    REASONING_SHORT = (
        "reasoning_short",
        Stage.FORM,
        "All is right, but the reasoning is shorter than what this reward pays in full.",
    )

    JSON_INVALID = "json_invalid", Stage.JSON, "The text of the call is not valid JSON."
    MULTIPLE_TOOL_CALL_BLOCKS = (
        "multiple_tool_call_blocks",
        Stage.JSON,
        "There is more than one call block; all calls belong in one list in one block.",
    )
    JSON_DUPLICATE_KEY = "json_duplicate_key", Stage.JSON, "An object in the call names the same key twice."
    JSON_NOT_FINITE = (
        "json_not_finite",
        Stage.JSON,
        "A number in the call is NaN, infinite or too large for a double.",
    )
    JSON_NUMBER_TOO_LONG = (
        "json_number_too_long",
        Stage.JSON,
        "An integer in the call has more than 4,300 digits.",
    )
    JSON_LONE_SURROGATE = (
        "json_lone_surrogate",
        Stage.JSON,
        "A string in the call holds half of a surrogate pair, which is no Unicode character.",
    )
    JSON_TOO_DEEP = "json_too_deep", Stage.JSON, "The call nests brackets more than 64 deep."

    NOT_CALLS = "not_calls", Stage.SHAPE, "The call block holds neither a list of calls nor one call."
    CALL_NOT_OBJECT = "call_not_object", Stage.SHAPE, "A call is not a JSON object."
    CALL_KEY_MISSING = "call_key_missing", Stage.SHAPE, "A call lacks its name or its arguments."
    CALL_KEY_UNEXPECTED = (
        "call_key_unexpected",
        Stage.SHAPE,
        "A call has a key other than name and arguments.",
    )
    NAME_NOT_STRING = "name_not_string", Stage.SHAPE, "The name of a call is not a string."
    ARGUMENTS_NOT_OBJECT = (
        "arguments_not_object",
        Stage.SHAPE,
        "The arguments of a call are not a JSON object.",
    )

    PYTHON_CALLS_INVALID = (
        "python_calls_invalid",
        Stage.SHAPE,
        "The text is no list of calls in Python's syntax, such as [f(a=1)].",
    )

    CALL_NOT_WANTED = "call_not_wanted", Stage.MATCH, "A tool was called although no call was expected."
    CALL_WANTED = "call_wanted", Stage.MATCH, "No tool was called although a call was expected."

    TOOL_UNKNOWN = "tool_unknown", Stage.TOOLS, "A call names a tool that was not offered."
    ARGUMENTS_INVALID = (
        "arguments_invalid",
        Stage.TOOLS,
        "The arguments of a call break the JSON Schema of its tool.",
    )

    ARGUMENT_MISSING = "argument_missing", Stage.TOOLS, "A call lacks an argument that its tool requires."
    ARGUMENT_TYPE_WRONG = "argument_type_wrong", Stage.TOOLS, "An argument is not of the type that its tool declares."

    CALL_MISSING = "call_missing", Stage.MATCH, "Fewer calls were made than expected."
    CALL_EXTRA = "call_extra", Stage.MATCH, "More calls were made than expected."
    TOOL_WRONG = "tool_wrong", Stage.MATCH, "Another tool was called than the one expected."
    ARGUMENT_UNEXPECTED = (
        "argument_unexpected",
        Stage.MATCH,
        "A call gives an argument that its tool or the ground truth does not have.",
    )
    ARGUMENT_LEFT_OUT = (
        "argument_left_out",
        Stage.MATCH,
        "A call leaves out an argument that its tool does not require but the ground truth does.",
    )
    ARGUMENTS_WRONG = (
        "arguments_wrong",
        Stage.MATCH,
        "The right tool was called with other arguments than expected.",
    )
    CALL_ORDER_WRONG = (
        "call_order_wrong",
        Stage.MATCH,
        "The expected calls were made in another order, and this reward heeds the order.",
    )
    MISMATCH = "mismatch", Stage.MATCH, "The calls are not the expected ones."
    RELEASED_RAISES = (
        "released_raises",
        Stage.JSON,
        "The released scorer raises an exception here instead of giving a score.",
    )

    TOOLS_MALFORMED = (
        "tools_malformed",
        Stage.TASK,
        "No verdict: the tools of this task are not a list of function definitions.",
    )
    TOOL_SCHEMA_INVALID = (
        "tool_schema_invalid",
        Stage.TASK,
        "No verdict: the parameters of a tool are not a JSON Schema that can be used offline.",
    )
    TOOLS_BEYOND_BOUNDS = (
        "tools_beyond_bounds",
        Stage.TASK,
        "No verdict: the tools of this task are more, larger or dearer to check against than the bounds allow.",
    )
    CATEGORY_NOT_JUDGED = (
        "category_not_judged",
        Stage.TASK,
        "No verdict: this reward does not judge tasks of this category.",
    )
    GROUND_TRUTH_MALFORMED = (
        "ground_truth_malformed",
        Stage.TASK,
        "No verdict: the ground truth is not a list of calls with a name and arguments each.",
    )
    GROUND_TRUTH_TOOL_UNKNOWN = (
        "ground_truth_tool_unknown",
        Stage.TASK,
        "No verdict: the ground truth calls a tool that the task does not offer.",
    )
    GROUND_TRUTH_INVALID = (
        "ground_truth_invalid",
        Stage.TASK,
        "No verdict: the arguments of the ground truth break the JSON Schema of their own tool.",
    )

"""``bfcl/ast``: what the AST checker of the Berkeley Function-Calling Leaderboard, version 4, says of a completion.

Source: ShishirPatil/gorilla 6ea5797, ``bfcl_eval/eval_checker/ast_eval/ast_checker.py``, for Python categories,
oddities included: types are Python's exact ones, so that true is no integer; an integer passes for a float at the top
level only; strings are compared without case, blanks and some punctuation; the answer's own type may stand in for the
declared one; parallel calls are matched greedily in the answers' order. In the categories of (ir)relevance only whether
a call can be read counts.

Names of functions must be equal; the leaderboard lets dots become underscores for some models. Where its checker raises
because a tool's type is none of its own, or an array declares no items, there is no verdict here; where it raises on
what a completion holds, the argument is wrong.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from goodcall.dialects.bfcl import read_bfcl_calls
from goodcall.errors import UnusableTask
from goodcall.excerpts import excerpt, pointer_token
from goodcall.ground_truth import malformed_ground_truth
from goodcall.matching import call_not_wanted
from goodcall.parsing import Calls
from goodcall.reasons import Reason
from goodcall.rewards.bfcl_values import OMITTED, TYPES, Parameter, Values
from goodcall.rewards.reward import Reward, binary_judgement
from goodcall.strict_json import JSONFault, loads
from goodcall.tool_compiler import ToolCompiler
from goodcall.tool_definitions import malformed_tools, read_definitions, unwrap_definition
from goodcall.types import (
    JSON,
    AssistantMessage,
    CompletionText,
    Context,
    Finding,
    Judgement,
    Place,
    TaskSource,
    ToolCall,
)


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """One call of the ground truth: its function, and the acceptable values of its arguments."""

    name: str
    parameters: Mapping[str, Parameter]
    required: tuple[str, ...]
    answers: Mapping[str, Values]

    def fault(self, call: ToolCall, pointer: str) -> Finding | None:
        """What keeps a call from being this one, if anything."""
        if call.name != self.name:
            return _found(Reason.TOOL_WRONG, f"{pointer}/name", self.name, call.name)
        missing = next((name for name in self.required if name not in call.arguments), None)
        if missing is not None:
            return _absent(Reason.ARGUMENT_MISSING, pointer, missing, self.answers.get(missing))
        for name, value in call.arguments.items():
            if reason := self._argument_fault(name, value):
                place = f"{pointer}/arguments{pointer_token(name)}"
                return _found(reason, place, self.answers.get(name), value)
        for name, acceptable in self.answers.items():
            if name not in call.arguments and OMITTED not in acceptable:
                return _absent(Reason.ARGUMENT_LEFT_OUT, pointer, name, acceptable)
        return None

    def _argument_fault(self, name: str, value: JSON) -> Reason | None:
        if name not in self.parameters or name not in self.answers:
            return Reason.ARGUMENT_UNEXPECTED
        parameter, acceptable = self.parameters[name], self.answers[name]
        if parameter.kind == "float" and type(value) is int:
            value = _to_float(value)
        if not parameter.admits(value, acceptable):
            return Reason.ARGUMENT_TYPE_WRONG
        return None if parameter.matches(value, acceptable) else Reason.ARGUMENTS_WRONG


def _found(reason: Reason, pointer: str, expected: JSON, got: JSON) -> Finding:
    return Finding(reason, lambda: Place(pointer=pointer, expected=_one_of(expected), got=excerpt(got)))


def _absent(reason: Reason, pointer: str, name: str, acceptable: Values | None) -> Finding:
    return Finding(
        reason, lambda: Place(pointer=f"{pointer}/arguments{pointer_token(name)}", expected=_one_of(acceptable))
    )


def _one_of(expected: JSON) -> str | None:
    """A name, or acceptable values, for people."""
    if isinstance(expected, list):
        return " or ".join("nothing" if value == OMITTED else excerpt(value) for value in expected)
    return None if expected is None else excerpt(expected)


def _to_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


@dataclass(frozen=True, slots=True)
class BfclTask:
    """A question's acceptable answers, joined with the functions that they call."""

    expected: tuple[ExpectedCall, ...]
    """Empty without a ground truth, as in the categories of (ir)relevance."""


def prepare(source: TaskSource, _: ToolCompiler) -> BfclTask:
    """The question's functions and its acceptable answers, ``[{function: {parameter: [acceptable, …]}}, …]``.

    Raises:
        UnusableTask: either is malformed, an answer names a function that is not offered, or a parameter of one has a
            type that the leaderboard does not know.
    """
    functions: dict[str, tuple[dict[str, JSON], str]] = {}
    for index, definition in enumerate(read_definitions(source.tools or b"")):
        function, pointer = unwrap_definition(definition, f"/{index}")
        if not isinstance(function.get("name"), str):
            raise malformed_tools(pointer, "a function with a name")
        functions.setdefault(function["name"], (function, pointer))
    answers = [] if source.ground_truth is None else _read_answers(source.ground_truth)
    return BfclTask(tuple(_expect(answer, f"/{index}", functions) for index, answer in enumerate(answers)))


def _read_answers(text: bytes) -> list[JSON]:
    try:
        answers = loads(text.decode())
    except (JSONFault, UnicodeDecodeError):
        raise malformed_ground_truth("", "strict JSON") from None
    if answers is not None and not isinstance(answers, list):
        raise malformed_ground_truth("", "a list of acceptable answers")
    return answers or []


def _expect(answer: JSON, pointer: str, functions: Mapping[str, tuple[dict[str, JSON], str]]) -> ExpectedCall:
    if not isinstance(answer, dict) or len(answer) != 1:
        raise malformed_ground_truth(pointer, "an object with the name of one function")
    [(name, acceptable)] = answer.items()
    pointer += pointer_token(name)
    if name not in functions:
        raise UnusableTask(Reason.GROUND_TRUTH_TOOL_UNKNOWN, partial(Place, pointer=pointer, got=excerpt(name)))
    parameters, required = _read_signature(*functions[name])
    if not isinstance(acceptable, dict):
        raise malformed_ground_truth(pointer, "an object of acceptable values")
    for key, values in acceptable.items():
        if not _are_acceptable(values, parameters.get(key)):
            raise malformed_ground_truth(pointer + pointer_token(key), "a list of acceptable values")
    return ExpectedCall(name, parameters, required, acceptable)


def _are_acceptable(values: JSON, parameter: Parameter | None) -> bool:
    """Whether these are a list of acceptable values, and so is each value of an object that is compared by its keys."""
    if not isinstance(values, list) or parameter is None:
        return isinstance(values, list)
    options = [*values, *(element for option in values if isinstance(option, list) for element in option)]
    objects = (
        [option for option in options if isinstance(option, dict)]
        if "dict" in (parameter.kind, parameter.items)
        else []
    )
    return all(isinstance(inner, list) for option in objects for inner in option.values())


def _read_signature(function: dict[str, JSON], pointer: str) -> tuple[dict[str, Parameter], tuple[str, ...]]:
    """The parameters of a function, and which of them are required."""
    schema, pointer = function.get("parameters"), f"{pointer}/parameters"
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        raise malformed_tools(pointer, "an object with properties")
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise malformed_tools(f"{pointer}/required", "a list of names")
    parameters = {
        name: _read_parameter(declared, f"{pointer}/properties{pointer_token(name)}")
        for name, declared in schema["properties"].items()
    }
    return parameters, tuple(required)


def _read_parameter(declared: JSON, pointer: str) -> Parameter:
    kind = _read_type(declared, pointer)
    return Parameter(kind, _read_type(declared.get("items"), f"{pointer}/items") if TYPES[kind] is list else None)


def _read_type(declared: JSON, pointer: str) -> str:
    kind = declared.get("type") if isinstance(declared, dict) else None
    if not isinstance(kind, str) or kind not in TYPES:
        place = partial(Place, pointer=pointer, expected=f"a type of {excerpt(list(TYPES))}", got=excerpt(declared))
        raise UnusableTask(Reason.TOOL_SCHEMA_INVALID, place)
    return kind


_Check: TypeAlias = Callable[[Calls | Finding, BfclTask], Finding | None]


def right_calls(read: Calls | Finding, task: BfclTask) -> Finding | None:
    """What keeps the calls from being the expected ones, in any order.

    Raises:
        UnusableTask: the category wants acceptable answers, and the task has none.
    """
    if not task.expected:
        raise malformed_ground_truth("", "acceptable answers")
    if isinstance(read, Finding):
        return read
    fault = _miscounted(len(read.calls), len(task.expected)) or _unmatched(read, task.expected)
    return fault and read.located(fault)


def _miscounted(got: int, expected: int) -> Finding | None:
    if got == expected:
        return None
    reason = Reason.CALL_EXTRA if got > expected else Reason.CALL_MISSING if got else Reason.CALL_WANTED
    return Finding(reason, partial(Place, expected=str(expected), got=str(got)))


def _unmatched(read: Calls, expected: tuple[ExpectedCall, ...]) -> Finding | None:
    """What is wrong with a call, if each expected call in its turn takes the first that is right."""
    left = dict(enumerate(read.calls))
    for wanted in expected:
        faults = {index: wanted.fault(call, read.pointer(index)) for index, call in left.items()}
        index = next((index for index, fault in faults.items() if fault is None), None)
        if index is None:
            namesake = (index for index, call in left.items() if call.name == wanted.name)
            return faults[next(namesake, next(iter(left)))]
        del left[index]
    return None


def no_call(read: Calls | Finding, _: BfclTask) -> Finding | None:
    """What is wrong where no tool fits: that a call can be read."""
    if isinstance(read, Finding) or not read.calls:
        return None
    return call_not_wanted(read)


def some_call(read: Calls | Finding, _: BfclTask) -> Finding | None:
    """What is wrong where some tool fits: that no call can be read."""
    if isinstance(read, Finding):
        return read
    return None if read.calls else Finding(Reason.CALL_WANTED)


def _live(*categories: str) -> tuple[str, ...]:
    return (*categories, *(f"live_{category}" for category in categories))


CHECKS: Mapping[str, _Check] = MappingProxyType(
    {
        **dict.fromkeys(("simple_python", *_live("simple", "multiple", "parallel", "parallel_multiple")), right_calls),
        **dict.fromkeys(_live("irrelevance"), no_call),
        **dict.fromkeys(_live("relevance"), some_call),
    }
)
"""What is checked in each category that is judged."""


def judge(completion: CompletionText | AssistantMessage, task: BfclTask, context: Context) -> Judgement:
    """1.0 when the checker of the task's category finds nothing wrong, else 0.0.

    Raises:
        UnusableTask: the category is not judged, or wants acceptable answers that the task has not.
    """
    check = CHECKS.get(context.category or "")
    if check is None:
        raise UnusableTask(Reason.CATEGORY_NOT_JUDGED, partial(Place, expected=f"one of {excerpt(list(CHECKS))}"))
    return binary_judgement(check(read_bfcl_calls(completion), task))


AST = Reward(
    id="bfcl/ast@4",
    summary="1 when the calls are right by the AST checker of the Berkeley leaderboard, Python categories; else 0",
    low=0.0,
    high=1.0,
    needs=("tools", "context.category"),
    dialect="bfcl",
    source="ShishirPatil/gorilla 6ea5797, bfcl_eval/eval_checker/ast_eval/ast_checker.py",
    digest="sha256:94cbb1fdd37f8e544668e770f8e9dc7cbbc71efc95a7bc18fa1df3ca79f3c87b",
    prepare=prepare,
    judge=judge,
)

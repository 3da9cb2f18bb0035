"""The rewards of ToolRL (arXiv 2504.13958): points for form, for each part of each call, and in two of them for length.

Source: qiancheng0/ToolRL 8cee13e, ``verl/utils/reward_score/rlla.py``, answer for answer. What it switches by
environment variables are the ``Parameters`` of the variants here. A call is a JSON object with ``name`` and
``parameters`` on a line of its own; values are equal as Python holds them equal, so that 1, 1.0 and true agree;
expected calls choose their partners greedily, in their order.

Three things differ, and none on what a policy writes. A ground truth that can't be read gives no verdict, where the
source raises. Brackets nested more than 64 deep are unreadable, where the source's limit is the interpreter's. Only the
first ``MAX_MATCHED_CALLS`` calls of a completion are matched with expected ones, so that a megabyte of calls ends.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

from goodcall.dialects.toolrl import RESPONSE
from goodcall.errors import UnsupportedCompletion
from goodcall.ground_truth import malformed_ground_truth, read_ground_truth
from goodcall.matching import ExpectedCalls
from goodcall.parsing import END_THINK, END_TOOL_CALL, THINK, TOOL_CALL, Calls
from goodcall.reasons import Reason
from goodcall.rewards.reward import OK, Reward
from goodcall.rewards.toolrl_text import (
    THINK_CALL,
    THINK_CALL_RESPOND,
    THINK_ONLY,
    THINK_RESPOND,
    Call,
    CallLines,
    Layout,
    UnreadableCalls,
    as_written,
    last_turn,
    layout_fault,
    unreadable,
)
from goodcall.strict_json import JSONFault, loads
from goodcall.tool_compiler import ToolCompiler
from goodcall.types import JSON, AssistantMessage, CompletionText, Context, Finding, Judgement, TaskSource, ToolCall

MAX_MATCHED_CALLS = 1024
"""Calls of a completion that may be matched with expected ones; those after them still count among the names."""

_Similarity: TypeAlias = Callable[[Sequence[JSON], Sequence[JSON]], float]


class Bounds(NamedTuple):
    """The least and the most that one part of the reward can pay."""

    low: float
    high: float


class Share(NamedTuple):
    """How much of what there was to earn was earned."""

    earned: float
    attainable: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What tells one variant from another; the source reads it from the environment."""

    credit: Callable[[list[Call], list[Call]], Share]
    """From the expected and the predicted calls, which are not equal as lists, to the share of the points."""
    format_bounds: Callable[[int], Bounds]
    """From the training step to what the form can pay."""
    correctness_bounds: Callable[[int], Bounds]
    """From the training step to what the calls can pay."""
    full_length: Callable[[int], float] | None = None
    """From the training step to the words of reasoning that earn one more point; None: length earns nothing."""


@dataclass(frozen=True, slots=True)
class ToolRLTask:
    """A ground truth as the source reads it."""

    layout: Layout
    expected: list[Call]
    """Empty when no call is wanted; calls then neither earn nor cost."""


def prepare(source: TaskSource, _: ToolCompiler) -> ToolRLTask:
    """The ground truth: the answer text of a row of that dataset, or the expected calls themselves.

    A list of calls stands for the text with a think block and these calls, one a line; an empty list for the text with
    a think block and a response.

    Raises:
        UnusableTask: it is neither, or the text's calls can't be read.
    """
    text = source.ground_truth or b""
    if text.lstrip().startswith(b'"'):
        return _read_answer(_decode_string(text))
    calls = read_ground_truth(text).calls
    expected = [{"name": call.name, "parameters": call.arguments} for call in calls]
    return ToolRLTask(THINK_CALL if expected else THINK_RESPOND, expected)


def _decode_string(text: bytes) -> str:
    try:
        answer: str = loads(text.decode())
    except (JSONFault, UnicodeDecodeError):
        raise malformed_ground_truth("", "strict JSON") from None
    return answer


def _read_answer(text: str) -> ToolRLTask:
    """The task of an answer text: which tags it holds decides the layout, its first block holds the calls."""
    responds = RESPONSE in text
    if TOOL_CALL not in text:
        return ToolRLTask(THINK_RESPOND if responds else THINK_ONLY, [])
    try:
        expected = CallLines.of(text).read()
    except UnreadableCalls:
        raise malformed_ground_truth("", "a call as JSON object on each line") from None
    if not all(isinstance(call["name"], str) and isinstance(call.get("parameters"), dict) for call in expected):
        raise malformed_ground_truth("", "calls with a name and parameters")
    return ToolRLTask(THINK_CALL_RESPOND if responds else THINK_CALL, expected)


def overlap(expected: Sequence[JSON], predicted: Sequence[JSON]) -> float:
    """Two multisets' intersection over their union, 1.0 when both are empty; order plays no part.

    Raises:
        UnreadableCalls: a predicted entry is an object or a list, which the source can't count.
    """
    if expected == predicted:
        return 1.0
    for index, entry in enumerate(predicted):
        if isinstance(entry, (dict, list)):
            raise unreadable(Reason.NAME_NOT_STRING, f"/{index}/name", "a string", entry)
    common = (Counter(expected) & Counter(predicted)).total()
    return common / (len(expected) + len(predicted) - common)


def sameness(expected: Sequence[JSON], predicted: Sequence[JSON]) -> float:
    """1.0 when two sequences are equal, order included, else 0.0."""
    return float(expected == predicted)


def by_part(expected: list[Call], predicted: list[Call], *, similarity: _Similarity) -> Share:
    """A point for the names, and for each expected call one for its keys and one for each of its values.

    Raises:
        UnreadableCalls: a call that could be matched has no object as its parameters.
    """
    names = [call["name"] for call in expected]
    for index, call in enumerate(predicted[:MAX_MATCHED_CALLS]):
        if call["name"] in names and not isinstance(call.get("parameters"), dict):
            raise _without_parameters(index, call)

    def points(wanted: Call, made: Call) -> float:
        wanted, made = wanted["parameters"], made["parameters"]
        right_values = sum(1.0 for key, value in wanted.items() if key in made and made[key] == value)
        return similarity(list(wanted), list(made)) + right_values

    return _match(expected, predicted, similarity, points, lambda call: 1.0 + len(call["parameters"]))


def _without_parameters(index: int, call: Call) -> UnreadableCalls:
    if "parameters" not in call:
        return unreadable(Reason.CALL_KEY_MISSING, f"/{index}", "name and parameters", list(call))
    return unreadable(Reason.ARGUMENTS_NOT_OBJECT, f"/{index}/parameters", "an object", call["parameters"])


def by_call(expected: list[Call], predicted: list[Call]) -> Share:
    """A point for the names, and one for each expected call that was made exactly."""
    return _match(expected, predicted, overlap, lambda wanted, made: float(wanted == made), lambda _: 1.0)


def by_all(_expected: list[Call], _predicted: list[Call]) -> Share:
    """Nothing: only equal lists earn anything."""
    return Share(0.0, 1.0)


def _match(
    expected: list[Call],
    predicted: list[Call],
    similarity: _Similarity,
    points: Callable[[Call, Call], float],
    worth: Callable[[Call], float],
) -> Share:
    """Each expected call in its turn takes the first unused call of its name that earns the most points."""
    earned = similarity([call["name"] for call in expected], [call["name"] for call in predicted])
    attainable = 1.0
    unused = dict(enumerate(predicted[:MAX_MATCHED_CALLS]))
    for wanted in expected:
        attainable += worth(wanted)
        rivals = ((points(wanted, made), -index) for index, made in unused.items() if made["name"] == wanted["name"])
        most, negated_index = max(rivals, default=(0.0, 0))
        if most > 0:
            del unused[-negated_index]
            earned += most
    return Share(earned, attainable)


def judge_text(completion: CompletionText, task: ToolRLTask, step: int, parameters: Parameters) -> Judgement:
    """The points of a completion, and the first thing that keeps them from being all that there are."""
    text, start = last_turn(completion)
    misformed = layout_fault(text, start, task.layout)
    format_bounds = parameters.format_bounds(step)
    total = format_bounds.low if misformed else format_bounds.high
    correctness, wrong = _correctness(text, start, task.expected, parameters, step)
    total += correctness
    if parameters.full_length is None:
        return Judgement(total, misformed or wrong or OK)
    length = _length(text, parameters.full_length(step))
    short = Finding(Reason.REASONING_SHORT) if length < 1 else None
    return Judgement(total + length, misformed or wrong or short or OK)


def _correctness(
    text: str, start: int, expected: list[Call], parameters: Parameters, step: int
) -> tuple[float, Finding | None]:
    """The points for the calls, and what is wrong with them."""
    if not expected:
        return 0.0, None
    low, high = parameters.correctness_bounds(step)
    if TOOL_CALL not in text or END_TOOL_CALL not in text:
        return low, Finding(Reason.NO_TOOL_CALL_BLOCK)
    lines = CallLines.of(text, start)
    try:
        predicted = lines.read()
        if predicted == expected:
            return high, None
        share = parameters.credit(expected, predicted)
    except UnreadableCalls as error:
        return low, as_written(error.finding, lines)
    wrong = None if share.earned == share.attainable else _shortfall(expected, predicted)
    return (high - low) * share.earned / share.attainable + low, wrong and as_written(wrong, lines)


def _shortfall(expected: list[Call], predicted: list[Call]) -> Finding:
    """Why calls did not earn all that there was to earn."""
    for index, call in enumerate(predicted):
        if not isinstance(call["name"], str):
            return unreadable(Reason.NAME_NOT_STRING, f"/{index}/name", "a string", call["name"]).finding
    if difference := ExpectedCalls(_tool_calls(expected)).compare(Calls(_tool_calls(predicted))):
        return difference
    for index, call in enumerate(predicted):
        if len(call) > 2:
            expectation = "name and parameters only"
            return unreadable(Reason.CALL_KEY_UNEXPECTED, f"/{index}", expectation, list(call)).finding
    return Finding(Reason.CALL_ORDER_WRONG)


def _tool_calls(calls: list[Call]) -> list[ToolCall]:
    # Of a name that nobody expects, parameters may be anything or missing.
    return [ToolCall(call["name"], call.get("parameters")) for call in calls]  # type: ignore[arg-type]


def _length(text: str, full: float) -> float:
    """Words in the last think block over the words that earn a full point, in hundredths, at most 1.0."""
    if THINK not in text or END_THINK not in text:
        return 0.0
    reasoning = text.rpartition(THINK)[2].partition(END_THINK)[0]
    return min(round(len(reasoning.split()) / full, 2), 1.0)


def _always(low: float, high: float) -> Callable[[int], Bounds]:
    return lambda _: Bounds(low, high)


def _halved_from_step_30(step: int) -> Bounds:
    return Bounds(0.0, 1.0 if step < 30 else 0.5)


def _a_third_before_step_30(step: int) -> Bounds:
    return Bounds(-1.0, 1.0) if step < 30 else Bounds(-3.0, 3.0)


def _falling_until_step_150(step: int) -> Bounds:
    passed = min(step, 150)
    return Bounds(min(-1.0, 2 * passed / 150 - 2), 2 - passed / 150)


def _rising_until_step_150(step: int) -> Bounds:
    passed = min(step, 150)
    return Bounds(-passed / 150 - 2, passed / 150 + 2)


def _growing_length(step: int) -> float:
    # Beyond a billion steps no completion earns a hundredth, and a step of any size must not overflow a double.
    return 256 * min(step, 10**9) / 105 + 384


BY_PART = partial(by_part, similarity=overlap)
BY_PART_IN_ORDER = partial(by_part, similarity=sameness)


def _toolrl(
    variant: str,
    switches: str,
    summary: str,
    *,
    bounds: Bounds,
    digest: str,
    parameters: Parameters,
    needs_step: bool = False,
) -> Reward[ToolRLTask]:
    """The catalogue's entry of one variant."""
    reward_id = f"toolrl/{variant}"

    def judge(completion: CompletionText | AssistantMessage, task: ToolRLTask, context: Context) -> Judgement:
        if isinstance(completion, AssistantMessage):
            raise UnsupportedCompletion(reward_id)
        return judge_text(completion, task, context.step or 0, parameters)

    return Reward(
        id=reward_id,
        summary=summary,
        low=bounds.low,
        high=bounds.high,
        needs=("ground_truth", "context.step") if needs_step else ("ground_truth",),
        dialect="toolrl",
        source=f"qiancheng0/ToolRL 8cee13e, verl/utils/reward_score/rlla.py, {switches}",
        digest=digest,
        prepare=prepare,
        judge=judge,
        judges_messages=False,
    )


DEFAULT = _toolrl(
    "default@1",
    "no switch",
    "0 or 1 for the form, and from -3 to 3 for the share of names, keys and values that are right",
    bounds=Bounds(-3.0, 4.0),
    digest="sha256:04cb391adf7fd339960b61a4fcb45d8f718d56d2c5537f19d7137b9e9a9c1019",
    parameters=Parameters(credit=BY_PART, format_bounds=_always(0.0, 1.0), correctness_bounds=_always(-3.0, 3.0)),
)
COARSE = _toolrl(
    "coarse@1",
    "COARSEREWARD",
    "0 or 1 for the form, and -3 or 3 for the calls: all right and in order, or not",
    bounds=Bounds(-3.0, 4.0),
    digest="sha256:4aa7eecc3742781e891583cf076a306f64759e74ee764b28003e97eb751e06cd",
    parameters=Parameters(credit=by_all, format_bounds=_always(0.0, 1.0), correctness_bounds=_always(-3.0, 3.0)),
)
REFINED = _toolrl(
    "refined@1",
    "REFINEDREWARD",
    "as default, but names and keys earn only when all are right and in order",
    bounds=Bounds(-3.0, 4.0),
    digest="sha256:296f80d839c75dae6974069741660bf7916e24aa078c83eb3774b61fefc626e3",
    parameters=Parameters(
        credit=BY_PART_IN_ORDER, format_bounds=_always(0.0, 1.0), correctness_bounds=_always(-3.0, 3.0)
    ),
)
INTERMEDIATE = _toolrl(
    "intermediate@1",
    "INTERMEDIATEREWARD",
    "as default, but a call earns only when all of it is right",
    bounds=Bounds(-3.0, 4.0),
    digest="sha256:100a23504210e5060f521490da7b7d5baa0a75cb8741725a00f58d13cf9c1d68",
    parameters=Parameters(credit=by_call, format_bounds=_always(0.0, 1.0), correctness_bounds=_always(-3.0, 3.0)),
)
EQUAL_MAX = _toolrl(
    "equal_max@1",
    "CORRECTMAX1",
    "as default, but the calls pay from -1 to 1, so that form and calls can pay as much",
    bounds=Bounds(-1.0, 2.0),
    digest="sha256:bf55ef4967e65cf4e91212bf29f4b097718ddf0e423b8fff7ba2aa703302f8a3",
    parameters=Parameters(credit=BY_PART, format_bounds=_always(0.0, 1.0), correctness_bounds=_always(-1.0, 1.0)),
)
TWO_STAGE = _toolrl(
    "two_stage@1",
    "MAX1STEP30MAX3",
    "as equal_max before training step 30; from there on half a point for the form and from -3 to 3 for the calls",
    bounds=Bounds(-3.0, 3.5),
    digest="sha256:a59cd6115c5ea3a58b179511f217ae856bea29316bdea8d3b43e9578b87e9661",
    parameters=Parameters(
        credit=BY_PART, format_bounds=_halved_from_step_30, correctness_bounds=_a_third_before_step_30
    ),
    needs_step=True,
)
SCHEDULED = _toolrl(
    "scheduled@1",
    "SCHEDULEREWARD",
    "as default, but the weight moves from form to calls until training step 150, and a wrong form costs 2 to 1",
    bounds=Bounds(-4.0, 4.0),
    digest="sha256:817b0c4eb73fab6577046a34f07f70a91736a34d3427b78c8d4a05958e35819b",
    parameters=Parameters(
        credit=BY_PART, format_bounds=_falling_until_step_150, correctness_bounds=_rising_until_step_150
    ),
    needs_step=True,
)
LENGTH = _toolrl(
    "length@1",
    "WITHLENGTH",
    "as default, and up to 1 for the length of the reasoning, in full from 512 words on",
    bounds=Bounds(-3.0, 5.0),
    digest="sha256:b87df4a3fd382247da06a39107ea1cae738565043461423ef1395dd407a40fe0",
    parameters=Parameters(
        credit=BY_PART,
        format_bounds=_always(0.0, 1.0),
        correctness_bounds=_always(-3.0, 3.0),
        full_length=lambda _: 512,
    ),
)
SCHEDULED_LENGTH = _toolrl(
    "scheduled_length@1",
    "WITHLENGTH and SCHEDULELENGTH",
    "as length, but the words for the full point grow with the training step: 384 at 0, 640 at 105, and on",
    bounds=Bounds(-3.0, 5.0),
    digest="sha256:165d7e7e6d2372c04545f1cf6fcbe74cca8b82da9294feaa7d49bc0dcaa2dd90",
    parameters=Parameters(
        credit=BY_PART,
        format_bounds=_always(0.0, 1.0),
        correctness_bounds=_always(-3.0, 3.0),
        full_length=_growing_length,
    ),
    needs_step=True,
)
VARIANTS = (
    DEFAULT,
    COARSE,
    REFINED,
    INTERMEDIATE,
    EQUAL_MAX,
    TWO_STAGE,
    SCHEDULED,
    LENGTH,
    SCHEDULED_LENGTH,
)

"""What is fuzzed: three functions of bytes that raise only where something is wrong with the service.

``tests/fuzz/run.py`` runs them under a fuzzer, ``tests/fuzz/test_targets.py`` on their seeds alone.
"""

import json
import math
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import msgspec

from goodcall import Scorer
from goodcall.errors import MalformedInput
from goodcall.items import Item, ItemVerdicts, decode_item, encode, to_context, to_task
from goodcall.rewards import CATALOGUE, Reward
from goodcall.types import AssistantMessage, Completion, Context, MessageCall, TaskSource, Verdict
from goodcall.web.lines import split_lines
from goodcall.web.problems import RequestProblem
from goodcall.web.wire import ScoreResponse, decode_request

BETWEEN = b"\x00"
"""What parts the halves of an input; no valid JSON text and hardly a completion has it."""
MOST_LINE_BYTES = 64
REWARDS = tuple(CATALOGUE.values())

_CONTEXT = Context(step=3, num_turns=2, category="multiple")
_TOOLS = {"f": {"a": {"type": "integer", "minimum": 0}, "b": {"type": ["string", "null"]}}, "g.h": {}}
_TASK = TaskSource(
    tools=json.dumps(
        [{"name": name, "parameters": {"type": "object", "properties": keys}} for name, keys in _TOOLS.items()]
    ).encode(),
    ground_truth=b'[{"name": "f", "arguments": {"a": 1, "b": "x"}}]',
)
_WITHOUT = TaskSource(tools=None, ground_truth=b"[]")
_WITH_TOOLS = TaskSource(tools=b"[]", ground_truth=b"[]")
_COMPLETIONS = (
    '<think>t</think><tool_call>[{"name": "f", "arguments": {"a": 1, "b": "x"}}]</tool_call>',
    '<think>t</think>\n<tool_call>\n{"name": "f", "parameters": {"a": 1, "b": "y"}}\n</tool_call>',
    '[f(a=1, b="x")]',
    "<think>t</think>No.",
)


def parser(data: bytes) -> None:
    """Any text as a completion of any reward, with a prefix and without, and as parts of a message."""
    reward, text = _reward_of(data), data[1:].decode(errors="surrogateescape")
    for task in (_TASK, _WITH_TOOLS if "tools" in reward.needs else _WITHOUT):
        _judge(reward, task, [text, "<think>" + text])
        if reward.judges_messages:
            call = MessageCall(name="f", arguments=text)
            _judge(reward, task, [AssistantMessage(content=text), AssistantMessage(content="t", tool_calls=(call,))])


def schema_compiler(data: bytes) -> None:
    """Any bytes as the tools of a task, as the parameters of a tool, and as a ground truth."""
    reward = _reward_of(data)
    first, _, second = data[1:].partition(BETWEEN)
    ground_truth = second or _TASK.ground_truth
    _judge(reward, TaskSource(tools=first, ground_truth=ground_truth), _COMPLETIONS)
    tools = b'[{"name": "f", "parameters": %b}]' % first
    _judge(reward, TaskSource(tools=tools, ground_truth=ground_truth), _COMPLETIONS)
    _judge(reward, TaskSource(tools=_TASK.tools, ground_truth=first), _COMPLETIONS)


def wire_decoder(data: bytes) -> None:
    """Any bytes as the body of a request, as an item, and as lines that come in pieces."""
    _decode_body(data)
    _decode_item(data)
    lines = [line if len(line) <= MOST_LINE_BYTES else None for line in data.split(b"\n")]
    expected = [line for line in lines if line is None or line.strip()]
    for size in (len(data) // 9 + 1, 64, len(data) or 1):
        assert _lines_of(data, size) == expected


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (parser, schema_compiler, wire_decoder)
}


def _reward_of(data: bytes) -> Reward[Any]:
    return REWARDS[data[0] % len(REWARDS)] if data else REWARDS[0]


def _judge(reward: Reward[Any], task: TaskSource, completions: list[Completion] | tuple[str, ...]) -> None:
    """Asks for verdicts with detail and without; they must agree, fit the reward and have a form on the wire."""
    scorer = Scorer()
    plain = scorer.score_group(completions, task, reward, context=_CONTEXT)
    explained = scorer.score_group(completions, task, reward, context=_CONTEXT, explain=True)
    assert [_gist(verdict) for verdict in plain] == [_gist(verdict) for verdict in explained]
    assert len(plain) == len(completions)
    for verdict in explained:
        assert verdict.score is None or reward.low <= verdict.score <= reward.high
        assert verdict.detail is not None
    answer = encode(ScoreResponse(reward.id, reward.digest, "r", [ItemVerdicts(None, explained)]))
    assert len(json.loads(answer)["items"][0]["verdicts"]) == len(completions)


def _gist(verdict: Verdict) -> tuple[object, str]:
    # NaN is unequal to itself, and no score.
    assert verdict.score is None or math.isfinite(verdict.score)
    return verdict.score, verdict.reason


def _decode_body(data: bytes) -> None:
    try:
        request = decode_request(data)
    except RequestProblem as problem:
        assert problem.code.status in {400, 422}  # noqa: PT017 - targets run without pytest
        return
    _check_json(data)
    for item in request.items:
        _convert(item)


def _decode_item(data: bytes) -> None:
    try:
        item = decode_item(data)
    except MalformedInput:
        return
    _check_json(data)
    _convert(item)


def _convert(item: Item) -> None:
    assert (to_task(item).ground_truth is None) == (item.ground_truth is msgspec.UNSET)
    to_context(item)


def _check_json(data: bytes) -> None:
    """What was decoded must be JSON; bad UTF-8 and numbers too long may stand in what stays raw, for later."""
    json.loads(data.decode(errors="replace"), parse_int=str, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is no JSON")


def _lines_of(data: bytes, size: int) -> list[bytes | None]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    async def collect() -> list[bytes | None]:
        return [line async for lines in split_lines(chunks(), MOST_LINE_BYTES) for line in lines]

    collecting = collect()
    try:
        # Nothing in it waits, so it needs no event loop.
        collecting.send(None)
    except StopIteration as end:
        found: list[bytes | None] = end.value
        return found
    raise AssertionError("it waited")

"""Items, as JSON brings them and as the verifier takes them: the shapes that service and command line share.

Decoding says where it failed and encoding never fails. ``tools`` and ``ground_truth`` stay raw bytes here: they are
what tasks are cached by, and the verifier reads them with its own strictness.
"""

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from goodcall import types
from goodcall.errors import InvalidJSON, InvalidShape, UnknownField
from goodcall.types import AssistantMessage, Completion, MessageCall, TaskSource, Verdict

Shape = TypeVar("Shape")


class Function(msgspec.Struct):
    """What a tool call calls."""

    name: str
    arguments: Annotated[Raw, Meta(description="A JSON string that holds the arguments, or the arguments themselves.")]


class MessageToolCall(msgspec.Struct):
    """A tool call of an assistant message; other fields are ignored."""

    function: Function


class Message(msgspec.Struct):
    """An OpenAI-style assistant message, for frameworks that have parsed the completion; other fields are ignored."""

    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[MessageToolCall] | None = None


class Context(msgspec.Struct, forbid_unknown_fields=True):
    """What some rewards need to know beside the task."""

    step: Annotated[int, Meta(ge=0, description="The training step.")] | None = None
    num_turns: Annotated[int, Meta(ge=0, description="Turns of the rollout so far.")] | None = None
    execution: Annotated[Any, Meta(description="What running the calls gave.")] = None
    category: Annotated[str, Meta(description="The benchmark category of the task.")] | None = None


class Item(msgspec.Struct, forbid_unknown_fields=True):
    """One task with any number of completions; a GRPO group is one item."""

    completions: Annotated[
        list[str | Message], Meta(description="What is judged; each gets exactly one verdict, in this order.")
    ]
    ground_truth: Annotated[
        Raw | UnsetType,
        Meta(
            description="The expected calls: a list of `{name, arguments}`, or what the reward's own source uses.",
            extra_json_schema={
                "examples": [[{"name": "get_weather", "arguments": {"city": "Oslo"}}]],
            },
        ),
    ] = UNSET
    tools: Annotated[
        Raw | UnsetType,
        Meta(
            description="Function definitions in OpenAI form, wrapped or bare, or in another dialect, which is "
            "detected. Left out or null: nothing to check names and arguments against. An empty list: no tool may "
            "be called."
        ),
    ] = UNSET
    id: Annotated[str, Meta(description="Given back with the verdicts.")] | None = None
    context: Context | None = None
    assistant_prefix: (
        Annotated[str, Meta(description="For this item, in place of the request's assistant_prefix.")] | None
    ) = None


class ItemVerdicts(msgspec.Struct):
    """The verdicts on one item's completions, in their order."""

    id: str | None
    verdicts: list[Verdict]


_Path: TypeAlias = str
_encoder = msgspec.json.Encoder()
_item_decoder = msgspec.json.Decoder(Item)


def decode_item(text: bytes) -> Item:
    """The item that a JSON text holds.

    Raises:
        MalformedInput: the text is not JSON, or not of the form of an item; says where.
    """
    return decode(text, _item_decoder, make_item_raw)


def decode(text: bytes, decoder: msgspec.json.Decoder[Shape], make_raw: Callable[[Any], object]) -> Shape:
    """What a JSON text holds, in the shape that the decoder knows.

    Args:
        text: one JSON text in UTF-8.
        decoder: knows the shape.
        make_raw: puts the fields that the shape keeps raw back into JSON text, in a value decoded whole.

    Raises:
        MalformedInput: the text is not JSON, or not of that shape; says where.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        _refuse_shape(error, decoder.type)
    except RecursionError:
        raise InvalidJSON("Its brackets are nested too deep.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _decode_with_lone_surrogates(text, decoder.type, make_raw, f"The decoder says: {error}.")


def _decode_with_lone_surrogates(
    text: bytes, shape: type[Shape], make_raw: Callable[[Any], object], fault: str
) -> Shape:
    """The shape after a second, slower and more lenient reading.

    A policy can write half a surrogate pair and a trainer can send it as the escape that it is in JSON; that must
    cost the completion its score and not the batch its request, but the fast decoder refuses the whole text.
    """
    if b"\\ud" not in text and b"\\uD" not in text:
        raise InvalidJSON(fault)
    try:
        value = json.loads(text.decode(), parse_constant=_refuse_constant, object_pairs_hook=_object)
        make_raw(value)
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        _refuse_shape(error, shape)
    except UnicodeEncodeError:
        raise UnknownField("A lone surrogate stands in a field's name, or in a string where none belongs.") from None
    except (ValueError, RecursionError):
        raise InvalidJSON(fault) from None


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is repeated")
    return value


def make_item_raw(item: Any) -> None:
    """Puts the fields of a decoded item that stay raw back into JSON text."""
    for key in ("tools", "ground_truth"):
        _make_raw(item, key)
    for completion in children(item, "completions"):
        for call in children(completion, "tool_calls"):
            if isinstance(call, dict):
                _make_raw(call.get("function"), "arguments")


def children(value: Any, key: str) -> list[Any]:
    """The list under a key of a decoded object; empty where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _make_raw(value: Any, key: str) -> None:
    if isinstance(value, dict) and key in value:
        value[key] = Raw(json.dumps(value[key]).encode())


def _refuse_shape(error: msgspec.ValidationError, shape: Any) -> NoReturn:
    message, _, path = str(error).partition(" - at `")
    path = path.removesuffix("`") or "$"
    if "unknown field" in message:
        # The decoder's message would repeat the field's name, and that is input.
        known = ", ".join(_known_fields(path, shape))
        raise UnknownField(f"The fields known here are {known}.", _to_pointer(path)) from None
    raise InvalidShape(f"{message}.", _to_pointer(path)) from None


def _known_fields(path: _Path, shape: Any) -> tuple[str, ...]:
    if path.endswith(".context"):
        return Context.__struct_fields__
    known: tuple[str, ...] = shape.__struct_fields__ if path == "$" else Item.__struct_fields__
    return known


def _to_pointer(path: _Path) -> str:
    """A decoder's path such as ``$.items[0].id`` as a JSON Pointer."""
    return path.removeprefix("$").replace(".", "/").replace("[", "/").replace("]", "")


def prefix_of(item: Item, prefix_of_all: str) -> str:
    """The item's own assistant prefix, or the one for all."""
    return prefix_of_all if item.assistant_prefix is None else item.assistant_prefix


def to_task(item: Item) -> TaskSource:
    """The task of an item, as the verifier reads it."""
    tools = None if isinstance(item.tools, UnsetType) else bytes(item.tools)
    ground_truth = None if isinstance(item.ground_truth, UnsetType) else bytes(item.ground_truth)
    return TaskSource(tools=None if tools == b"null" else tools, ground_truth=ground_truth)


def to_context(item: Item) -> types.Context:
    """The context of an item, as the verifier reads it."""
    context = item.context
    if context is None:
        return types.NO_CONTEXT
    return types.Context(
        step=context.step, num_turns=context.num_turns, execution=context.execution, category=context.category
    )


def to_completions(item: Item) -> Sequence[Completion]:
    """The completions of an item, as the verifier reads them."""
    return [to_completion(completion) for completion in item.completions]


def to_completion(completion: str | Message) -> Completion:
    """A completion, as the verifier reads it."""
    return completion if isinstance(completion, str) else to_message(completion)


def to_message(completion: Message) -> AssistantMessage:
    """A parsed message, as the verifier reads it."""
    calls = tuple(
        MessageCall(name=call.function.name, arguments=_arguments_text(bytes(call.function.arguments)))
        for call in completion.tool_calls or ()
    )
    return AssistantMessage(
        content=completion.content, reasoning_content=completion.reasoning_content, tool_calls=calls
    )


def _arguments_text(raw: bytes) -> str:
    """The JSON text of a call's arguments, whether they came as a string or as a value."""
    # The decoder does not look at the bytes that it leaves raw; what is no UTF-8 is a lone surrogate to the judge.
    text = raw.decode(errors="surrogateescape")
    return json.loads(text) if text.startswith('"') else text


def encode(shape: msgspec.Struct) -> bytes:
    """The JSON text of a shape. Lone surrogates, which UTF-8 can't hold, go out as the escapes that they came as."""
    try:
        return _encoder.encode(shape)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(shape), separators=(",", ":")).encode()

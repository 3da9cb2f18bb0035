"""What is sent for which items, and which mistakes are found before anything is sent."""

import contextlib
import datetime as dt
import json
from collections import UserList
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goodcall_client import GoodcallError, InvalidItem, Item, JSONText
from goodcall_client._encoding import decode, decode_plainly, encode, encode_batch, encode_batch_plainly, encode_texts
from goodcall_client._request import plan

TOOL = {"name": "f", "parameters": {"type": "object"}}


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def circular() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


async def test_only_what_was_given_is_sent(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    async with connect(service) as client:
        await client.score([Item(completions=["a"], ground_truth=None)])
    assert service.requests == [{"items": [{"completions": ["a"], "ground_truth": None}]}]


async def test_all_that_was_given_is_sent(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    message = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    item = Item(
        id="row-7",
        tools=[TOOL],
        ground_truth=[{"name": "f", "arguments": {}}],
        completions=["a", message],
        context={"step": 120},
        assistant_prefix="",
    )
    async with connect(service) as client:
        await client.score([item], reward="test/x@1", assistant_prefix="<think>", explain=True)
    wire = {
        "id": "row-7",
        "tools": [TOOL],
        "ground_truth": [{"name": "f", "arguments": {}}],
        "completions": ["a", message],
        "context": {"step": 120},
        "assistant_prefix": "",
    }
    assert service.requests == [{"reward": "test/x@1", "assistant_prefix": "<think>", "explain": True, "items": [wire]}]


async def test_no_tools_and_an_empty_list_of_tools_are_two_things(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    async with connect(service) as client:
        without = Item(completions=[], ground_truth=[])
        await client.score([without, replace(without, tools=[])])
    assert [item.get("tools", "left out") for item in service.requests[0]["items"]] == ["left out", []]


async def test_any_sequence_and_any_mapping_will_do(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    frozen = MappingProxyType({"a": MappingProxyType({"b": (1, 2)})})
    item = Item(completions=UserList(["x", frozen]), ground_truth=(frozen,), tools=UserList([frozen]), context=frozen)
    async with connect(service) as client:
        await client.score([item])
    plain = {"a": {"b": [1, 2]}}
    assert service.requests[0]["items"] == [
        {"completions": ["x", plain], "ground_truth": [plain], "tools": [plain], "context": plain}
    ]


@pytest.mark.parametrize(
    "text", ["", "é", "\x00", "\ud800", "a\udfffb", "\U0001f600", "\u2028", '"\\', "\ud800é"], ids=ascii
)
async def test_a_completion_travels_code_point_by_code_point(text: str, fake_service: Any, connect: Any) -> None:
    service = fake_service()
    async with connect(service) as client:
        await client.score([Item(completions=[text, {"content": text}], ground_truth=text)])
    item = service.requests[0]["items"][0]
    assert item == {"completions": [text, {"content": text}], "ground_truth": text}


async def test_text_travels_as_utf8_and_not_as_escapes(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    async with connect(service) as client:
        await client.score([Item(completions=["日本"], ground_truth="\ud800")])
    assert "日本".encode() in service.bodies[0]
    assert b'"\\ud800"' in service.bodies[0]


@given(st.lists(st.text() | st.text('\\"/\b\f\n\r\t\x00\x1f\x7f\x80\xff\u2028,')))
def test_texts_are_encoded_as_the_standard_encoder_does(texts: list[str]) -> None:
    assert b"".join(encode_texts(texts)) == json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode()


@given(st.lists(st.text(st.characters(categories=["Cs"]) | st.characters()), min_size=1))
def test_texts_with_lone_surrogates_are_encoded_too(texts: list[str]) -> None:
    # Escapes of two halves side by side are one character, to JSON.
    assert json.loads(b"".join(encode_texts(texts))) == json.loads(json.dumps(texts))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)
fields = st.dictionaries(st.sampled_from("abc"), st.lists(st.text()) | json_values.map(encode), min_size=1)


@given(st.just({}) | fields, st.lists(fields, max_size=3))
def test_orjson_and_the_standard_library_write_the_same_bytes(options: Any, items: Any) -> None:
    assert encode_batch(options, items) == encode_batch_plainly(options, items)
    assert list(json.loads(encode_batch(options, items))) == [*options, "items"]


def test_half_a_surrogate_pair_is_written_without_orjson() -> None:
    body = encode_batch({}, [{"completions": ["\ud800"]}])
    assert body == b'{"items":[{"completions":["\\ud800"]}]}'


JSON_PIECES = (
    *'{ } [ ] , : " "a" \\ \\u d83d \\ude00 - 0 1 .5 e + 1e309 true fals null NaN Infinity'.split(),  # noqa: SIM905
    *(" ", "\n", "\x00", "\x1f", "\ufeff", "9" * 20, '{"a": 1, "a": 2}'),
)


@given(json_values.map(encode) | st.lists(st.sampled_from(JSON_PIECES)).map("".join).map(str.encode) | st.binary())
@example(b"[-9223372036854775809, 18446744073709551616, 1.0, 1]")
@example(b"1" * 400)
def test_orjson_and_the_standard_library_read_the_same(text: bytes) -> None:
    assert read_by(decode, text) == read_by(decode_plainly, text)


def read_by(reader: Callable[[bytes], Any], text: bytes) -> str:
    """What a reader makes of a text, to the type of every number of 64 bits."""
    try:
        return repr(with_doubles(reader(text)))
    except ValueError as error:
        return repr(error)


def with_doubles(value: Any) -> Any:
    """A value with its integers beyond 64 bits as doubles, where there are such doubles."""
    if isinstance(value, list):
        return [with_doubles(inner) for inner in value]
    if isinstance(value, dict):
        return {name: with_doubles(inner) for name, inner in value.items()}
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        with contextlib.suppress(OverflowError):
            return float(value)
    return value


class Counted(Mapping[str, Any]):
    """A mapping that knows how often it was read."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.times_read = 0

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __len__(self) -> int:
        return len(self.fields)

    def __iter__(self) -> Iterator[str]:
        self.times_read += 1
        return iter(self.fields)


async def test_tools_that_items_share_are_encoded_once_and_sent_with_each(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    tool, alone = Counted(TOOL), Counted(TOOL)
    shared = [tool]
    items = [Item(completions=["a", "b", "c"], ground_truth=row, tools=shared) for row in range(3)]
    items.append(Item(completions=["a", "b", "c"], ground_truth=3, tools=[alone]))
    async with connect(service, max_completions_per_request=2) as client:
        await client.score(items)
    assert (tool.times_read, alone.times_read) == (1, 1)
    assert [item["tools"] for request in service.requests for item in request["items"]] == [[TOOL]] * 8


TEXTS = ['[{"name":  "f", "arguments": {"city": "Zürich"}}]', "[ ]\n", ' \r\n\t"a\\ud800"', "1e400", "null"]


@pytest.mark.parametrize("text", TEXTS)
async def test_a_json_text_is_put_into_the_body_as_it_is(text: str, fake_service: Any, connect: Any) -> None:
    service = fake_service()
    item = Item(completions=["x"], tools=JSONText(text), ground_truth=JSONText(text), id="a")
    async with connect(service) as client:
        await client.score([item])
    assert service.bodies == [
        f'{{"items":[{{"ground_truth":{text},"id":"a","tools":{text},"completions":["x"]}}]}}'.encode()
    ]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_a_json_text_says_what_its_value_says(value: Any) -> None:
    def body_of(ground_truth: Any) -> Any:
        item = Item(completions=["x"], ground_truth=ground_truth, tools=[TOOL])
        [request] = plan([item], limit=1, reward=None, assistant_prefix="", explain=False)
        return json.loads(request.body)

    assert body_of(JSONText(json.dumps(value, indent=2))) == body_of(value)


async def test_json_texts_are_sent_with_every_part_of_an_item(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    item = Item(completions=["a", "b", "c"], tools=JSONText(json.dumps([TOOL])), ground_truth=JSONText("[]"))
    async with connect(service, max_completions_per_request=1) as client:
        await client.score([item])
    sent = [(part["tools"], part["ground_truth"]) for request in service.requests for part in request["items"]]
    assert sent == [([TOOL], [])] * 3


async def test_elsewhere_a_json_text_is_a_string(fake_service: Any, connect: Any) -> None:
    service = fake_service()
    text = JSONText("[]")
    item = Item(completions=[text], ground_truth=[text], id=text, assistant_prefix=text, context={"category": text})
    async with connect(service) as client:
        await client.score([item])
    assert service.requests[0]["items"] == [
        {
            "completions": ["[]"],
            "ground_truth": ["[]"],
            "id": "[]",
            "assistant_prefix": "[]",
            "context": {"category": "[]"},
        }
    ]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tools", JSONText('["\ud800"]'), "surrogates not allowed"),
        ("ground_truth", JSONText("\udfff"), "surrogates not allowed"),
        ("ground_truth", [{"arguments": {"x": float("nan")}}], "Out of range float"),
        ("ground_truth", float("inf"), "Out of range float"),
        ("tools", [{"minimum": float("-inf")}], "Out of range float"),
        ("ground_truth", {1, 2}, "type set has no JSON form"),
        ("context", {"at": dt.date(2040, 1, 2)}, "type date has no JSON form"),
        ("completions", [{"content": b"bytes"}], "type bytes has no JSON form"),
        ("ground_truth", {(1, 2): 3}, "keys must be"),
        ("ground_truth", circular(), "Circular"),
        ("ground_truth", nested(100_000), "nested too deeply"),
        ("ground_truth", 10**5000, "Exceeds the limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_json_cannot_carry_is_named_and_nothing_is_sent(
    field: str, value: Any, words: str, fake_service: Any, connect: Any
) -> None:
    service = fake_service()
    fields = {"completions": ["x"], "ground_truth": [], field: value}
    items = [Item(completions=["x"] * 5, ground_truth=[]), Item(**fields)]
    async with connect(service, max_completions_per_request=2) as client:
        with pytest.raises(InvalidItem, match=words) as caught:
            await client.score(items)
    assert (caught.value.position, caught.value.field) == (1, field)
    assert f"items[1].{field}" in str(caught.value)
    assert isinstance(caught.value, GoodcallError)
    assert isinstance(caught.value, ValueError)
    assert service.bodies == []


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"completions": ["x"], "ground_truth": []}, r"items\[1\] is of type dict: goodcall_client.Item is wanted"),
        (Item(completions="x", ground_truth=[]), r"items\[1\].completions is of type str: a list"),
        (Item(completions=b"x", ground_truth=[]), r"items\[1\].completions is of type bytes"),  # type: ignore[arg-type]
        (Item(completions=None, ground_truth=[]), r"items\[1\].completions is of type NoneType"),  # type: ignore[arg-type]
        (Item(completions=["x", 7], ground_truth=[]), r"items\[1\].completions\[1\] is of type int: str or a mapping"),  # type: ignore[list-item]
        (Item(completions=[None], ground_truth=[]), r"items\[1\].completions\[0\] is of type NoneType"),  # type: ignore[list-item]
        (Item(completions=[], ground_truth=[], tools=TOOL), r"items\[1\].tools is of type dict: a list"),  # type: ignore[arg-type]
        (Item(completions=[], ground_truth=[], tools="[]"), r"items\[1\].tools is of type str: a list"),  # type: ignore[arg-type]
        (Item(completions=[], ground_truth=[], id=7), r"items\[1\].id is of type int: str or None"),  # type: ignore[arg-type]
        (Item(completions=[], ground_truth=[], context=[]), r"items\[1\].context is of type list: a mapping"),  # type: ignore[arg-type]
        (Item(completions=[], ground_truth=[], assistant_prefix=1), r"items\[1\].assistant_prefix is of type int"),  # type: ignore[arg-type]
    ],
)
async def test_a_wrong_type_is_named_with_its_place_and_nothing_is_sent(
    item: Any, words: str, fake_service: Any, connect: Any
) -> None:
    service = fake_service()
    items: Sequence[Any] = [Item(completions=["x"], ground_truth=[]), item]
    async with connect(service) as client:
        with pytest.raises(TypeError, match=words):
            await client.score(items)
    assert service.bodies == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reward": 1}, "reward is of type int: str or None is wanted"),
        ({"assistant_prefix": None}, "assistant_prefix is of type NoneType: str is wanted"),
    ],
)
async def test_an_option_of_the_wrong_type_is_named(
    options: dict[str, Any], words: str, fake_service: Any, connect: Any
) -> None:
    async with connect(fake_service()) as client:
        with pytest.raises(TypeError, match=words):
            await client.score([], **options)

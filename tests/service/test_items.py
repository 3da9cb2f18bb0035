"""Items between the wire and the verifier: nothing is lost on the way in, and all can be written on the way out."""

import json

import msgspec
import pytest

from goodcall import Context, Verdict
from goodcall.errors import InvalidJSON
from goodcall.items import ItemVerdicts, decode_item, encode, to_completions, to_context, to_task

CALLS = [{"name": "f", "arguments": {"a": "é"}}]


def decode(**fields):
    return decode_item(json.dumps({"completions": [], **fields}).encode())


@pytest.mark.parametrize(
    "context",
    [
        {"step": 3},
        {"num_turns": 2},
        {"execution": {"returned": [1, None]}},
        {"category": "simple"},
        {"step": 0, "num_turns": 0, "execution": False, "category": ""},
    ],
)
def test_all_of_the_context_reaches_the_reward(context):
    assert to_context(decode(context=context)) == Context(**context)


def test_half_a_surrogate_pair_leaves_the_rest_of_an_item_as_it_was():
    whole = decode(completions=["a"], tools=[{"name": "f"}], ground_truth=CALLS)
    broken = decode(completions=["\ud800"], tools=[{"name": "f"}], ground_truth=CALLS)
    assert to_completions(broken) == ["\ud800"]
    assert [json.loads(text) for text in (to_task(broken).tools, to_task(broken).ground_truth)] == [
        json.loads(text) for text in (to_task(whole).tools, to_task(whole).ground_truth)
    ]


@pytest.mark.parametrize(
    "text", ['{"completions": ["\\ud800"], "completions": []}', '{"completions": ["\\ud800", NaN]}']
)
def test_half_a_surrogate_pair_makes_the_reading_of_an_item_no_laxer(text):
    with pytest.raises(InvalidJSON, match=r"^The decoder says: .+\.$"):
        decode_item(text.encode())


@pytest.mark.parametrize("item_id", ["row-7", "\ud800", None])
def test_verdicts_are_written_without_blanks_whatever_the_id_holds(item_id):
    written = encode(ItemVerdicts(item_id, [Verdict(1.0, "ok")]))
    assert written.startswith(b'{"id":' + json.dumps(item_id).encode() + b',"verdicts":[{"score":1.0,"reason":"ok"')
    assert msgspec.json.format(written.replace(b"\\ud800", b""), indent=-1) == written.replace(b"\\ud800", b"")

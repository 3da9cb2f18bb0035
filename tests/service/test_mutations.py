"""Every kind of mutation of the conformance cases: its score, its reasons, and the place that is pointed at."""

import json
from collections import defaultdict
from functools import cache

import pytest

from goodcall import Scorer, TaskSource, find_reward
from suites import conformance_rows, conformance_tasks

HARDENED = find_reward("tool_n1/hardened@1")

JSON_INVALID = {"json_invalid"}
THINK_MISSING = {"think_missing"}
WRONG_ARGUMENTS = {"arguments_wrong", "arguments_invalid"}

REASONS = {
    "answer_text_only": {"call_wanted"},
    "arguments_as_json_string": {"arguments_not_object"},
    "arguments_not_object": {"arguments_not_object"},
    "block_per_call": {"multiple_tool_call_blocks", "answer_empty"},
    "bom": JSON_INVALID,
    "bool_python_literal": JSON_INVALID,
    "call_inside_think": {"tag_in_think"},
    "call_mentioned_in_think": {"tag_in_think"},
    "call_spaced_tag": {"tag_in_answer"},
    "call_uppercase": {"call_wanted"},
    "canonical": set(),
    "chat_marker_hides_think": {"special_token_in_completion"},
    "chat_marker_hides_wrong": {"special_token_in_completion"},
    "chat_marker_prefix": {"special_token_in_completion"},
    "code_fence": JSON_INVALID,
    "control_char_in_string": JSON_INVALID,
    "deep_nesting": {"json_too_deep", "arguments_invalid"},
    "double_encoded": {"not_calls"},
    "dropped_call": {"call_wanted", "call_missing"},
    "duplicate_call": {"call_extra"},
    "duplicate_key_first_right": {"json_duplicate_key"},
    "duplicate_key_last_right": {"json_duplicate_key"},
    "empty_block": JSON_INVALID,
    "empty_completion": THINK_MISSING,
    "empty_list": {"call_wanted"},
    "eos_suffix": set(),
    "exponent_number": set(),
    "extra_argument": WRONG_ARGUMENTS,
    "extra_bracket": JSON_INVALID,
    "extra_key_in_call": {"call_key_unexpected"},
    "fullwidth_name": {"tool_unknown"},
    "html_escaped": THINK_MISSING,
    "huge_int": {"json_number_too_long", *WRONG_ARGUMENTS},
    "int_as_float": set(),
    "json_comment": JSON_INVALID,
    "leading_text": THINK_MISSING,
    "lines_in_block": JSON_INVALID,
    "list_of_lists": {"call_not_object"},
    "list_of_scalars": {"call_not_object"},
    "lone_surrogate": {"json_lone_surrogate"},
    "missing_argument": WRONG_ARGUMENTS,
    "missing_arguments_key": {"call_key_missing"},
    "name_not_string": {"name_not_string"},
    "nan_value": {"json_not_finite"},
    "nbsp_around": JSON_INVALID,
    "nested_call_tags": {"multiple_tool_call_blocks"},
    "nested_list": {"call_not_object"},
    "no_think": THINK_MISSING,
    "number_as_string": WRONG_ARGUMENTS,
    "openai_function_shape": {"call_key_missing"},
    "parameters_key": {"call_key_missing"},
    "plain_text": THINK_MISSING,
    "renamed_argument": WRONG_ARGUMENTS,
    "reordered_calls": set(),
    "right_then_wrong": {"multiple_tool_call_blocks"},
    "right_twice": {"multiple_tool_call_blocks"},
    "scalar_number": {"not_calls", "json_not_finite"},
    "scalar_other": {"not_calls"},
    "single_object": {"call_missing", "call_key_missing"},
    "single_quotes": JSON_INVALID,
    "sorted_args": set(),
    "surrounding_whitespace": set(),
    "swapped_names": WRONG_ARGUMENTS,
    "text_between": {"tag_in_answer"},
    "think_after_call": THINK_MISSING,
    "think_attributes": THINK_MISSING,
    "think_close_only": THINK_MISSING,
    "think_empty": {"think_empty"},
    "think_inside_call": THINK_MISSING,
    "think_nested": {"tag_in_think"},
    "think_open_only": {"think_unclosed"},
    "think_reversed": THINK_MISSING,
    "think_twice": {"tag_in_answer"},
    "think_uppercase": THINK_MISSING,
    "trailing_comma": JSON_INVALID,
    "trailing_text": {"text_after_calls"},
    "triple_encoded": {"not_calls"},
    "truncated_json": JSON_INVALID,
    "unclosed_call": {"tool_call_unclosed"},
    "unicode_escapes": set(),
    "unopened_call": {"tag_in_answer"},
    "whitespace_only": THINK_MISSING,
    "wrong_name": {"tool_unknown"},
    "wrong_then_right": {"multiple_tool_call_blocks"},
    "wrong_value": WRONG_ARGUMENTS,
    "wrong_value_again": WRONG_ARGUMENTS,
}
"""The reasons that a mutation may be refused for. A mutation that left the completion right scores 1 instead."""

TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
VALUE = tuple('{["-0123456789tfn')
STARTS = {
    "special_token_in_completion": ("<|",),
    "think_unclosed": ("<think>",),
    "think_empty": ("<think>",),
    "tag_in_think": TAGS,
    "tag_in_answer": TAGS,
    "tool_call_unclosed": ("<tool_call>",),
    "json_duplicate_key": ('"',),
    "json_not_finite": tuple("NI-0123456789"),
    "json_number_too_long": tuple("-0123456789"),
    "json_lone_surrogate": ('"',),
    "json_too_deep": tuple("[{"),
    "not_calls": VALUE,
    "call_not_object": VALUE,
    "call_key_missing": ("{",),
    "call_key_unexpected": ("{",),
    "name_not_string": VALUE,
    "arguments_not_object": VALUE,
    "tool_unknown": ('"',),
    "arguments_invalid": VALUE,
    "arguments_wrong": VALUE,
    "call_extra": ("{",),
}
"""What stands in the completion at the offset of an explanation, by reason."""

WITHOUT_OFFSET = {"ok", "call_wanted", "call_missing"}


@cache
def rows_by_mutation():
    by_mutation = defaultdict(list)
    for row in conformance_rows("tool_n1.jsonl.gz"):
        by_mutation[row["mutation"]].append(row)
    return by_mutation


@cache
def explained(mutation):
    scorer, tasks, pairs = Scorer(), conformance_tasks(), []
    for row in rows_by_mutation()[mutation]:
        task = tasks[row["task"]]
        source = TaskSource(
            tools=json.dumps(task["tools"]).encode(), ground_truth=json.dumps(task["ground_truth"]).encode()
        )
        [verdict] = scorer.score_group([row["completion"]], source, HARDENED, explain=True)
        pairs.append((row, verdict))
    return pairs


def test_every_mutation_is_known():
    assert rows_by_mutation().keys() == REASONS.keys()


@pytest.mark.parametrize("mutation", REASONS)
def test_a_mutation_gets_its_score_and_its_reason(mutation):
    for row, verdict in explained(mutation):
        assert verdict.score == row["hardened"], row["id"]
        assert verdict.reason in (REASONS[mutation] if verdict.score == 0 else {"ok"}), row["id"]


@pytest.mark.parametrize("mutation", REASONS)
def test_a_mutation_is_pointed_at(mutation):
    for row, verdict in explained(mutation):
        if verdict.reason in WITHOUT_OFFSET:
            assert verdict.detail.offset is None
            continue
        assert 0 <= verdict.detail.offset <= len(row["completion"]), row["id"]
        starts = STARTS.get(verdict.reason)
        assert starts is None or row["completion"].startswith(starts, verdict.detail.offset), row["id"]


@pytest.mark.parametrize("mutation", ["leading_text", "no_think", "think_after_call", "whitespace_only"])
def test_a_missing_think_block_is_missed_where_the_text_begins(mutation):
    for row, verdict in explained(mutation):
        completion = row["completion"]
        assert verdict.detail.offset == len(completion) - len(completion.lstrip(" \t\r\n"))


def test_text_after_the_calls_is_pointed_at_where_it_begins():
    for row, verdict in explained("trailing_text"):
        assert row["completion"][: verdict.detail.offset].endswith("</tool_call>")


@pytest.mark.parametrize("mutation", REASONS)
def test_a_pointer_leads_to_the_offset(mutation):
    """Pointer and offset of an explanation are two ways to the same value."""
    for row, verdict in explained(mutation):
        if verdict.detail.pointer is None or verdict.reason in {"arguments_wrong", "arguments_invalid"}:
            continue
        body = row["completion"].partition("<tool_call>")[2]
        value = json.JSONDecoder().raw_decode(body.lstrip(" \t\r\n"))[0]
        for token in verdict.detail.pointer.split("/")[1:]:
            value = value[int(token)] if isinstance(value, list) else value[token]
        at_offset = json.JSONDecoder().raw_decode(row["completion"], verdict.detail.offset)[0]
        assert at_offset == value, row["id"]

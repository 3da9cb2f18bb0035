"""The JSON stage: what is accepted is exactly RFC 8259 within the bounds, and the value is exact."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall.json_positions import offset_of_fault
from goodcall.reasons import Reason
from goodcall.strict_json import MAX_DEPTH, JSONFault, loads
from suites import suite

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda children: st.lists(children) | st.dictionaries(texts, children),
    max_leaves=30,
)


def reason_of(text):
    with pytest.raises(JSONFault) as refused:
        loads(text)
    return refused.value.reason


@given(json_values, st.booleans())
def test_what_json_writes_is_read_back_the_same(value, ascii_only):
    assert loads(json.dumps(value, ensure_ascii=ascii_only)) == value


@given(st.text())
def test_any_text_is_a_value_or_a_fault_with_a_reason(text):
    reason = None
    try:
        loads(text)
    except JSONFault as fault:
        reason = fault.reason
    assert reason is None or reason.stage == "json"


@given(st.integers(min_value=-(10**400), max_value=10**400))
def test_integers_keep_every_digit(number):
    assert loads(str(number)) == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.JSON_INVALID),
        ("[1] 2", Reason.JSON_INVALID),
        ('{"a": 1, "a": 1}', Reason.JSON_DUPLICATE_KEY),
        ('{"x": {"a": 1, "\\u0061": 1}}', Reason.JSON_DUPLICATE_KEY),
        ('{"a": 1, "a": "\\u003a"}', Reason.JSON_DUPLICATE_KEY),
        ("[NaN]", Reason.JSON_NOT_FINITE),
        ("-Infinity", Reason.JSON_NOT_FINITE),
        ("1e309", Reason.JSON_NOT_FINITE),
        ("-1.0e999", Reason.JSON_NOT_FINITE),
        ("9" * 4301, Reason.JSON_NUMBER_TOO_LONG),
        ("-" + "9" * 4301, Reason.JSON_NUMBER_TOO_LONG),
        ('"\\ud800"', Reason.JSON_LONE_SURROGATE),
        ('"\\uDC00\\uD800"', Reason.JSON_LONE_SURROGATE),
        ('"\ud800"', Reason.JSON_LONE_SURROGATE),
        ('{"\\ud800": 1}', Reason.JSON_LONE_SURROGATE),
        ("[" * 65 + "]" * 65, Reason.JSON_TOO_DEEP),
        ('{"a":' * 65 + "1" + "}" * 65, Reason.JSON_TOO_DEEP),
        ("[" * 100_000 + "]" * 100_000, Reason.JSON_TOO_DEEP),
        ("[" * 100_000, Reason.JSON_TOO_DEEP),
    ],
)
def test_what_is_refused_says_why(text, reason):
    assert reason_of(text) is reason


@pytest.mark.parametrize("text", ["9" * 4300, "-" + "9" * 4300, " " * 5000 + "12"])
def test_integers_of_4300_digits_are_read(text):
    assert loads(text) == int(text)


def test_the_deepest_text_allowed_is_read():
    assert json.dumps(loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)) == "[" * MAX_DEPTH + "]" * MAX_DEPTH


@pytest.mark.parametrize("scalar", ["1", '"\\u003a"', "9" * 4300])
def test_a_text_may_be_bounded_to_less_depth(scalar):
    assert loads(f"[[{scalar}]]", max_depth=2) == [[json.loads(scalar)]]
    with pytest.raises(JSONFault) as refused:
        loads(f"[[[{scalar}]]]", max_depth=2)
    assert refused.value.reason is Reason.JSON_TOO_DEEP


def test_brackets_side_by_side_or_in_strings_are_no_depth():
    assert loads("[" + "[]," * 100 + "{}]") == [[]] * 100 + [{}]
    assert loads(json.dumps("[" * 100 + "{")) == "[" * 100 + "{"


def test_a_scalar_with_many_brackets_in_it_has_no_depth():
    assert loads('"' + "[" * 65 + '"') == "[" * 65


def test_escaped_backslashes_are_no_surrogates():
    assert loads('"\\\\ud800"') == "\\ud800"


def test_a_syntax_error_says_at_which_code_point():
    with pytest.raises(JSONFault) as refused:
        loads('["é", x]')
    assert refused.value.position == 6


def test_a_raw_surrogate_is_at_its_code_point():
    with pytest.raises(JSONFault) as refused:
        loads('["é", "\ud800"]')
    assert refused.value.position == 7


@pytest.mark.parametrize(
    "reason",
    [
        Reason.JSON_DUPLICATE_KEY,
        Reason.JSON_NOT_FINITE,
        Reason.JSON_NUMBER_TOO_LONG,
        Reason.JSON_LONE_SURROGATE,
        Reason.JSON_TOO_DEEP,
    ],
)
def test_a_fault_that_is_not_there_is_at_the_start(reason):
    assert offset_of_fault('[{"a": 1.5, "b": [-2, "x", true]}]', reason) == 0


DUPLICATE_KEYS = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
LEFT_TO_THE_PARSER = {
    "i_number_double_huge_neg_exp.json": True,
    "i_number_huge_exp.json": False,
    "i_number_neg_int_huge_exp.json": False,
    "i_number_pos_double_huge_exp.json": False,
    "i_number_real_neg_overflow.json": False,
    "i_number_real_pos_overflow.json": False,
    "i_number_real_underflow.json": True,
    "i_number_too_big_neg_int.json": True,
    "i_number_too_big_pos_int.json": True,
    "i_number_very_big_negative_int.json": True,
    "i_object_key_lone_2nd_surrogate.json": False,
    "i_string_1st_surrogate_but_2nd_missing.json": False,
    "i_string_1st_valid_surrogate_2nd_invalid.json": False,
    "i_string_UTF-16LE_with_BOM.json": False,
    "i_string_UTF-8_invalid_sequence.json": False,
    "i_string_UTF8_surrogate_U+D800.json": False,
    "i_string_incomplete_surrogate_and_escape_valid.json": False,
    "i_string_incomplete_surrogate_pair.json": False,
    "i_string_incomplete_surrogates_escape_valid.json": False,
    "i_string_invalid_lonely_surrogate.json": False,
    "i_string_invalid_surrogate.json": False,
    "i_string_invalid_utf-8.json": False,
    "i_string_inverted_surrogates_U+1D11E.json": False,
    "i_string_iso_latin_1.json": False,
    "i_string_lone_second_surrogate.json": False,
    "i_string_lone_utf8_continuation_byte.json": False,
    "i_string_not_in_unicode_range.json": False,
    "i_string_overlong_sequence_2_bytes.json": False,
    "i_string_overlong_sequence_6_bytes.json": False,
    "i_string_overlong_sequence_6_bytes_null.json": False,
    "i_string_truncated-utf-8.json": False,
    "i_string_utf16BE_no_BOM.json": False,
    "i_string_utf16LE_no_BOM.json": False,
    "i_structure_500_nested_arrays.json": False,
    "i_structure_UTF-8_BOM_empty_object.json": False,
}
"""What RFC 8259 leaves open, decided: exact integers are read, everything lossy or ambiguous is refused."""


def accepted(prefix):
    """Whether each file of the suite is accepted, bytes and all."""
    return {path.name: reads(path) for path in (suite("json_parsing") / "test_parsing").glob(f"{prefix}_*.json")}


def reads(path):
    try:
        loads(path.read_bytes().decode())
    except (JSONFault, UnicodeDecodeError):
        return False
    return True


def test_the_json_parsing_suite_is_refused_where_it_must_be():
    forbidden = accepted("n")
    assert len(forbidden) == 188
    assert not any(forbidden.values())


def test_the_json_parsing_suite_is_read_where_it_must_be_but_for_duplicate_keys():
    required = accepted("y")
    assert len(required) == 95
    assert {name for name, is_accepted in required.items() if not is_accepted} == DUPLICATE_KEYS


def test_what_the_json_parsing_suite_leaves_open_is_pinned():
    assert accepted("i") == LEFT_TO_THE_PARSER

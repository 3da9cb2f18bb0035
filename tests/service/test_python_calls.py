"""Call lists in Python's syntax: every literal is read exactly, and whatever is none is a fault with its position."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodcall.dialects import DialectFault, read_python_calls, read_python_calls_leniently
from goodcall.strict_json import MAX_DEPTH
from goodcall.types import ToolCall

characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters)
names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=",()[]{}=\"'<>!:*"), min_size=1
).filter(lambda name: name == name.strip(" "))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(texts, children, max_size=4),
    max_leaves=10,
)
call_lists = st.lists(st.builds(ToolCall, names, st.dictionaries(names, values, max_size=4)), max_size=4)
blanks = st.text(" \t\r\n", max_size=2)


def render(calls, write_value, space=""):
    """Calls as a call list, values written by a function, whitespace between all tokens."""
    between = f"{space},{space}"

    def render_call(call):
        arguments = between.join(f"{name}{space}={space}{write_value(v)}" for name, v in call.arguments.items())
        return f"{call.name}{space}({space}{arguments}{space})"

    return f"{space}[{space}{between.join(map(render_call, calls))}{space}]{space}"


def arguments_of(text, read=read_python_calls):
    [call] = read(text)
    return call.arguments


def value_of(text):
    return arguments_of(f"f(a={text})")["a"]


def fault_of(text, read=read_python_calls):
    with pytest.raises(DialectFault) as refused:
        read(text)
    return refused.value


def same(one, other):
    """Equal as JSON, so that 1, 1.0 and True are three values."""
    return json.dumps(one) == json.dumps(other)


@given(call_lists, blanks)
def test_calls_that_python_writes_are_read_back_the_same(calls, space):
    assert read_python_calls(render(calls, repr, space)) == calls


@given(call_lists, blanks, st.booleans())
def test_calls_that_json_writes_are_read_back_the_same(calls, space, ascii_only):
    text = render(calls, lambda value: json.dumps(value, ensure_ascii=ascii_only), space)
    assert read_python_calls(text) == calls


@given(call_lists, blanks)
def test_strict_and_lenient_readers_agree_on_literals(calls, space):
    text = render(calls, repr, space)
    assert read_python_calls_leniently(text) == read_python_calls(text)


fragments = st.lists(st.sampled_from([*"[](){}=,:'\"\\ \n-+.1eau", "f(", "True", "nan", "\\u", "d83d"])).map("".join)


@given(
    st.text() | fragments | fragments.map("[f(a={})]".format),
    st.sampled_from([read_python_calls, read_python_calls_leniently]),
)
def test_any_text_is_calls_or_a_fault_with_a_position_in_it(text, read):
    calls, fault = [], None
    try:
        calls = read(text)
    except DialectFault as raised:
        fault = raised
    json.dumps([call.arguments for call in calls], allow_nan=False).encode()
    assert fault is None or (0 <= fault.position <= len(text) and fault.reason == "python_calls_invalid")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("True", True),
        ("true", True),
        ("False", False),
        ("false", False),
        ("None", None),
        ("null", None),
        ("0", 0),
        ("-0", 0),
        ("+3", 3),
        ("-12", -12),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1.0", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5e-3", -0.0015),
        ("1E+2", 100.0),
        ("''", ""),
        ('"it\'s"', "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        (r"'a\n\t\r\b\f\a\v\\\'\"b'", "a\n\t\r\b\f\a\v\\'\"b"),
        (r'"http:\/\/x"', "http://x"),
        (r"'\d+\.\X41'", r"\d+\.\X41"),
        (r"'\x41\u00e9\U0001F600'", "Aé😀"),
        (r"'\U0010ffff'", "\U0010ffff"),
        (r"'\0\101\18\1234'", "\0A\x018S4"),
        (r'"\ud83d\ude00"', "😀"),
        ("'a\\\nb'", "ab"),
        ("'tab\there'", "tab\there"),
        ("[]", []),
        ("[1, [2], ]", [1, [2]]),
        ("()", []),
        ("(1,)", [1]),
        ("(1, 2)", [1, 2]),
        ("(1)", 1),
        ("((1), (2,),)", [1, [2]]),
        ("{}", {}),
        ("{'a': 1, \"b\": {'c': [None]},}", {"a": 1, "b": {"c": [None]}}),
    ],
)
def test_literals_of_python_and_json_have_their_values(text, value):
    assert same(value_of(text), value)


@pytest.mark.parametrize(
    "text",
    [
        *("nan", "NaN", "inf", "-Infinity", "1e999", "-1e999"),
        *("1_000", "0x10", "0b1", "1j", "007", "01.5", "1e", "--1", "- 1", "1 2", "\u0661"),
        *("TRUE", "NULL", "undefined", "x", "x.y", "r'x'", "b'x'", "f'x'"),
        *("1 + 2", "[1, 2][0]", "not True", "lambda: 0", "x if y else z"),
        *("g(b=1)", "float('nan')", "{1, 2}", "{1: 2}", "{None: 2}", "{'a'}", "{'a': 1, 'a': 2}"),
        *("'a' 'b'", "'''a'''", "'a", "'a\nb'", "'a\rb'", "'\\'"),
        *(r"'\x4'", r"'\u12'", r"'\U00110000'", r"'\u+123'", r"'\N{DASH}'", r"'\ud83d'", r"'\ude00\ud83d'"),
        *("", "=1", "[1", "[1 2]", "[,]", "(,)", "(1", "{'a' 1}", "{'a':}", "{,}"),
    ],
)
def test_what_is_no_literal_is_a_fault(text):
    fault_of(f"[f(a={text})]")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "[", "]", "[]]", "[,]", "No call is needed.", "f", "f()()", "(a=1)", "[(a=1)]"),
        *("[f(a=1)", "f(a=1)]", "[f(a=1) g(b=2)]", "[f(a=1)] and more", "[[f(a=1)]]", "['f(a=1)']", '["f"(a=1)]'),
        *("f(a", "f(a=1", "f(a=1,", "f(", "f(=1)", "f(a==1)", "f(a:=1)", "f(a<=1)", "f(a:1)"),
        *("f(**{'a': 1})", "f(*[1])", "two\nlines(a=1)", "f(a=1, a=2)", 'f("a"=1)', "f(a='\ud800')"),
    ],
)
def test_what_is_no_call_list_is_a_fault_for_both_readers(text):
    assert fault_of(text)
    assert fault_of(text, read_python_calls_leniently)


@pytest.mark.parametrize(
    "name",
    [
        "Get Weather",
        "a.b/c",
        "x|y?",
        "get-weather",
        "Wetter für Østre",
        "天气",
        "Today's News",
        "v1:search & more",
        "$_#@",
    ],
)
def test_a_name_may_hold_what_apis_put_in_names(name):
    assert read_python_calls(f"[{name}(a=1)]") == [ToolCall(name, {"a": 1})]


@pytest.mark.parametrize("name", ["Z.Ke.a8s", "user-id", "per page", "class", "größe", "a/b", "$top"])
def test_a_parameter_may_have_a_name_that_is_no_identifier(name):
    assert read_python_calls(f"f({name}=1)") == [ToolCall("f", {name: 1})]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("[]", []),
        ("[ ]", []),
        ("f()", [ToolCall("f", {})]),
        ("f(a=1), g(b=2)", [ToolCall("f", {"a": 1}), ToolCall("g", {"b": 2})]),
        ("f(a=1),", [ToolCall("f", {"a": 1})]),
        ("[f(a=1,),]", [ToolCall("f", {"a": 1})]),
        ("\n[ f\n(\ta = 1 ,\r\n b=2 )\n, g () ]\n", [ToolCall("f", {"a": 1, "b": 2}), ToolCall("g", {})]),
        ("[f(a=1), f(a=1)]", [ToolCall("f", {"a": 1}), ToolCall("f", {"a": 1})]),
    ],
)
def test_brackets_around_the_list_and_whitespace_between_tokens_are_free(text, calls):
    assert read_python_calls(text) == calls


@pytest.mark.parametrize("inside", ["x (y) z", "a, b", "[1] {2}", "f(b=1)", "a=b", "'", ")]", "\\)", '\\"'])
def test_brackets_commas_and_quotes_inside_a_string_cut_nothing(inside):
    quoted = inside if inside == '\\"' else inside.replace("\\", "\\\\")
    assert arguments_of(f'[f(a="{quoted}", b=2)]') == {"a": '"' if inside == '\\"' else inside, "b": 2}


POSITIONAL = "expected name=value: a positional argument does not say which parameter it is"
NO_CALL = "expected a call: a name and an opening parenthesis"


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        ("[f(a=1)] ^and more", "text follows the calls"),
        ("^", NO_CALL),
        ("[f(a=1), ^g]", NO_CALL),
        ("[ ^'f'(a=1)]", NO_CALL),
        ("[f(^1)]", POSITIONAL),
        ("[f(a=1, ^=2)]", POSITIONAL),
        ("[f( ^a<=1)]", POSITIONAL),
        ("[f(a^", "the text ends inside a call"),
        ("[f(a='x' ^b=2)]", "expected )"),
        ("[f(a=1) ^g(b=2)]", "expected ]"),
        ("[f(a=[1 ^'x'])]", "expected ]"),
        ("[f(a=(1 ^]))]", "expected ,"),
        ("[f(a={'b' ^1})]", "expected :"),
        ("[f(a={^1: 2})]", "expected a string as the key of an object"),
        ("[f(a={'b': 1, ^'b': 2})]", "this name was given before"),
        ("[f(a=1, ^a=2)]", "this name was given before"),
        ("[f(a=^)]", "expected a value"),
        ("[f(a=[1, ^, 2])]", "expected a value"),
        ("[f(a=^g(b=1))]", "a call inside a call has no value"),
        ("[f(a=^-inf)]", "a number must be finite"),
        ("[f(a=^1e999)]", "a number must be finite"),
        ("[f(a=^" + "9" * 4301 + ")]", "an integer may have 4300 digits"),
        ("[f(a=^Oslo)]", "expected a literal, got Oslo: a string needs quotes"),
        ("[f(a=^'Oslo)]", "this string is never closed"),
        ("[f(a=^'Os\\'lo)]", "this string is never closed"),
        ("[f(a=^'Os\nlo')]", "a line break inside a string is written as an escape"),
        ("[f(a='Os^\\N{DASH}lo')]", "characters are not read by their names"),
        ("[f(a='Os^\\x4')]", "expected 2 hexadecimal digits of a character"),
        ("[f(a='Os^\\U00110000')]", "expected 8 hexadecimal digits of a character"),
        ("[f(a=^'Os\\ud83dlo')]", "half of a surrogate pair is no character"),
        ("[f(a='Os^\ud83dlo')]", "half of a surrogate pair is no character"),
        ("[f(a=" + "[" * (MAX_DEPTH - 2) + "^[", "brackets may be nested 64 deep"),
        ("[f(a=[[], (), (1), (1, 2), {}, " + "[" * (MAX_DEPTH - 3) + "^[", "brackets may be nested 64 deep"),
        ("[f(a=[[[[]]], ((())), " + "[" * (MAX_DEPTH - 3) + "^[", "brackets may be nested 64 deep"),
    ],
    ids=lambda text: text[:30],
)
def test_a_fault_says_what_is_wrong_and_where(marked, message):
    fault = fault_of(marked.replace("^", ""))
    assert (str(fault), fault.position) == (message, marked.index("^"))


# What the converter that was published with Tool-N1 made of ToolACE's answers, and what stands there.


def test_a_parenthesis_inside_a_string_does_not_end_the_arguments():
    assert arguments_of('[f(a="x (y) z", b=2)]') == {"a": "x (y) z", "b": 2}


def test_a_call_inside_a_call_is_refused_rather_than_cut():
    assert fault_of("[f(a=g(x=1), b=2)]").position == 5


def test_json_constants_do_not_become_strings():
    assert arguments_of("[f(a=true, b=false, c=null)]") == {"a": True, "b": False, "c": None}


def test_positional_arguments_are_refused_rather_than_dropped():
    fault = fault_of("[f(1, 2)]")
    assert "positional" in str(fault)
    assert fault.position == 3


def test_a_name_with_a_slash_keeps_what_stands_before_it():
    assert [call.name for call in read_python_calls("[a/b(c=1)]")] == ["a/b"]


def test_an_unquoted_date_is_refused_unless_asked_for():
    assert fault_of("[f(day=2024-01-05)]").position == 7
    assert arguments_of("[f(day=2024-01-05)]", read_python_calls_leniently) == {"day": "2024-01-05"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("New York", "New York"),
        ("12:30", "12:30"),
        ("007", "007"),
        ("Xinf", "Xinf"),
        ("1_000", "1_000"),
        ("[a, b]", ["a", "b"]),
        ("{'a': b}", {"a": "b"}),
        ("true", True),
        ("1e3", 1000.0),
    ],
)
def test_bare_words_are_strings_to_the_lenient_reader_and_literals_stay_literals(text, value):
    assert same(arguments_of(f"f(a={text})", read_python_calls_leniently), {"a": value})


@pytest.mark.parametrize("text", ["nan", "g(x=1)", "", "it's", "{a: 1}", "1e999", "9" * 4301])
def test_the_lenient_reader_takes_nothing_else(text):
    fault_of(f"f(a={text})", read_python_calls_leniently)


def test_integers_are_exact_up_to_4300_digits():
    assert value_of("-" + "9" * 4300) == -int("9" * 4300)
    assert fault_of("f(a=" + "9" * 4301 + ")").position == 4


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 40 + "…")])
def test_a_long_bare_word_is_shown_in_part(length, shown):
    assert str(fault_of(f"f(a={'x' * length})")) == f"expected a literal, got {shown}: a string needs quotes"


def test_brackets_may_be_64_deep_and_no_deeper():
    levels = MAX_DEPTH - 2  # the list's and the call's are two of them
    deepest = value_of("[" * levels + "]" * levels)
    assert json.dumps(deepest) == "[" * levels + "]" * levels
    for opening in ("[", "(", "{'a':", "(1,"):
        assert "nested" in str(fault_of(f"[f(a={opening * 100_000}"))


def test_brackets_side_by_side_are_no_depth():
    assert value_of("[" + "(), (1), {}, [], (1, 2), " * 100 + "]") == [[], 1, {}, [], [1, 2]] * 100


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "f(" * 250_000,
        "a" * 500_000,
        "f(" + " " * 500_000,
        "f(a='" + "\\" * 500_001 + "')",
        "f(a='" + "\\'" * 250_000,
        "f(a='" + '"' * 500_000,
        "f(a=" + "1" * 500_000 + ".)",
        "[f(a='x')" + ", f(a='x')" * 50_000,
        "f(a=[" + "'x', " * 100_000,
        "f(a=[" + "'\\n', " * 80_000,
    ],
    ids=lambda text: text[:12],
)
def test_half_a_megabyte_of_anything_is_read_in_one_pass(text):
    """Each takes minutes if any part of it is looked at more than a few times."""
    fault_of(text)


def test_a_sound_list_of_half_a_megabyte_is_read():
    text = "[" + "f(a='it\\'s', b=[1, {'c': 2.5}]), " * 15_000 + "]"
    calls = read_python_calls(text)
    assert len(calls) == 15_000
    assert calls[-1] == ToolCall("f", {"a": "it's", "b": [1, {"c": 2.5}]})


def test_a_float_keeps_its_sign_and_its_type():
    assert math.copysign(1, value_of("-0.0")) == -1
    assert isinstance(value_of("1e2"), float)

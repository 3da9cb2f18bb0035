"""What the records of each source become."""

import copy
import json

import pytest

from goodcall_trainer.prepare.found import AnswerInWords, Note, NoteKind, Reason, Removed
from goodcall_trainer.prepare.sources import READERS, Source, read_source, source_files
from prepare.rows import BFCL, HERMES, OPENAI, OSLO, PLAIN, RECORDS, RLLA, TOOLACE, WEATHER, XLAM


def read(tmp_path, name, *records):
    """Everything that records of a source give."""
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return [one for found in read_source(Source(name, str(file))) for one in found]


def changed(record, **changes):
    return copy.deepcopy(record) | changes


def test_xlam_gives_one_row_a_question(tmp_path):
    [row] = read(tmp_path, "xlam", XLAM)
    assert (row.id, row.source, row.query) == ("xlam-7", "xlam", "Weather in Oslo for 3 days?")
    assert row.ground_truth == ({"name": "get_weather", "arguments": {"city": "Oslo", "days": 3}},)
    schema = row.tools[0]["function"]["parameters"]
    assert schema["required"] == ["city"]
    assert schema["properties"]["tags"] == {
        "description": "Any.",
        "type": "array",
        "items": {"type": "string"},
        "default": [],
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"query": None}, Reason.RECORD_UNREADABLE),
        ({"tools": "[{"}, Reason.TOOLS_UNREADABLE),
        ({"tools": None}, Reason.TOOLS_UNREADABLE),
        ({"answers": "[{"}, Reason.CALLS_UNREADABLE),
        ({"answers": '[{"name": "f", "arguments": {"a": 1, "a": 2}}]'}, Reason.CALLS_UNREADABLE),
        ({"answers": '[{"name": "f", "arguments": {"a": NaN}}]'}, Reason.CALLS_UNREADABLE),
        ({"answers": '[{"name": "f", "arguments": ' + "[" * 5000}, Reason.CALLS_UNREADABLE),
        ({"answers": '[{"name": "f"}]'}, Reason.CALLS_UNREADABLE),
        ({"answers": '[{"arguments": {}}]'}, Reason.CALLS_UNREADABLE),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_record_of_xlam_that_gives_no_row_says_why(tmp_path, changes, reason):
    [removed] = read(tmp_path, "xlam", changed(XLAM, **changes))
    assert isinstance(removed, Removed)
    assert (removed.id, removed.reason) == ("xlam-7", reason)


def test_a_dialogue_of_toolace_is_cut_into_steps(tmp_path):
    found = read(tmp_path, "toolace", TOOLACE)
    first_notes, first, words, last = found[:2], found[2], found[3], found[-1]
    assert {note.kind for note in first_notes} == {
        NoteKind.PARENTHESIS_IN_STRING,
        NoteKind.RELEASED_PARSER_CORRUPTS,
    }
    assert all(isinstance(note, Note) and note.id == first.id for note in first_notes)
    assert first.ground_truth == ({"name": "Get Weather (v2)", "arguments": {"city": "Oslo (center)", "share": 0.5}},)
    assert isinstance(words, AnswerInWords)
    assert [row.id for row in (first, words.row, last)] == ["toolace-0:1", "toolace-0:3", "toolace-0:5"]
    assert [message["role"] for message in last.messages] == ["user", "assistant", "tool", "assistant", "user"]
    assert last.messages[1]["tool_calls"] == [{"type": "function", "function": first.ground_truth[0]}]
    assert last.ground_truth == ({"name": "Get Weather (v2)", "arguments": {"city": "Rome"}},)
    assert first.messages == ({"role": "user", "content": "Weather in Oslo?"},)
    assert first.tools[0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "share": {"type": "number"}},
        "required": ["city"],
    }


def test_steps_after_unreadable_calls_have_no_history(tmp_path):
    record = changed(TOOLACE)
    record["conversations"][1]["value"] = "[Get Weather (v2)(city=Oslo)]"
    first, *rest = (one for one in read(tmp_path, "toolace", record) if not isinstance(one, Note))
    assert first.reason is Reason.VALUE_UNQUOTED
    assert [removed.reason for removed in rest] == [Reason.HISTORY_UNREADABLE] * 2


def test_calls_that_the_released_converter_takes_for_words_are_noted(tmp_path):
    record = changed(TOOLACE)
    record["conversations"][1]["value"] = "[Get Weather (v2)(city='Oslo\\nNorway\n')]"
    note, row, *_ = read(tmp_path, "toolace", record)
    assert (note.id, note.kind) == (row.id, NoteKind.RELEASED_PARSER_LOSES)


@pytest.mark.parametrize("text", ["[Get Weather (v2)(city='Oslo')] Here it is.", "[1] says so", "[]"])
def test_a_turn_that_opens_with_a_bracket_is_not_taken_for_words(tmp_path, text):
    record = changed(TOOLACE)
    record["conversations"] = [record["conversations"][0], {"from": "gpt", "value": text}]
    [removed] = read(tmp_path, "toolace", record)
    assert removed.reason is Reason.CALLS_UNREADABLE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"system": "No list."}, Reason.TOOLS_UNREADABLE),
        ({"system": "JSON format that you can invoke:\n[{}"}, Reason.TOOLS_UNREADABLE),
        ({"system": None}, Reason.RECORD_UNREADABLE),
        ({"conversations": []}, Reason.RECORD_UNREADABLE),
        ({"conversations": [{"from": "narrator", "value": "x"}]}, Reason.RECORD_UNREADABLE),
        ({"conversations": [{"from": "user"}]}, Reason.RECORD_UNREADABLE),
        ({"conversations": [{"from": "user", "value": "Hello?"}]}, Reason.RECORD_UNREADABLE),
    ],
    ids=str,
)
def test_a_record_of_toolace_that_gives_no_row_says_why(tmp_path, changes, reason):
    [removed] = read(tmp_path, "toolace", changed(TOOLACE, **changes))
    assert (removed.id, removed.reason) == ("toolace-0", reason)


def test_a_turn_before_any_user_is_no_task(tmp_path):
    record = changed(TOOLACE)
    record["conversations"].insert(0, {"from": "assistant", "value": "How can I help?"})
    ids = [one.id for one in read(tmp_path, "toolace", record) if not isinstance(one, (Note, AnswerInWords))]
    assert ids == ["toolace-0:2", "toolace-0:6"]


def test_a_row_of_rlla_is_its_transcript_and_its_tagged_answer(tmp_path):
    [row] = read(tmp_path, "rlla", RLLA)
    assert row.messages == (
        {"role": "user", "content": "Weather in Oslo?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": {"name": "Get Weather", "arguments": {"city": "Oslo"}}}],
        },
        {"role": "tool", "content": "clear"},
        {"role": "assistant", "content": "Clear."},
        {"role": "user", "content": "And Rome?"},
    )
    assert row.ground_truth == ({"name": "Get Weather", "arguments": {"city": "Rome"}},)
    assert [tool["function"]["name"] for tool in row.tools] == ["Get Weather", "Nothing"]
    assert row.tools[0]["function"]["description"] == "Weather\nin a city."


def test_a_row_of_rlla_in_the_layout_of_verl_is_the_same_row(tmp_path):
    verl = {
        "prompt": [
            {"role": "system", "content": RLLA["instruction"]},
            {"role": "user", "content": RLLA["input"]},
        ],
        "reward_model": {"ground_truth": RLLA["output"], "style": "rule"},
    }
    assert read(tmp_path, "rlla", verl) == read(tmp_path, "rlla", RLLA)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"output": "<think> x </think>"}, Reason.GROUND_TRUTH_MISSING),
        ({"output": "<tool_call>\nnot json\n</tool_call>"}, Reason.CALLS_UNREADABLE),
        ({"output": "<tool_call>"}, Reason.CALLS_UNREADABLE),
        ({"output": "<tool_call></tool_call><tool_call></tool_call>"}, Reason.CALLS_UNREADABLE),
        ({"instruction": "No tools."}, Reason.TOOLS_UNREADABLE),
        ({"instruction": RLLA["instruction"].replace("Parameters: {}", "Params: {}")}, Reason.TOOLS_UNREADABLE),
        ({"input": "nobody speaks"}, Reason.RECORD_UNREADABLE),
        ({"output": None}, Reason.RECORD_UNREADABLE),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_record_of_rlla_that_gives_no_row_says_why(tmp_path, changes, reason):
    [removed] = read(tmp_path, "rlla", changed(RLLA, **changes))
    assert removed.reason is reason


def test_an_answer_of_rlla_that_only_responds_wants_no_call(tmp_path):
    [found] = read(tmp_path, "rlla", changed(RLLA, output="<think> x </think>\n<response> Hello. </response>"))
    assert isinstance(found, AnswerInWords)
    assert found.row.ground_truth == ()


def test_a_question_of_bfcl_has_the_first_acceptable_answer(tmp_path):
    note, row = read(tmp_path, "bfcl", BFCL)
    assert note.kind is NoteKind.SEVERAL_ANSWERS
    assert row.id == "simple_python_0"
    assert row.ground_truth == (
        {"name": "triangle.area", "arguments": {"base": 10, "height": 5.0, "options": {"exact": True}}},
    )
    assert row.tools[0]["function"]["parameters"]["properties"]["unit"] == {"type": "string"}


def test_answers_of_bfcl_stand_in_a_folder_beside_the_questions(tmp_path):
    question = changed(BFCL)
    answer = {"id": question["id"], "ground_truth": question.pop("ground_truth")}
    questions, answers = tmp_path / "simple.json", tmp_path / "possible_answer" / "simple.json"
    answers.parent.mkdir()
    questions.write_text(json.dumps(question), encoding="utf-8")
    answers.write_text(json.dumps(answer), encoding="utf-8")
    source = Source("bfcl", str(tmp_path))
    assert source_files(source) == [questions, answers]
    [[_, row]] = read_source(source)
    assert row.ground_truth


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ground_truth": None}, Reason.GROUND_TRUTH_MISSING),
        ({"ground_truth": [{"f": {"a": []}}]}, Reason.CALLS_UNREADABLE),
        ({"ground_truth": ["f(a=1)"]}, Reason.CALLS_UNREADABLE),
        ({"question": BFCL["question"] * 2}, Reason.NEEDS_STATE),
        ({"question": "Hello?"}, Reason.RECORD_UNREADABLE),
        ({"question": []}, Reason.RECORD_UNREADABLE),
        ({"initial_config": {}}, Reason.NEEDS_STATE),
    ],
    ids=str,
)
def test_a_question_of_bfcl_that_gives_no_row_says_why(tmp_path, changes, reason):
    [removed] = read(tmp_path, "bfcl", changed(BFCL, **changes))
    assert removed.reason is reason


def test_an_irrelevant_question_of_bfcl_wants_no_call(tmp_path):
    [row] = read(tmp_path, "bfcl", changed(BFCL, id="live_irrelevance_1", ground_truth=None))
    assert row.ground_truth == ()


def test_hermes_has_a_block_a_call_in_json_or_as_a_python_literal(tmp_path):
    row, words = read(tmp_path, "hermes", HERMES)
    assert row.id == "hermes-abc:1"
    assert row.ground_truth == (OSLO, {"name": "get_weather", "arguments": {"city": "Rome"}})
    assert [message["content"] for message in words.row.messages] == [
        "Weather in Oslo and Rome?",
        "Sure.",
        "clear\nrain",
    ]


@pytest.mark.parametrize("block", [json.dumps([WEATHER]), f"{json.dumps(WEATHER)}\n{json.dumps(WEATHER['function'])}"])
def test_tools_of_hermes_may_stand_in_the_system_text(tmp_path, block):
    record = changed(HERMES, tools=None)
    record["conversations"][0]["value"] = f"Within <tools></tools> are the tools: <tools>\n{block}\n</tools>"
    row, _ = read(tmp_path, "hermes", record)
    assert set(map(str, row.tools)) == {str(WEATHER)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<tool_call>{'name': 'f', 'arguments': {}}", Reason.CALLS_UNREADABLE),
        ("<tool_call>call f</tool_call>", Reason.VALUE_UNQUOTED),
        ("<tool_call>[1]</tool_call>", Reason.CALLS_UNREADABLE),
    ],
)
def test_a_block_of_hermes_without_a_call_says_why(tmp_path, text, reason):
    record = changed(HERMES)
    record["conversations"][2]["value"] = text
    removed, *_ = read(tmp_path, "hermes", record)
    assert removed.reason is reason


def test_hermes_without_tools_gives_no_row(tmp_path):
    [removed] = read(tmp_path, "hermes", changed(HERMES, tools=None, conversations=HERMES["conversations"][1:]))
    assert removed.reason is Reason.TOOLS_UNREADABLE


def test_a_chat_log_keeps_its_system_message(tmp_path):
    row, words = read(tmp_path, "openai", OPENAI)
    assert row.messages == ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Oslo?"})
    assert row.ground_truth == (OSLO,)
    assert [message["role"] for message in words.row.messages] == ["system", "user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (None, Reason.RECORD_UNREADABLE),
        ([{"role": "robot", "content": "x"}], Reason.RECORD_UNREADABLE),
        ([{"role": "user", "content": [{"type": "image_url"}]}], Reason.RECORD_UNREADABLE),
        ([{"role": "user", "content": 3}], Reason.RECORD_UNREADABLE),
        ([{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [3]}], Reason.CALLS_UNREADABLE),
        (
            [
                {"role": "user", "content": "x"},
                {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]},
            ],
            Reason.CALLS_UNREADABLE,
        ),
    ],
    ids=str,
)
def test_a_chat_log_that_gives_no_row_says_why(tmp_path, messages, reason):
    [removed] = read(tmp_path, "openai", changed(OPENAI, messages=messages))
    assert removed.reason is reason


def test_a_row_of_ones_own_keeps_its_id(tmp_path):
    [row] = read(tmp_path, "rows", PLAIN)
    assert (row.id, row.source, row.query, row.ground_truth) == ("mine", "rows", "Weather in Oslo?", (OSLO,))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ground_truth": None}, Reason.GROUND_TRUTH_MISSING),
        ({"ground_truth": OSLO}, Reason.GROUND_TRUTH_MISSING),
        ({"query": None}, Reason.RECORD_UNREADABLE),
        ({"messages": "[]"}, Reason.RECORD_UNREADABLE),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, Reason.CALLS_UNREADABLE),
    ],
    ids=str,
)
def test_a_row_of_ones_own_that_is_none_says_why(tmp_path, changes, reason):
    [removed] = read(tmp_path, "rows", changed(PLAIN, **changes))
    assert removed.reason is reason


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("record", [None, 3, "text", [[]], {}, {"id": {}}, {"prompt": [3]}], ids=str)
def test_any_json_is_a_row_or_has_a_reason(tmp_path, name, record):
    [removed] = read(tmp_path, name, record)
    assert isinstance(removed, Removed)
    assert removed.id == f"{name}-0"


@pytest.mark.parametrize("name", READERS)
def test_a_field_of_another_type_never_raises(tmp_path, name):
    """Each field of a sound record in turn, with each kind of value."""
    records = [
        changed(RECORDS[name], **{field: value})
        for field in RECORDS[name]
        for value in (None, 3, "text", [], [3], [[3]], {}, {"a": 1}, [{}], [{"function": 3}], [[{"role": "user"}]])
    ]
    assert len(read(tmp_path, name, *records)) >= len(records)


def test_a_line_that_is_no_json_is_counted_with_its_number(tmp_path):
    (tmp_path / "lines").write_text(json.dumps(XLAM) + "\n{\n", encoding="utf-8")
    _, [removed] = read_source(Source("xlam", str(tmp_path / "lines")), first_number=10)
    assert (removed.id, removed.reason) == ("xlam-11", Reason.RECORD_UNREADABLE)

"""From published files to questions: what is asked, what is left out, and what is refused."""

import json

import pytest

from evaluation.made_up_benchmarks import EACH, write_apibank, write_bfcl
from goodcall_trainer.evaluation.apibank import read_apibank
from goodcall_trainer.evaluation.bfcl import read_bfcl
from goodcall_trainer.evaluation.questions import BenchmarkUnusable


def test_all_judged_categories_are_asked_and_the_others_counted(bfcl):
    benchmark = read_bfcl(bfcl)
    assert benchmark.sizes() == dict.fromkeys(sorted(benchmark.sizes()), EACH)
    assert len(benchmark.sizes()) == 11
    assert benchmark.left_out == {"simple_java": 1, "multi_turn_base": 1}


def test_the_policy_is_shown_json_schema_and_the_reward_what_was_published(bfcl):
    [question] = [q for q in read_bfcl(bfcl).questions if q.id == "live_simple_1-1-0"]
    assert question.row.tools[0]["function"]["parameters"]["type"] == "object"
    assert question.tools[0]["parameters"]["type"] == "dict"
    assert question.ground_truth[0]["shapes.draw"]["colour"] == ["Dark red", "red"]
    assert question.row.ground_truth == ()


def test_decisions_have_no_ground_truth(bfcl):
    found = {q.category for q in read_bfcl(bfcl).questions if q.ground_truth is None}
    assert found == {"irrelevance", "live_irrelevance", "live_relevance"}


def test_chosen_categories_alone_are_asked(bfcl):
    benchmark = read_bfcl(bfcl, {"live_simple"})
    assert benchmark.sizes() == {"live_simple": EACH}
    assert benchmark.left_out["multiple"] == EACH


def test_the_first_questions_of_each_category_are_taken(bfcl):
    benchmark = read_bfcl(bfcl)
    ids = [question.id for question in benchmark.first(1)]
    assert len(ids) == 11
    assert all("_0" in id_ for id_ in ids)
    assert benchmark.first(None) == list(benchmark.questions)


def test_ids_of_version_3_name_the_same_categories(tmp_path):
    folder = write_bfcl(tmp_path / "bfcl")
    for path in (folder / "BFCL_v4_simple_python.json", folder / "possible_answer" / "BFCL_v4_simple_python.json"):
        path.write_text(path.read_text().replace("simple_python_", "simple_"))
    assert read_bfcl(str(folder)).sizes()["simple_python"] == EACH


def test_a_question_without_an_answer_is_refused(tmp_path):
    folder = write_bfcl(tmp_path / "bfcl")
    (folder / "possible_answer" / "BFCL_v4_multiple.json").unlink()
    with pytest.raises(
        BenchmarkUnusable, match=r"multiple_0 has no answer; the file of the same name in possible_answer/"
    ):
        read_bfcl(str(folder))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "a line in .* is no question of BFCL"),
        ("[]", "its id names no category"),
        ('{"id": "Multiple"}', "its id names no category"),
        ('{"id": "irrelevance_9", "question": []}', "irrelevance_9 can't be asked: .*no messages"),
        (
            '{"id": "irrelevance_9", "question": [[{"role": "user", "content": "x"}]]}',
            "irrelevance_9 can't be asked: The tools",
        ),
    ],
)
def test_a_record_that_is_no_question_is_refused(line, message, tmp_path):
    folder = write_bfcl(tmp_path / "bfcl")
    with (folder / "BFCL_v4_irrelevance.json").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BenchmarkUnusable, match=message):
        read_bfcl(str(folder))


def test_a_question_that_is_there_twice_is_refused(tmp_path):
    folder = write_bfcl(tmp_path / "bfcl")
    (folder / "zagain.json").write_text((folder / "BFCL_v4_irrelevance.json").read_text())
    with pytest.raises(BenchmarkUnusable, match=r"again\.json has a second question irrelevance_0"):
        read_bfcl(str(folder))


@pytest.mark.parametrize("read", [read_bfcl, read_apibank])
def test_a_place_without_questions_is_refused(read, tmp_path):
    with pytest.raises(BenchmarkUnusable, match="there is no file"):
        read(str(tmp_path / "nowhere"))


def test_categories_that_a_folder_lacks_are_refused(tmp_path):
    folder = write_bfcl(tmp_path / "bfcl")
    (folder / "BFCL_v4_multiple.json").unlink()
    with pytest.raises(BenchmarkUnusable, match="no question of BFCL's multiple in"):
        read_bfcl(str(folder), {"multiple"})


def test_a_dialogue_becomes_messages_tools_and_its_next_call(apibank):
    questions = read_apibank(apibank).questions
    assert {question.category for question in questions} == {"level_1", "level_2", "level_3"}
    for question in questions:
        number = question.id[-1]
        assert question.id == f"{question.category}_{number}"
        assert [tool["function"]["name"] for tool in question.row.tools] == ["Book", "Cancel"]
        function = question.row.tools[0]["function"]
        assert function["description"] == "Does Book."
        assert function["parameters"]["properties"]["days"] == {
            "type": "array",
            "items": {"type": "string"},
            "description": "When.",
        }
        assert [message["role"] for message in question.row.messages] == [
            "user",
            "assistant",
            "tool",
            "assistant",
            "user",
        ]
        assert question.row.messages[1]["tool_calls"][0]["function"] == {"name": "Cancel", "arguments": {"user": "all"}}
        assert question.ground_truth == [{"name": "Book", "arguments": {"user": f"u{number}", "days": "['Monday']"}}]
        assert question.tools is None


def test_chosen_levels_alone_are_asked(apibank):
    benchmark = read_apibank(apibank, {"level_2"})
    assert (benchmark.sizes(), benchmark.left_out) == ({"level_2": EACH}, {"level_1": EACH, "level_3": EACH})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"system": "No tools."}, "no list of tools"),
        ({"system": "**Available Tools**\n1. Book\n**Steps"}, "not described by name, description and parameters"),
        ({"system": "**Available Tools**\n1. Book: b\nParameters: open()\n**Steps"}, "parameters are no literal"),
        ({"user": "no tags"}, "no user in the transcript"),
        ({"answer": []}, "does not say which calls are right"),
        ({"answer": "Book"}, "a call has no name"),
    ],
)
def test_a_dialogue_that_cannot_be_asked_is_refused(change, message, tmp_path):
    folder = write_apibank(tmp_path / "apibank")
    dialogue = json.loads(json.dumps({"system": "", "user": "<user>x</user>", "answer": []}))
    tools = {"system": "**Available Tools**\n1. Book: b\nParameters: {}\n**Steps"}
    (folder / "level-1.json").write_text(json.dumps([dialogue | tools | change]))
    (folder / "level-1.json.gz").unlink()
    with pytest.raises(BenchmarkUnusable, match=f"dialogue 0 in .*level-1.json can't be asked: .*{message}"):
        read_apibank(str(folder))


def test_a_file_that_names_no_level_is_refused_and_one_that_explains_is_not(tmp_path):
    folder = write_apibank(tmp_path / "apibank")
    (folder / "README.md").write_text("hello")
    assert len(read_apibank(str(folder)).questions) == 3 * EACH
    (folder / "more.json").write_text("[]")
    with pytest.raises(BenchmarkUnusable, match="its name has no level-1"):
        read_apibank(str(folder))


def test_one_file_alone_is_a_benchmark_of_what_it_has(bfcl, apibank):
    assert read_bfcl(f"{bfcl}/BFCL_v4_multiple.json").sizes() == {"multiple": EACH}
    assert read_apibank(f"{apibank}/level-2.json.gz").sizes() == {"level_2": EACH}


def test_an_edited_question_has_another_digest(bfcl):
    before, after = read_bfcl(bfcl).questions[:2]
    assert before.digest() != after.digest()
    assert before.digest() == read_bfcl(bfcl).questions[0].digest()

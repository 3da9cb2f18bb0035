"""The file of answers: nothing is lost to a kill, and nothing of another evaluation is taken over."""

import json
from dataclasses import replace

import pytest

from goodcall_trainer.evaluation.answers import Answer, AnswerFile, AnswersUnusable, missing, sole_writer
from goodcall_trainer.evaluation.settings import SettingsDiffer, claim_folder, settings_digest

TEXT = Answer(completion="Grüße <tool_call>[]</tool_call>\n", truncated=True)
MESSAGE = Answer(completion={"role": "assistant", "content": None, "tool_calls": []})
NONE = Answer(completion=None, fault="prompt_too_long")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.jsonl"


def test_answers_are_there_when_the_file_is_opened_again(path, questions):
    with AnswerFile(path, "a", questions) as file:
        for question, answer in zip(questions, (TEXT, MESSAGE, NONE), strict=False):
            file.keep(question, answer)
    with AnswerFile(path, "a", questions) as file:
        assert list(file.answers.values()) == [TEXT, MESSAGE, NONE]
        assert missing(questions, file.answers) == list(questions[3:])


def test_an_answer_is_on_its_way_to_disk_as_soon_as_it_is_kept(path, questions):
    with AnswerFile(path, "a", questions) as file:
        file.keep(questions[0], TEXT)
        assert path.read_bytes().endswith(b"}\n")


def test_a_file_cut_anywhere_goes_on_with_its_whole_lines_and_ends_as_if_it_had_not_been(path, questions):
    told = list(zip(questions, (TEXT, MESSAGE, NONE), strict=False))

    def go_on():
        with AnswerFile(path, "a", questions[:3]) as file:
            found = len(file.answers)
            for question, answer in told:
                file.keep(question, answer)
        return found

    go_on()
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert go_on() == whole[:length].count(b"\n")
        assert path.read_bytes() == whole


def test_the_first_answer_to_a_question_stays(path, questions):
    with AnswerFile(path, "a", questions) as file:
        file.keep(questions[0], TEXT)
        file.keep(questions[0], MESSAGE)
        assert file.answers[questions[0].key] == TEXT
    assert len(path.read_text().splitlines()) == 1


def test_answers_to_questions_that_are_not_asked_now_are_left_alone(path, questions):
    with AnswerFile(path, "a", questions) as file:
        file.keep(questions[0], TEXT)
    with AnswerFile(path, "a", questions[1:]) as file:
        assert file.answers == {}
    with AnswerFile(path, "a", questions) as file:
        assert len(file.answers) == 1


def test_an_answer_to_another_question_of_the_same_name_is_refused(path, questions):
    edited = replace(questions[0], ground_truth=[])
    with AnswerFile(path, "a", questions) as file:
        file.keep(questions[0], TEXT)
    with pytest.raises(AnswersUnusable, match=r"answers.jsonl:1 answers another .* the benchmark's files changed"):
        AnswerFile(path, "a", [edited])


def test_answers_under_other_settings_are_refused(path, questions):
    with AnswerFile(path, "a", questions) as file:
        file.keep(questions[0], TEXT)
    with pytest.raises(AnswersUnusable, match="answered under other settings"):
        AnswerFile(path, "b", questions)


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"question": "x"}'])
def test_a_line_that_is_no_answer_is_refused(line, path, questions):
    path.write_text(line + "\n")
    with pytest.raises(AnswersUnusable, match=r"answers.jsonl:1 is no answer"):
        AnswerFile(path, "a", questions)


def test_two_evaluations_do_not_write_to_one_file(path):
    with sole_writer(path), pytest.raises(AnswersUnusable, match="another evaluation is writing"), sole_writer(path):
        pytest.fail("there were two")
    with sole_writer(path):
        assert path.read_bytes() == b""


def test_a_folder_with_answers_is_claimed_once_and_then_only_under_the_same_settings(tmp_path):
    path = tmp_path / "settings.json"
    claim_folder(path, {"engine": "vllm", "max_tokens": 10}, answered=False)
    claim_folder(path, {"max_tokens": 10, "engine": "vllm"}, answered=True)
    with pytest.raises(SettingsDiffer, match=r"max_tokens was 10 and is 20; url was null and is \"http://a\"\. Give"):
        claim_folder(path, {"engine": "vllm", "max_tokens": 20, "url": "http://a"}, answered=True)


def test_a_folder_without_an_answer_takes_other_settings(tmp_path):
    path = tmp_path / "settings.json"
    claim_folder(path, {"model": "mistyped"}, answered=False)
    claim_folder(path, {"model": "m"}, answered=False)
    assert json.loads(path.read_text()) == {"model": "m"}


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_settings_that_cannot_be_read_are_refused(text, tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(SettingsDiffer, match="can't be read as the settings"):
        claim_folder(path, {}, answered=True)


def test_the_digest_of_settings_does_not_depend_on_their_order():
    assert settings_digest({"a": 1, "b": None}) == settings_digest({"b": None, "a": 1})
    assert settings_digest({"a": 1}) != settings_digest({"a": 1.5})

"""The command against an endpoint that knows the answers: what it says, keeps and goes on with, and how it ends."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections import Counter

import pytest
from typer.testing import CliRunner

from evaluation.made_up_benchmarks import EACH
from evaluation.standin_endpoint import call_right, call_the_first, call_the_same, refuse, right_calls, say
from goodcall_trainer.cli import app

QUESTIONS = 14 * EACH
ANSWERED_BY_THEN = 7


@pytest.fixture
def options(endpoint, bfcl, apibank, service_url, tmp_path):
    """What asks the endpoint everything, its answers in `out/`."""
    benchmarks = ("--benchmark", f"bfcl={bfcl}", "--benchmark", f"apibank={apibank}")
    return (endpoint.url, "--model", "m", *benchmarks, "--url", service_url, "--out", str(tmp_path / "out"))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def evaluate(*arguments):
    return CliRunner().invoke(app, ["evaluate", *arguments])


def scores_in(out):
    return json.loads((out / "result.json").read_text())["scores"]


@pytest.mark.parametrize(("prompt", "manner"), [("paper", say), ("chat-template", None)])
def test_right_answers_score_1_everywhere(prompt, manner, options, endpoint, out):
    endpoint.say = endpoint.say if manner else call_right
    done = evaluate(*options, "--prompt", prompt)
    assert done.exit_code == 0, done.stderr
    assert set(scores_in(out).values()) == {1.0}
    assert len(endpoint.asked) == len(set(endpoint.asked)) == QUESTIONS
    assert done.stderr == ""


def test_refusals_are_right_about_irrelevance_alone(options, endpoint, out):
    endpoint.say = refuse
    assert evaluate(*options).exit_code == 0
    right = {name for name, score in scores_in(out).items() if score == 1.0}
    assert right == {"bfcl.irrelevance", "bfcl.live_irrelevance", "bfcl.irrelevance_mean"}
    assert scores_in(out)["bfcl.live_with_relevance"] == pytest.approx(1 / 6)
    assert {score for name, score in scores_in(out).items() if "relevance" not in name} == {0.0}


@pytest.mark.parametrize("manner", [call_the_same, call_the_first])
def test_one_call_whatever_is_asked_is_right_about_relevance_alone(manner, options, endpoint, out):
    endpoint.say = manner
    assert evaluate(*options).exit_code == 0
    assert {name for name, score in scores_in(out).items() if score == 1.0} == {"bfcl.live_relevance"}
    assert {score for name, score in scores_in(out).items() if "relevance" not in name} == {0.0}


def test_the_tables_stand_beside_the_papers_and_name_their_source(options):
    shown = evaluate(*options).stdout
    for words in ("Tool-N1-14B", "GPT-3.5-Turbo-0125", "arXiv 2505.00024v2, Table 2", "Call mode", "85.97", "82.19"):
        assert words in shown
    assert re.search(r"this policy +│ +100.00 │", shown)
    assert "not asked: bfcl.multi_turn_base (1), bfcl.simple_java (1)" in shown
    assert len(set(re.findall(r"judged by (\S+) sha256:[0-9a-f]{64}", shown))) == 3


def test_questions_that_are_too_long_are_counted_once_and_are_in_no_score(options, endpoint, out):
    too_long = (400, {}, b'{"error": {"message": "context length exceeded"}}')
    endpoint.fault = lambda number: too_long if "level 2" in json.dumps(endpoint.bodies[number]) else None
    done = evaluate(*options)
    assert f"{EACH} questions have no verdict, and are in no score" in done.stdout
    assert not {"apibank.level_2", "apibank.overall"} & set(scores_in(out))
    assert scores_in(out)["apibank.level_1"] == 1.0


def test_json_is_the_result_and_nothing_else_on_standard_output(options, out):
    done = evaluate(*options, "--json")
    assert json.loads(done.stdout) == json.loads((out / "result.json").read_text())
    assert "this policy" in done.stderr


def test_a_limit_is_said_and_without_it_only_the_rest_is_asked(options, endpoint, out):
    limited = evaluate(*options, "--limit", "1")
    assert "only the first 1 questions of each category were asked" in limited.stdout
    assert len(endpoint.asked) == 14
    assert json.loads((out / "result.json").read_text())["counts"]["bfcl.multiple"]["asked"] == 1
    assert evaluate(*options).exit_code == 0
    assert len(endpoint.asked) == len(set(endpoint.asked)) == QUESTIONS


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_was_ended_goes_on_without_asking_again_and_ends_as_an_undisturbed_one(
    ending, options, endpoint, out
):
    enough, released = threading.Event(), threading.Event()

    def hold():
        if len(endpoint.asked) >= ANSWERED_BY_THEN:
            enough.set()
            released.wait(timeout=60)

    endpoint.hold = hold
    process = subprocess.Popen(
        [sys.executable, "-m", "goodcall_trainer", "evaluate", *options, "--concurrency", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert enough.wait(timeout=60)
    process.send_signal(ending)
    _, said = process.communicate(timeout=60)
    released.set()
    assert process.returncode == (130 if ending is signal.SIGTERM else -signal.SIGKILL)
    assert (b"interrupted. What was answered is in" in said) == (ending is signal.SIGTERM)
    kept = [json.loads(line)["question"] for line in (out / "answers.jsonl").read_text().splitlines()]
    assert kept == endpoint.asked[:ANSWERED_BY_THEN]
    endpoint.hold = lambda: None
    assert evaluate(*options).exit_code == 0
    times_asked = Counter(endpoint.asked)
    assert len(times_asked) == QUESTIONS
    assert {times_asked[key] for key in kept} == {1}
    result = (out / "result.json").read_bytes()
    assert evaluate(*options[:-1], str(out.with_name("undisturbed"))).exit_code == 0
    assert (out.with_name("undisturbed") / "result.json").read_bytes() == result


def test_answers_are_not_gone_on_with_under_other_settings(options, endpoint, out):
    assert evaluate(*options, "--limit", "1").exit_code == 0
    before, asked = (out / "answers.jsonl").read_bytes(), len(endpoint.asked)
    done = evaluate(*options, "--max-tokens", "7")
    assert done.exit_code == 2
    assert "answers that were given otherwise: max_tokens was 4096 and is 7. Give this evaluation" in done.stderr
    assert (len(endpoint.asked), (out / "answers.jsonl").read_bytes()) == (asked, before)


def test_a_mistyped_model_does_not_take_the_folder(options, endpoint):
    endpoint.fault = lambda _: (404, {}, b'{"error": {"message": "no model mm"}}')
    mistyped = [*options[:2], "mm", *options[3:]]
    assert evaluate(*mistyped).exit_code == 3
    endpoint.fault = lambda _: None
    assert evaluate(*options).exit_code == 0


def test_an_endpoint_that_fails_is_told_of_while_it_is_waited_for_and_nothing_is_counted_as_wrong(
    options, endpoint, out
):
    endpoint.fault = lambda number: (500, {}, b"out of memory") if number >= 5 else None
    done = evaluate(*options, "--answer-deadline-s", "0.6", "--concurrency", "1")
    assert done.exit_code == 3
    assert "500 out of memory; asking again, each question for 0.6 s" in done.stderr
    assert done.stderr.count("asking again") == 1
    assert "no question was counted as wrong. What was answered is in" in done.stderr
    assert len((out / "answers.jsonl").read_text().splitlines()) == 5
    assert not (out / "result.json").exists()


def test_a_service_that_is_away_is_said_before_anything_is_asked(options, endpoint):
    away = [*options[:-4], "--url", "http://127.0.0.1:9", *options[-2:], "--deadline-s", "0.3"]
    done = evaluate(*away)
    assert done.exit_code == 3
    assert "Is the service up, and is base_url right?" in done.stderr
    assert endpoint.asked == []


@pytest.mark.parametrize(
    ("least", "code", "said"), [("0.99", 0, ""), ("1", 1, "missed: bfcl.overall is 0.0000, where 1 is required")]
)
def test_a_score_lower_than_required_is_exit_code_1(least, code, said, options, endpoint):
    if code:
        endpoint.say = refuse
    done = evaluate(*options, "--require", f"bfcl.overall={least}")
    assert (done.exit_code, said in done.stderr) == (code, True)


def test_calls_that_the_server_left_in_the_text_are_said(options, endpoint):
    endpoint.say = lambda question: say(right_calls(question))
    done = evaluate(*options, "--prompt", "chat-template", "--limit", "1")
    assert "14 answers have a call in their text, which the server was to read" in done.stdout


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["Qwen/Qwen3-8B"], "neither a folder nor the http:// or https:// URL"),
        (["http://127.0.0.1:8001/v1"], "an endpoint needs the name of a model there"),
        (["http://127.0.0.1:99999/v1", "--model", "m"], "has no host or no possible port"),
        (["http://", "--model", "m"], "has no host or no possible port"),
        (["http://h:x/v1", "--model", "m"], "is no URL"),
        (["http://h/v1", "--model", "m", "--prompt", "signatures"], "rendered here, which needs --tokenizer"),
        (["http://h/v1", "--model", "m", "--url", "foo"], "base_url is 'foo'"),
        (["http://h/v1", "--model", "m", "--categories", "live_simpel"], "the nearest is live_simple"),
        (["http://h/v1", "--model", "m", "--categories", "simple_java"], "is the checker of Python's categories"),
        (["http://h/v1", "--model", "m", "--categories", ","], "names no category"),
        (["http://h/v1", "--model", "m", "--benchmark", "bfcl=y"], "bfcl is named twice"),
        (["http://h/v1", "--model", "m", "--benchmark", "bcfl=y"], "NAME one of bfcl, apibank"),
        (["http://h/v1", "--model", "m", "--require", "bfcl.live=2"], "with LEAST from 0 to 1"),
        (["http://h/v1", "--model", "m", "--require", "bfcl.live=x"], "with LEAST from 0 to 1"),
        (["http://h/v1", "--model", "m", "--require", "bfcl.lve=1"], "the nearest is bfcl.live"),
        (
            ["http://h/v1", "--model", "m", "--categories", "multiple", "--require", "bfcl.live=1"],
            "bfcl.live will have no value, as live_multiple",
        ),
    ],
)
def test_what_can_not_be_asked_for_is_refused_with_a_reason(changes, said, tmp_path):
    done = evaluate(*changes, "--benchmark", "bfcl=x", "--out", str(tmp_path))
    assert done.exit_code == 2
    assert said in " ".join(re.sub("[│\n]", " ", done.stderr).split())


@pytest.mark.parametrize(
    ("benchmark", "said"),
    [("bfcl=nowhere", "BFCL: there is no file nowhere"), ("apibank=nowhere", "API-Bank: there is")],
)
def test_data_that_are_not_there_are_exit_code_3(benchmark, said, tmp_path):
    done = evaluate("http://h/v1", "--model", "m", "--benchmark", benchmark, "--out", str(tmp_path / "out"))
    assert (done.exit_code, said in done.stderr) == (3, True)


def test_a_folder_that_is_no_policy_is_said(bfcl, tmp_path):
    done = evaluate(str(tmp_path), "--benchmark", f"bfcl={bfcl}", "--out", str(tmp_path / "out"))
    assert done.exit_code == 3
    assert f"{tmp_path} is no folder with weights as safetensors" in done.stderr

"""A policy made on the spot, through transformers and a running service: batches, resume, and what can't be asked."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from evaluation.babbling import let_babble
from goodcall_client import Client
from goodcall_trainer.demo.policy import build_policy, train_tokenizer
from goodcall_trainer.evaluation import weights
from goodcall_trainer.evaluation.answers import Answer
from goodcall_trainer.evaluation.checkpoint import TransformersEngine
from goodcall_trainer.evaluation.engine import Prompt
from goodcall_trainer.evaluation.failures import CheckpointUnusable
from goodcall_trainer.evaluation.options import Asked
from goodcall_trainer.evaluation.run import Evaluation, run
from goodcall_trainer.evaluation.weights import checkpoint_fingerprint
from goodcall_trainer.prompt import END_OF_TURN, render_prompt
from goodcall_trainer.tool_n1_prompt import tool_n1_messages

ANSWER = f"<think>No tool fits.</think><tool_call>[]</tool_call>{END_OF_TURN}"
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if tools %}{{ tools | length }} tools\n{% endif %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def tokenizer(questions):
    papers = (message["content"] for q in questions for message in tool_n1_messages(q.row, reasoning=True))
    tokenizer = train_tokenizer([*(render_prompt(q.row) for q in questions), *papers, ANSWER])
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def save(model, tokenizer, folder):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def refusing(tokenizer, questions, tmp_path_factory):
    """A policy that has learnt one thing: that no tool fits."""
    model = build_policy(tokenizer, seed=1)
    texts = [render_prompt(question.row) + ANSWER for question in questions[::5]]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    length = len(tokenizer(ANSWER)["input_ids"])
    labels = torch.full_like(batch["input_ids"], -100)
    labels[:, -length:] = batch["input_ids"][:, -length:]
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(20):
        loss = model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return save(model, tokenizer, tmp_path_factory.mktemp("refusing"))


@pytest.fixture(scope="module")
def babbling(tokenizer, tmp_path_factory):
    """A policy that has learnt nothing, so that no two prompts get the same answer."""
    return save(let_babble(build_policy(tokenizer, seed=2)), tokenizer, tmp_path_factory.mktemp("babbling"))


def engine_of(folder, **changes):
    settings = {"prompt": Prompt.SIGNATURES, "max_tokens": 24, "batch_size": 8, "dtype": "auto"} | changes
    return TransformersEngine(folder, **settings)


def answers_of(engine, questions):
    kept = {}
    engine.answer(questions, (), lambda question, answer: kept.setdefault(question.key, answer))
    return kept


def test_a_policy_that_always_refuses_is_right_about_irrelevance_alone(refusing, bfcl, service_url, tmp_path):
    asked = Asked(name="bfcl", place=bfcl, categories=frozenset({"irrelevance", "live_relevance", "simple_python"}))
    evaluation = Evaluation(benchmarks=[asked.read()], engine=engine_of(refusing), out=tmp_path / "out")
    with Client(service_url) as client:
        result = run(evaluation, client, lambda _: None)
    scores = json.loads((tmp_path / "out" / "result.json").read_text())["scores"]
    assert scores == {"bfcl.irrelevance": 1.0, "bfcl.live_relevance": 0.0, "bfcl.simple_python": 0.0}
    assert result.tallies["bfcl.simple_python"].reasons == {"call_wanted": 3}
    assert result.tallies["bfcl.simple_python"].truncated == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "answers.jsonl").read_text().splitlines()]
    assert {line["completion"] for line in lines} == {ANSWER}


def test_answers_do_not_depend_on_the_batch(babbling, questions):
    questions = questions[::2]
    alone = answers_of(engine_of(babbling, batch_size=1), questions)
    together = answers_of(engine_of(babbling, batch_size=8), questions)
    assert alone == together
    assert len({answer.completion for answer in alone.values()}) > len(questions) / 2


def test_a_prompt_with_little_room_leaves_its_neighbours_theirs(babbling, questions):
    alone = answers_of(engine_of(babbling, batch_size=1, max_tokens=200), questions[::12])
    assert alone == answers_of(engine_of(babbling, max_tokens=200), questions[::12])
    assert len({len(answer.completion) for answer in alone.values()}) > 1


def test_a_run_that_was_cut_off_in_a_batch_makes_that_batch_again_as_it_was(babbling, questions):
    whole = answers_of(engine_of(babbling), questions)
    engine, kept, batches = engine_of(babbling), dict(list(whole.items())[:11]), []
    complete = engine._complete
    engine._complete = lambda batch: batches.append([put.question.key for put in batch]) or complete(batch)
    engine.answer(questions, frozenset(kept), lambda question, answer: kept.setdefault(question.key, answer))
    assert kept == whole
    assert batches[0] == list(whole)[8:16]
    assert [key for batch in batches for key in batch] == list(whole)[8:]


def test_an_answer_that_is_cut_off_is_marked(refusing, questions):
    kept = answers_of(engine_of(refusing, max_tokens=3), questions[:2])
    assert set(kept.values()) == {Answer(completion="<think>No ", truncated=True)}


def test_a_prompt_that_leaves_no_room_is_not_asked_and_its_neighbours_are(refusing, questions):
    row = replace(questions[0].row, id="long", messages=({"role": "user", "content": "figure " * 300},))
    long = replace(questions[0], row=row)
    kept = answers_of(engine_of(refusing), [questions[0], long, questions[1]])
    assert kept[long.key] == Answer(completion=None, fault="prompt_too_long")
    assert [answer.completion for key, answer in kept.items() if key != long.key] == [ANSWER] * 2


def test_what_could_not_be_asked_has_no_verdict_and_is_in_no_score(refusing, bfcl, service_url, tmp_path):
    benchmark = Asked(name="bfcl", place=bfcl, categories=frozenset({"irrelevance"})).read()
    row = replace(benchmark.questions[0].row, messages=({"role": "user", "content": "figure " * 300},))
    questions = (replace(benchmark.questions[0], row=row), *benchmark.questions[1:])
    evaluation = Evaluation(
        benchmarks=[replace(benchmark, questions=questions)], engine=engine_of(refusing), out=tmp_path
    )
    with Client(service_url) as client:
        result = run(evaluation, client, lambda _: None)
    tally = result.tallies["bfcl.irrelevance"]
    assert (tally.asked, tally.judged, tally.right, tally.unjudged) == (3, 2, 2, 1)
    assert tally.reasons["prompt_too_long"] == 1
    assert result.scores["bfcl.irrelevance"].value == 1.0


@pytest.mark.parametrize("prompt", [Prompt.PAPER, Prompt.CHAT_TEMPLATE])
def test_prompts_by_the_chat_template_are_answered(prompt, babbling, questions):
    engine = engine_of(babbling, prompt=prompt, max_tokens=2)
    text = engine._rendering.render(questions[0].row)
    assert ("# Tool" in text) == (prompt is Prompt.PAPER)
    assert ("2 tools" in text) == (prompt is Prompt.CHAT_TEMPLATE)
    assert text.endswith("<|im_start|>assistant\n")
    assert len(answers_of(engine, questions[:2])) == 2


def test_a_template_that_opens_the_reasoning_says_so_to_the_service(tokenizer, babbling, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    for path in babbling.glob("*"):
        if not (tmp_path / path.name).exists():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "chat_template.jinja").write_text(
        CHAT_TEMPLATE.replace("assistant\n{% endif", "assistant\n<think>\n{% endif")
    )
    engine = engine_of(tmp_path, prompt=Prompt.PAPER)
    assert engine.assistant_prefix == engine.settings["assistant_prefix"] == "<think>\n"


def test_settings_are_known_before_weights_are_loaded(babbling):
    engine = engine_of(babbling)
    assert engine.settings["weights"] == checkpoint_fingerprint(babbling)
    assert "_model" not in vars(engine)


def test_other_weights_have_another_fingerprint_also_where_only_pieces_are_read(babbling, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_WHOLE_BYTES", 1000)
    monkeypatch.setattr(weights, "_PIECE_BYTES", 100)
    for path in babbling.glob("*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert checkpoint_fingerprint(tmp_path) == checkpoint_fingerprint(babbling)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file(
        {name: tensor + 1e-3 for name, tensor in tensors.items()}, tmp_path / "model.safetensors", {"format": "pt"}
    )
    assert checkpoint_fingerprint(tmp_path) != checkpoint_fingerprint(babbling)


def test_a_folder_without_weights_as_safetensors_is_refused(babbling, tmp_path):
    for path in babbling.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(CheckpointUnusable, match="no folder with weights as safetensors"):
        engine_of(tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(babbling, tmp_path):
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((babbling / name).read_bytes())
    with pytest.raises(CheckpointUnusable, match="has no tokenizer: its files are missing"):
        engine_of(tmp_path)


def copied(folder, to, **changes):
    """The checkpoint once more, with these values in its configuration."""
    for path in folder.glob("*"):
        (to / path.name).write_bytes(path.read_bytes())
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(config | changes))
    return to


def test_a_policy_of_which_a_part_is_missing_is_refused_before_anything_is_asked(babbling, tmp_path):
    with pytest.raises(CheckpointUnusable, match=r"has no model\.layers\.2\.\S+ and \d+ more, .* drawn at random"):
        engine_of(copied(babbling, tmp_path, num_hidden_layers=9, layer_types=None))


def test_weights_that_the_policy_would_not_use_are_said(babbling, tmp_path):
    said = []
    engine_of(copied(babbling, tmp_path, num_hidden_layers=1, layer_types=None), notice=said.append)
    assert len(said) == 1
    assert "no place for, and does not use: model.layers.1.input_layernorm.weight and " in said[0]
    engine_of(babbling, notice=said.append)
    assert len(said) == 1


def test_a_tokenizer_without_a_chat_template_can_only_show_signatures(babbling, tmp_path):
    for path in babbling.glob("*"):
        if path.name != "chat_template.jinja":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    engine_of(tmp_path, prompt=Prompt.SIGNATURES)
    with pytest.raises(CheckpointUnusable, match="needs a chat template"):
        engine_of(tmp_path, prompt=Prompt.PAPER)

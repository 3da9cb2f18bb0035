"""Rows for training: read, mixed, cut, rendered, and those left out counted."""

import json
from collections import Counter

import pyarrow as pa
import pytest
from pyarrow import parquet

from goodcall_trainer.recipe import RecipeUnusable
from goodcall_trainer.recipe.batch import Batch
from goodcall_trainer.recipe.settings import DataSettings, PromptSettings
from goodcall_trainer.rendering import rendering_of
from goodcall_trainer.training.dataset import demonstrations_of, prompts_of
from goodcall_trainer.training.examples import examples_of
from goodcall_trainer.training.start import expect_a_round

CALL = {"name": "look_up", "arguments": {"word": "x"}}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


def line(number, source="xlam", **more):
    messages = [{"role": "user", "content": f"query {number}" + " very" * (number % 7) * 5}]
    return {
        "id": f"r-{number}",
        "source": source,
        "messages": messages,
        "tools": [TOOL],
        "ground_truth": [CALL],
        **more,
    }


def write_lines(path, lines):
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return str(path)


@pytest.fixture
def files(tmp_path):
    """60 rows from xlam as JSON lines, 20 from toolace in Parquet."""
    table = [
        {key: json.dumps(value) if isinstance(value, list) else value for key, value in line(n, "toolace").items()}
        for n in range(60, 80)
    ]
    parquet.write_table(pa.Table.from_pylist(table), tmp_path / "toolace.parquet")
    return write_lines(tmp_path / "xlam.jsonl", map(line, range(60))), str(tmp_path / "toolace.parquet")


def sources(examples):
    return Counter(example.row.source for example in examples)


def test_rows_of_both_kinds_of_files_are_read_and_recorded(files):
    found = examples_of(DataSettings(files=files))
    assert sources(found.train) == {"xlam": 60, "toolace": 20}
    assert [(file["path"], file["rows"]) for file in found.files] == [(files[0], 60), (files[1], 20)]


@pytest.mark.parametrize(
    ("mix", "rows", "expected"),
    [
        ({"xlam": 1.0, "toolace": 1.0}, None, {"xlam": 20, "toolace": 20}),
        ({"xlam": 3.0, "toolace": 1.0}, None, {"xlam": 60, "toolace": 20}),
        ({"xlam": 1.0, "toolace": 3.0}, 8, {"xlam": 2, "toolace": 6}),
        ({"toolace": 1.0}, None, {"toolace": 20}),
    ],
    ids=str,
)
def test_a_mix_is_the_largest_set_with_its_shares(mix, rows, expected, files):
    assert sources(examples_of(DataSettings(files=files, mix=mix, rows=rows)).train) == expected


def test_two_shares_of_the_same_rows_are_disjoint_and_all_of_them(files):
    first, second = (
        {example.row.id for example in examples_of(DataSettings(files=files, share=share)).train}
        for share in ((0.0, 0.5), (0.5, 1.0))
    )
    assert len(first) == len(second) == 40
    assert not first & second


def test_the_same_seed_draws_the_same_order(files):
    orders = [[e.row.id for e in examples_of(DataSettings(files=files, seed=seed)).train] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "rows.jsonl:1 is no JSON"),
        ("[]", "rows.jsonl:1 is no row"),
        (json.dumps({"query": "x"}), "rows.jsonl:1 is no row"),
        ("", "nothing to train on"),
    ],
    ids=str,
)
def test_a_file_that_is_none_is_refused_with_its_line(text, fault, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(RecipeUnusable, match=fault):
        examples_of(DataSettings(files=(str(path),)))


def test_a_file_that_is_not_there_is_refused_with_what_makes_it(tmp_path):
    with pytest.raises(RecipeUnusable, match=r"No such file.*goodcall-train prepare"):
        examples_of(DataSettings(files=(str(tmp_path / "absent.parquet"),)))


def test_a_mix_of_sources_that_are_not_there_is_refused(files):
    with pytest.raises(RecipeUnusable, match=r"names glaive, .* rows are from toolace, xlam"):
        examples_of(DataSettings(files=files, mix={"glaive": 1.0}))


def test_prompts_that_are_too_long_are_left_out_and_counted(files, tokenizer):
    examples = examples_of(DataSettings(files=files)).train
    rendering = rendering_of(PromptSettings(template="signatures"), tokenizer)
    lengths = [len(tokenizer(rendering.render(example.row))["input_ids"]) for example in examples]
    limit = sorted(lengths)[len(lengths) // 2]
    prompts = prompts_of(examples, rendering, tokenizer, limit)
    left_out = sum(length > limit for length in lengths)
    assert prompts.left_out[f"with prompts of over {limit} tokens (prompt.max_tokens)"] == left_out > 0
    assert len(prompts.dataset) == len(examples) - left_out
    assert set(prompts.dataset.column_names) == {"prompt", "row_id", "tools_json", "ground_truth_json"}
    with pytest.raises(RecipeUnusable, match="no row is short enough: 80 with prompts of over 1 tokens"):
        prompts_of(examples, rendering, tokenizer, 1)


def test_demonstrations_end_with_the_end_of_a_turn_and_begin_after_the_prefix(tokenizer, tmp_path):
    shown = "<think>\nso</think><tool_call>[]</tool_call>"
    path = write_lines(tmp_path / "rows.jsonl", [line(1, completion=shown)])
    examples = examples_of(DataSettings(files=(path,))).train
    settings = PromptSettings(template="signatures", assistant_prefix="<think>\n")
    (row,) = demonstrations_of(examples, rendering_of(settings, tokenizer), tokenizer, settings, None).dataset
    assert row["prompt"].endswith("assistant\n<think>\n")
    assert row["completion"] == f"so</think><tool_call>[]</tool_call>{tokenizer.eos_token}"


def test_without_reasoning_the_rows_calls_are_the_demonstration(files, tokenizer):
    settings = PromptSettings(template="signatures", reasoning=False)
    examples = examples_of(DataSettings(files=files)).train
    rows = demonstrations_of(examples, rendering_of(settings, tokenizer), tokenizer, settings, None).dataset
    assert set(rows["completion"]) == {f"<tool_call>\n{json.dumps([CALL])}\n</tool_call>{tokenizer.eos_token}"}


def test_reasoning_without_completions_to_imitate_is_refused(files, tokenizer):
    settings = PromptSettings(template="signatures")
    examples = examples_of(DataSettings(files=files)).train
    with pytest.raises(RecipeUnusable, match="has no completion"):
        demonstrations_of(examples, rendering_of(settings, tokenizer), tokenizer, settings, None)


def test_demonstrations_that_training_would_cut_are_left_out_and_counted(tokenizer, tmp_path):
    shown = ["<think>so</think><tool_call>[]</tool_call>", f"<think>{'so ' * 40}</think><tool_call>[]</tool_call>"]
    lines = [line(number, completion=completion) for number, completion in enumerate(shown)]
    examples = examples_of(DataSettings(files=(write_lines(tmp_path / "rows.jsonl", lines),))).train
    settings = PromptSettings(template="signatures")
    rendering = rendering_of(settings, tokenizer)
    every = demonstrations_of(examples, rendering, tokenizer, settings, None).dataset
    shorter, longer = sorted(len(tokenizer(row["prompt"] + row["completion"])["input_ids"]) for row in every)
    kept = demonstrations_of(examples, rendering, tokenizer, settings, longer - 1)
    assert (
        len(kept.dataset) == kept.left_out[f"of over {longer - 1} tokens with their completion (sft.max_length)"] == 1
    )
    assert len(demonstrations_of(examples, rendering, tokenizer, settings, longer).dataset) == 2
    with pytest.raises(RecipeUnusable, match="no row is short enough"):
        demonstrations_of(examples, rendering, tokenizer, settings, shorter - 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff\xfe\x00", "is no text: rows are JSON"), (b"[\n{}]\n", ":1 is no JSON: a file that does not end in")],
)
def test_files_of_another_kind_are_refused_with_what_is_read(content, said, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecipeUnusable, match=said):
        examples_of(DataSettings(files=(str(path),)))


def test_fewer_rows_than_a_round_of_rollouts_are_refused():
    batch = Batch(world_size=1, group=4, completions_per_step=16, completions_per_rollout=64)
    expect_a_round(batch, 16)
    with pytest.raises(RecipeUnusable, match="15 rows are fewer than one round of rollouts takes, which is 16 prompts"):
        expect_a_round(batch, 15)

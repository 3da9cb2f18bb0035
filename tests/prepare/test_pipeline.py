"""Rows from sources to files: nothing is lost, and everything is the same the next time."""

import copy
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodcall_trainer.prepare.benchmark import read_benchmark
from goodcall_trainer.prepare.found import AnswerInWords, Note, Reason
from goodcall_trainer.prepare.job import Job
from goodcall_trainer.prepare.pipeline import run
from goodcall_trainer.prepare.recipe import RECIPES, Recipe
from goodcall_trainer.prepare.records import SourceUnusable
from goodcall_trainer.prepare.report import report_of
from goodcall_trainer.prepare.row_files import read_rows
from goodcall_trainer.prepare.sources import READERS, Source
from goodcall_trainer.prepare.splits import HELDOUT, SPLITS, TRAIN
from goodcall_trainer.row import Row
from prepare.rows import BFCL, PLAIN, RECORDS, TIME, TOOLACE, WEATHER, XLAM

EVERYTHING = Recipe(keep_answers_in_words=True, heldout_share=0.5, irrelevance_share=0.6, masking_share=0.6)


def quiet(_count):
    pass


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def prepare(folder, records, recipe=EVERYTHING, seed=1, **more):
    """The report and the rows of a run over records by their sources, in files of their own."""
    sources = [
        Source(name, str(write(folder / f"{name}.jsonl", of_source)))
        for name, of_source in records.items()
        if of_source
    ]
    job = Job(sources=sources, recipe=recipe, seed=seed, **more)
    report = report_of(job, run(job, folder, quiet))
    return report, {split: list(read_rows(folder / f"{split}.parquet")) for split in SPLITS}


def plain(number, **changes):
    return copy.deepcopy(PLAIN) | {"id": f"row-{number}", "query": f"Weather number {number}?"} | changes


def spoilt(record, rng):
    """A record with one of its fields replaced by something."""
    field = rng.choice(list(record))
    junk = (None, 3, "", [], {}, "[]", [{}], {"name": "f"}, "[f(a=1", float("nan"), "\ud83d")
    return copy.deepcopy(record) | {field: rng.choice(junk)}


@st.composite
def soups(draw):
    """Records of every source: sound ones, the same again, and spoilt ones."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    return {
        name: [
            RECORDS[name] if rng.random() < 0.4 else spoilt(RECORDS[name], rng) | {"nr": number}
            for number in range(draw(st.integers(0, 4)))
        ]
        for name in READERS
    }


@settings(max_examples=60, deadline=None)
@given(soup=soups(), seed=st.integers(0, 3), recipe=st.sampled_from([*RECIPES.values(), EVERYTHING]))
def test_nothing_is_lost_that_is_not_counted(tmp_path_factory, soup, seed, recipe):
    report, rows = prepare(tmp_path_factory.mktemp("soup"), soup, recipe, seed)
    assert report["rows"]["records"] == sum(map(len, soup.values()))
    for counts in [*report["sources"].values(), report["rows"]]:
        removed = counts["removed"] if isinstance(counts["removed"], int) else sum(counts["removed"].values())
        written = sum(counts.get("written", counts).get(split, 0) for split in SPLITS)
        assert counts["found"] + counts["added"] == removed + written
        assert counts["found"] >= counts["records"]
    assert {split: report["rows"][split] for split in SPLITS} == {split: len(rows[split]) for split in SPLITS}
    assert sum(case["rows"] for case in report["removed"].values()) == report["rows"]["removed"]
    ids = [row.id for split in SPLITS for row in rows[split]]
    assert len(set(ids)) == len(ids)


def test_the_same_input_and_seed_give_the_same_bytes(tmp_path):
    records = {**{name: [RECORDS[name]] for name in READERS}, "rows": [plain(number) for number in range(50)]}
    outcomes = []
    for run_number, seed in enumerate((1, 1, 2)):
        folder = tmp_path / str(run_number)
        folder.mkdir()
        report, _ = prepare(folder, records, seed=seed)
        outcomes.append((report, *((folder / f"{split}.parquet").read_bytes() for split in SPLITS)))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] != outcomes[2]


def test_what_becomes_of_a_row_does_not_depend_on_the_others(tmp_path):
    records = [plain(number, tools=[WEATHER, TIME], query=f"Weather number {number}, please?") for number in range(40)]
    _, forwards = prepare(tmp_path, {"rows": records})
    _, backwards = prepare(tmp_path, {"rows": records[::-1][:30]})
    for split in SPLITS:
        known = {row.id: row for row in forwards[split]}
        assert all(known[row.id] == row for row in backwards[split])


def test_rows_that_were_prepared_are_prepared_already(tmp_path):
    records = {name: [record] for name, record in RECORDS.items()}
    _, rows = prepare(tmp_path, records, Recipe(heldout_share=0.0))
    again = Job(sources=[Source("rows", str(tmp_path / "train.parquet"))], recipe=Recipe(heldout_share=0.0), seed=1)
    (tmp_path / "again").mkdir()
    run(again, tmp_path / "again", quiet)
    assert list(read_rows(tmp_path / "again" / "train.parquet")) == rows[TRAIN]
    assert (tmp_path / "again" / "train.parquet").read_bytes() == (tmp_path / "train.parquet").read_bytes()


TURNS = st.lists(
    st.sampled_from(
        [("user", "x"), ("assistant", "x"), ("assistant", "[f(a=1)]"), ("assistant", "[f(1)]"), ("tool", "x")]
    )
)


@given(TURNS)
def test_every_turn_of_the_assistant_after_a_user_is_found_once(turns):
    record = TOOLACE | {"conversations": [{"from": role, "value": text} for role, text in [("system", ""), *turns]]}
    found = [one for one in READERS["toolace"](record, "d") if not isinstance(one, Note)]
    first_user = next((index for index, (role, _) in enumerate(turns, 1) if role == "user"), len(turns))
    ids = [one.row.id if isinstance(one, AnswerInWords) else one.id for one in found]
    assert ids == [
        f"d:{index}" for index, (role, _) in enumerate(turns, 1) if role == "assistant" and index > first_user
    ]
    for one in found:
        if isinstance(one, Row):
            before = turns[: int(one.id[2:]) - 1]
            assert [message["role"] for message in one.messages] == ["system", *(role for role, _ in before)]


def test_all_steps_of_a_dialogue_are_on_one_side(tmp_path):
    dialogues = []
    for number in range(30):
        dialogues.append(copy.deepcopy(TOOLACE))
        dialogues[-1]["conversations"][0]["value"] = f"Weather number {number}?"
    _, rows = prepare(tmp_path, {"toolace": dialogues})
    sides = {}
    for split in SPLITS:
        for row in rows[split]:
            sides.setdefault(row.messages[0]["content"], set()).add(split)
    assert len(sides) == 30
    assert {len(splits) for splits in sides.values()} == {1}
    assert set.union(*sides.values()) == {TRAIN, HELDOUT}


def test_augmented_rows_are_on_the_side_of_their_own(tmp_path):
    records = [plain(number, tools=[WEATHER, TIME]) for number in range(60)]
    report, rows = prepare(tmp_path, {"rows": records})
    side = {row.id.partition("~")[0]: split for split in SPLITS for row in rows[split]}
    made = [(row, split) for split in SPLITS for row in rows[split] if "~irrelevant" in row.id]
    assert len(made) == report["rows"]["added"] > 20
    assert all(side[row.id.partition("~")[0]] == split and not row.ground_truth for row, split in made)
    assert report["sources"]["rows"]["masked"] == sum(
        row.id.endswith("~masked") for split in SPLITS for row in rows[split]
    )


def test_augmentation_that_would_spoil_a_row_is_counted(tmp_path):
    records = [plain(number, query=f"get_weather number {number}") for number in range(20)]
    recipe = Recipe(irrelevance_share=1.0, masking_share=1.0)
    report, _ = prepare(tmp_path, {"rows": records}, recipe)
    assert report["sources"]["rows"]["unfit"] == {"masking": 20, "irrelevance": 20}
    assert (report["rows"]["added"], report["sources"]["rows"]["masked"]) == (0, 0)


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("released", {"tool_unknown"}),
        ("paper", {"tool_unknown", "argument_missing", "argument_type_wrong"}),
        (
            "strict",
            {
                "tool_unknown",
                "argument_missing",
                "argument_type_wrong",
                "argument_unknown",
                "duplicate",
                "contradicted",
            },
        ),
    ],
)
def test_a_recipe_removes_what_it_says(tmp_path, name, reasons):
    answers = [
        [{"name": "nothing", "arguments": {}}],
        [{"name": "get_weather", "arguments": {}}],
        [{"name": "get_weather", "arguments": {"city": 3}}],
        [{"name": "get_weather", "arguments": {"city": "Oslo", "sky": "blue"}}],
    ]
    records = [plain(number, ground_truth=answer) for number, answer in enumerate(answers)]
    oslo, rome = ([{"name": "get_weather", "arguments": {"city": city}}] for city in ("Oslo", "Rome"))
    records += [
        plain(f"same-{n}", query="Weather?", ground_truth=answer) for n, answer in enumerate((oslo, oslo, rome))
    ]
    report, _ = prepare(tmp_path, {"rows": records}, RECIPES[name])
    assert set(report["removed"]) == reasons


def test_a_row_that_a_benchmark_asks_is_removed_and_the_question_named(tmp_path):
    questions = write(tmp_path / "bfcl.json", [BFCL])
    asked = plain(1, query=BFCL["question"][0][0]["content"].upper())
    report, _ = prepare(tmp_path, {"rows": [asked, plain(2)]}, benchmark=read_benchmark([str(questions)]))
    assert report["removed"]["contaminated"]["details"] == {"simple_python_0": 1}
    assert report["removed"]["contaminated"]["sample"] == ["row-1"]
    assert report["benchmark"] == {"questions": 1}


@pytest.mark.parametrize("text", ['"\\ud83d"', "NaN", "Infinity", "1e999"])
def test_what_has_no_json_is_no_row(tmp_path, text):
    line = json.dumps(plain(1, ground_truth=[{"name": "get_weather", "arguments": {"city": "?"}}])).replace('"?"', text)
    (tmp_path / "rows.jsonl").write_text(line, encoding="utf-8")
    job = Job(sources=[Source("rows", str(tmp_path / "rows.jsonl"))], recipe=Recipe(), seed=1)
    assert set(run(job, tmp_path, quiet).reasons()) == {Reason.NOT_JSON}


def nested(depth):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("name", ["rows", "xlam", "openai", "hermes"])
@pytest.mark.parametrize("depth", [70, 400, 900])
@pytest.mark.parametrize("within", ["schema", "argument"])
def test_what_is_nested_too_deep_is_no_row(tmp_path, name, depth, within):
    deep = json.loads(nested(depth))
    schema = WEATHER["function"]["parameters"] | ({"examples": deep} if within == "schema" else {})
    call = {"name": "get_weather", "arguments": {"city": "Oslo"} | ({"x": deep} if within == "argument" else {})}
    tools = [{"name": "get_weather", "parameters": schema}]
    message = {"role": "assistant", "content": "", "tool_calls": [{"function": call}]}
    record = {
        "rows": {"query": "?", "tools": tools, "ground_truth": [call]},
        "xlam": {"query": "?", "tools": json.dumps(tools), "answers": json.dumps([call])},
        "openai": {"messages": [{"role": "user", "content": "?"}, message], "tools": tools},
        "hermes": {
            "conversations": [
                {"from": "human", "value": "?"},
                {"from": "gpt", "value": f"<tool_call>{json.dumps(call)}</tool_call>"},
            ],
            "tools": tools,
        },
    }[name]
    report, _ = prepare(tmp_path, {name: [record]}, Recipe())
    assert set(report["removed"]) <= {"not_json", "record_unreadable", "calls_unreadable", "tools_unreadable"}
    assert report["rows"]["removed"] == 1


@pytest.mark.parametrize(("depth", "kept"), [(61, 1), (62, 0)])
def test_as_deep_as_the_service_reads_is_a_row(tmp_path, depth, kept):
    call = {"name": "get_weather", "arguments": {"city": "Oslo", "days": 1, "x": json.loads(nested(depth))}}
    schema = WEATHER["function"]["parameters"] | {"additionalProperties": True}
    schema["properties"] = schema["properties"] | {"x": {}}
    record = plain(1, tools=[{"name": "get_weather", "parameters": schema}], ground_truth=[call])
    _, rows = prepare(tmp_path, {"rows": [record]}, Recipe(heldout_share=0.0))
    assert len(rows[TRAIN]) == kept


def test_a_run_that_fails_leaves_what_was_there(tmp_path):
    prepare(tmp_path, {"rows": [plain(1)]})
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.parquet*")}
    (tmp_path / "xlam.json").write_text(f"[{json.dumps(XLAM)}, ", encoding="utf-8")
    job = Job(sources=[Source("xlam", str(tmp_path / "xlam.json"))], recipe=Recipe(), seed=1)
    with pytest.raises(SourceUnusable):
        run(job, tmp_path, quiet)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.parquet*")} == before


def test_records_of_several_files_of_one_source_are_numbered_through(tmp_path):
    files = [write(tmp_path / f"{number}.jsonl", [TOOLACE]) for number in range(2)]
    job = Job(sources=[Source("toolace", str(file)) for file in files], recipe=RECIPES["released"], seed=1)
    run(job, tmp_path, quiet)
    ids = {row.id for split in SPLITS for row in read_rows(tmp_path / f"{split}.parquet")}
    assert ids == {"toolace-0:1", "toolace-0:5", "toolace-1:1", "toolace-1:5"}


def test_many_rows_are_written_in_groups_and_read_in_order(tmp_path):
    records = [plain(number) for number in range(4500)]
    _, rows = prepare(tmp_path, {"rows": records}, Recipe(heldout_share=0.0))
    assert [row.id for row in rows[TRAIN]] == [record["id"] for record in records]


def test_samples_are_few_and_fair(tmp_path):
    records = [plain(number, ground_truth=[{"name": "none", "arguments": {}}]) for number in range(400)]
    report, _ = prepare(tmp_path, {"rows": records})
    sample = report["removed"]["tool_unknown"]["sample"]
    assert len(sample) == 10
    assert any(int(row_id.removeprefix("row-")) >= 200 for row_id in sample)


def test_details_are_bounded(tmp_path):
    records = [
        plain(number, tools=[{"name": "t", "parameters": {"a": {"type": f"t{number}"}}}]) for number in range(80)
    ]
    report, _ = prepare(tmp_path, {"rows": records})
    details = report["removed"]["type_unknown"]["details"]
    assert len(details) == 51
    assert details["other"] == 30

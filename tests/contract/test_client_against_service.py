"""The real client against the real app, over ASGI: they meet only at the wire, and here."""

import json
import random

import httpx
import jsonschema
import pytest
import yaml

from goodcall.rewards import CATALOGUE
from goodcall.web.app import create_app
from goodcall.web.settings import Settings
from goodcall_client import AsyncClient, Client, Item, RequestRejected, UnknownReward
from goodcall_client._request import plan
from suites import (
    REPOSITORY,
    conformance_rows,
    conformance_tasks,
    golden_cases,
    released_vectors,
    write_completion,
)


@pytest.fixture
async def client():
    app = create_app(Settings())
    async with app.router.lifespan_context(app), AsyncClient("http://service", transport=httpx.ASGITransport(app)) as c:
        yield c


def cases_of(reward_id):
    """The golden cases that the client sends; tools that are no list it refuses itself."""
    cases = golden_cases(reward_id)
    return [case for case in cases if isinstance(case.get("tools", []), list)]


def item_of(case):
    optional = {key: case[key] for key in ("tools", "assistant_prefix", "context") if key in case}
    return Item(completions=[case["completion"]], ground_truth=case.get("ground_truth"), **optional)


def item_of_row(row):
    task = conformance_tasks()[row["task"]]
    return Item(completions=[row["completion"]], ground_truth=task["ground_truth"], tools=task["tools"], id=row["id"])


def verdicts_of(result):
    return [verdict for item in result.items for verdict in item.verdicts]


@pytest.mark.parametrize("reward_id", CATALOGUE)
async def test_golden_cases_reach_the_caller_unchanged(client, reward_id):
    cases = cases_of(reward_id)
    result = await client.score([item_of(case) for case in cases], reward=reward_id)
    assert [(verdict.score, verdict.reason) for verdict in verdicts_of(result)] == [
        (case["score"], case["reason"]) for case in cases
    ]
    assert (result.reward, result.digest) == (reward_id, CATALOGUE[reward_id].digest)


async def test_hardened_agrees_with_the_independent_verifier_through_client_and_service(client):
    rows = conformance_rows("tool_n1.jsonl.gz")
    result = await client.score([item_of_row(row) for row in rows])
    assert [item.id for item in result.items] == [row["id"] for row in rows]
    assert [verdict.score for verdict in verdicts_of(result)] == [row["hardened"] for row in rows]


async def test_released_agrees_with_the_published_scorer_through_client_and_service(client):
    rows = conformance_rows("tool_n1.jsonl.gz")
    result = await client.score([item_of_row(row) for row in rows], reward="tool_n1/released@1")
    raised = [str(row["released"]["v0"]).startswith("error:") for row in rows]
    expected = [0 if raises else row["released"]["v0"] for raises, row in zip(raised, rows, strict=True)]
    assert [verdict.score for verdict in verdicts_of(result)] == expected
    assert [verdict.reason == "released_raises" for verdict in verdicts_of(result)] == raised


async def test_released_agrees_on_the_hand_made_vectors_through_client_and_service(client):
    vectors = list(released_vectors())
    items = [Item(completions=[completion], ground_truth=truth) for _, completion, truth, _, _ in vectors]
    verdicts = verdicts_of(await client.score(items, reward="tool_n1/released@1"))
    assert [(verdict.score, verdict.reason == "released_raises") for verdict in verdicts] == [
        (score, raises) for _, _, _, score, raises in vectors
    ]


async def test_every_task_scores_1_on_its_own_ground_truth_unless_that_breaks_its_schema(client):
    tasks = list(conformance_tasks().values())
    items = [
        Item(
            completions=[write_completion(task["ground_truth"])], ground_truth=task["ground_truth"], tools=task["tools"]
        )
        for task in tasks
    ]
    verdicts = verdicts_of(await client.score(items))
    assert [verdict.score for verdict in verdicts] == [1.0 if task["ground_truth_valid"] else None for task in tasks]


@pytest.mark.parametrize("size", [1, 7, 1024])
async def test_verdicts_are_the_same_for_any_batch_size_and_order(client, size):
    rows = conformance_rows("tool_n1.jsonl.gz")[:: 6 if size > 1 else 40]
    shuffled = random.Random(size).sample(rows, len(rows))
    verdicts = {}
    for start in range(0, len(shuffled), size):
        result = await client.score([item_of_row(row) for row in shuffled[start : start + size]])
        verdicts |= {item.id: item.verdicts[0].score for item in result.items}
    assert verdicts == {row["id"]: row["hardened"] for row in rows}


async def test_8192_completions_go_through_one_call(client):
    """64 groups of 128, cut into requests of 1,024: every verdict is at its place."""
    right, wrong = "<think>t</think>No.", "No."
    completions = [right if number % 3 else wrong for number in range(128)]
    result = await client.score(
        [Item(completions=completions, ground_truth=[], id=str(number)) for number in range(64)]
    )
    assert len(result.request_ids) == 8
    assert [item.id for item in result.items] == [str(number) for number in range(64)]
    scores = [1.0 if number % 3 else 0.0 for number in range(128)]
    assert [[verdict.score for verdict in item.verdicts] for item in result.items] == [scores] * 64


async def test_one_item_of_8192_completions_comes_back_whole(client):
    completions = ["<think>t</think>No." if number % 5 else "No." for number in range(8192)]
    [item] = (await client.score([Item(completions=completions, ground_truth=[])])).items
    assert [verdict.score for verdict in item.verdicts] == [1.0 if number % 5 else 0.0 for number in range(8192)]


async def test_explained_verdicts_arrive_with_their_detail(client):
    item = Item(
        completions=['<think>t</think><tool_call>{"name": "f", "arguments": {"a": 2}}</tool_call>'],
        ground_truth=[{"name": "f", "arguments": {"a": 1}}],
    )
    [verdict] = verdicts_of(await client.score([item], explain=True))
    assert (verdict.detail.stage, verdict.detail.pointer) == ("match", "/arguments/a")
    assert (verdict.detail.expected, verdict.detail.got) == ("1", "2")


async def test_the_prefix_of_the_template_is_passed_on(client):
    item = Item(completions=["t</think>No."], ground_truth=[])
    assert verdicts_of(await client.score([item], assistant_prefix="<think>"))[0].score == 1.0


async def test_lone_surrogates_travel(client):
    completion = '<think>\ud800</think><tool_call>[{"name": "f", "arguments": {}}]</tool_call>'
    item = Item(completions=[completion], ground_truth=[{"name": "f", "arguments": {}}])
    assert verdicts_of(await client.score([item]))[0].score == 1.0


async def test_an_unknown_reward_is_the_callers_error(client):
    with pytest.raises(UnknownReward, match="tool_n1/hardened@1"):
        await client.score([], reward="tool_n1/nothing")


async def test_a_message_for_a_reward_that_judges_text_is_the_callers_error(client):
    item = Item(completions=[{"content": "x"}], ground_truth=[])
    with pytest.raises(RequestRejected) as refused:
        await client.score([item], reward="tool_n1/released@1")
    assert refused.value.code == "unsupported_completion"


async def test_the_catalogue_arrives_as_the_service_shows_it(client):
    catalogue = await client.rewards()
    assert catalogue.default == "tool_n1/hardened@1"
    assert [reward.id for reward in catalogue.rewards] == list(CATALOGUE)
    assert [reward.digest for reward in catalogue.rewards] == [reward.digest for reward in CATALOGUE.values()]


async def test_a_started_service_is_ready(client):
    await client.wait_until_ready(deadline_s=5)


def test_the_sync_client_gets_the_same_verdicts():
    transport = httpx.ASGITransport(create_app(Settings()))
    with Client("http://service", transport=transport) as client:
        result = client.score([item_of(case) for case in cases_of("tool_n1/hardened@1")[:20]])
    assert [verdict.score for verdict in verdicts_of(result)] == [
        case["score"] for case in cases_of("tool_n1/hardened@1")[:20]
    ]


def test_the_distributions_do_not_import_one_another():
    """They meet only at the wire."""
    forbidden = {"service": ("goodcall_client", "goodcall_trainer"), "client": ("goodcall.", "goodcall_trainer")}
    forbidden["trainer"] = ("import goodcall\n", "from goodcall ", "from goodcall.", "import goodcall.")
    for distribution, names in forbidden.items():
        for source in (REPOSITORY / distribution / "src").rglob("*.py"):
            text = source.read_text(encoding="utf-8")
            imports = [line for line in text.splitlines(keepends=True) if line.startswith(("import ", "from "))]
            assert not [line for line in imports for name in names if name in line], source


def test_what_the_client_sends_is_valid_under_the_contract():
    contract = yaml.safe_load((REPOSITORY / "openapi.yaml").read_text(encoding="utf-8"))
    schema = {"$ref": "#/components/schemas/ScoreRequest", "components": contract["components"]}
    items = tuple(item_of(case) for case in cases_of("tool_n1/hardened@1"))
    for request in plan(items, limit=50, reward="tool_n1/hardened", assistant_prefix="<think>", explain=True):
        jsonschema.validate(json.loads(request.body), schema)

"""What the service makes of tools and ground truth that travel as the texts they are."""

import json

import httpx
import pytest

from goodcall.web.app import create_app
from goodcall.web.settings import Settings
from goodcall_client import AsyncClient, Item, JSONText, RequestRejected
from suites import golden_cases


@pytest.fixture
async def client():
    app = create_app(Settings())
    async with app.router.lifespan_context(app), AsyncClient("http://service", transport=httpx.ASGITransport(app)) as c:
        yield c


@pytest.mark.parametrize("indent", [None, 2])
async def test_items_of_texts_get_the_verdicts_of_items_of_values(client, indent):
    cases = [case for case in golden_cases("tool_n1/hardened@1") if isinstance(case.get("tools"), list)]
    values = [
        Item(completions=[case["completion"]], ground_truth=case.get("ground_truth"), tools=case["tools"])
        for case in cases
    ]
    texts = [
        Item(
            completions=item.completions,
            ground_truth=JSONText(json.dumps(item.ground_truth, indent=indent)),
            tools=JSONText(json.dumps(item.tools, indent=indent)),
        )
        for item in values
    ]
    of_texts, of_values = await client.score(texts, explain=True), await client.score(values, explain=True)
    assert of_texts.items == of_values.items
    assert len(cases) > 50


async def test_toolrl_takes_a_string_as_its_answer_and_a_text_of_one(client):
    answer = "<think>t</think>\n<response>No.</response>"
    item = Item(completions=[answer], ground_truth=answer)
    text = Item(completions=[answer], ground_truth=JSONText(json.dumps(answer)))
    plain, raw = (await client.score([item, text], reward="toolrl/default@1")).items
    assert plain.verdicts == raw.verdicts
    assert plain.verdicts[0].score is not None


@pytest.mark.parametrize(
    "text", ["", " ", "[", "[]]", "{'name': 'f'}", "[NaN]", "nul", "[] []", '["\n"]', "\ufeff[]"], ids=ascii
)
@pytest.mark.parametrize("field", ["tools", "ground_truth"])
async def test_a_text_that_is_no_json_is_refused_with_the_whole_request(client, field, text):
    good = Item(completions=["x"], ground_truth=[], tools=[])
    fields = {"completions": ["x"], "ground_truth": [], field: JSONText(text)}
    with pytest.raises(RequestRejected) as refused:
        await client.score([good, Item(**fields)])
    assert (refused.value.status, refused.value.code) == (400, "invalid_json")

"""An answer is exactly right or it is refused; no score is taken from half an answer."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from goodcall_client import Detail, InvalidResponse, Item, RewardCatalogue, RewardInfo, Verdict
from goodcall_client._answer import read_answer
from goodcall_client._request import ScoreRequest, plan
from goodcall_client._retry import AnswerUnusable

ITEMS = [
    Item(id="a", completions=["one", "two"], ground_truth=[]),
    Item(completions=["three"], ground_truth=[]),
    Item(id="c", completions=[], ground_truth=[]),
]

Change = Callable[[Any], Any]


def first(name: str, value: Any) -> Change:
    """Sets a field of the first verdict."""
    return lambda answer: answer["items"][0]["verdicts"][0].update({name: value})


def without(name: str) -> Change:
    return lambda answer: answer["items"][0]["verdicts"][0].pop(name) and None


def top(name: str, value: Any) -> Change:
    return lambda answer: answer.update({name: value})


UNUSABLE_JSON: dict[str, Change] = {
    "a list": lambda _: [],
    "a string": lambda _: "",
    "reward missing": lambda answer: answer.pop("reward") and None,
    "reward empty": top("reward", ""),
    "another reward": top("reward", "test/other@1"),
    "another version": top("reward", "test/asked@10"),
    "digest missing": lambda answer: answer.pop("digest") and None,
    "digest a number": top("digest", 1),
    "request_id missing": lambda answer: answer.pop("request_id") and None,
    "items missing": lambda answer: answer.pop("items") and None,
    "items an object": top("items", {}),
    "items short": lambda answer: answer["items"].pop() and None,
    "items long": lambda answer: answer["items"].append(answer["items"][0]),
    "items reordered": lambda answer: answer["items"].reverse(),
    "item null": lambda answer: answer["items"].__setitem__(0, None),
    "id changed": lambda answer: answer["items"][0].update(id="b"),
    "id dropped": lambda answer: answer["items"][0].pop("id") and None,
    "id invented": lambda answer: answer["items"][1].update(id="b"),
    "verdicts missing": lambda answer: answer["items"][0].pop("verdicts") and None,
    "verdicts short": lambda answer: answer["items"][0]["verdicts"].pop() and None,
    "verdicts long": lambda answer: answer["items"][0]["verdicts"].append({"score": 1.0, "reason": "ok"}),
    "verdicts for nothing": lambda answer: answer["items"][2]["verdicts"].append({"score": 1.0, "reason": "ok"}),
    "verdict a number": lambda answer: answer["items"][0]["verdicts"].__setitem__(0, 1.0),
    "score missing": lambda answer: answer["items"][0]["verdicts"].__setitem__(0, {"reason": "ok"}),
    "score NaN": first("score", float("nan")),
    "score Infinity": first("score", float("inf")),
    "score -Infinity": first("score", float("-inf")),
    "score true": first("score", True),
    "score a string": first("score", "1.0"),
    "score a list": first("score", [1.0]),
    "score beyond doubles": first("score", 10**400),
    "reason missing": without("reason"),
    "reason empty": first("reason", ""),
    "reason null": first("reason", None),
    "reason of the client's own": first("reason", "service_unavailable"),
    "detail a string": first("detail", "no"),
    "detail without stage": first("detail", {"hint": "h"}),
    "detail without hint": first("detail", {"stage": "form"}),
    "detail with pointer 1": first("detail", {"stage": "form", "hint": "h", "pointer": 1}),
    "detail with offset true": first("detail", {"stage": "form", "hint": "h", "offset": True}),
    "detail with offset 1.5": first("detail", {"stage": "form", "hint": "h", "offset": 1.5}),
    "NaN in what is not read": top("extra", float("nan")),
}

UNUSABLE_BYTES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "cut off": lambda right: right[:-7],
    "two answers": lambda right: right + right,
    "a web page": lambda _: b"<html>It works!</html>",
    "UTF-16": lambda right: right.decode().encode("utf-16"),
    "a byte order mark": lambda right: b"\xef\xbb\xbf" + right,
    "not UTF-8": lambda right: right.replace(b"because", b"\xff"),
    "score 1e999": lambda right: right.replace(b'"score": ', b'"score": 1e999, "was": ', 1),
    "an integer of 5,000 digits": lambda right: right.replace(b'"score": ', b'"score": ' + b"9" * 5000, 1),
    "nested 100,000 deep": lambda _: b"[" * 100_000,
}


def faults_of(faults: Any) -> dict[str, Any]:
    return {
        **{name: faults.json(change) for name, change in UNUSABLE_JSON.items()},
        **{name: faults.body(change) for name, change in UNUSABLE_BYTES.items()},
        "text/html": faults.body(bytes, media="text/html"),
        "application/problem+json": faults.body(bytes, media="application/problem+json"),
        "status 202": faults.body(bytes, status=202),
        "status 204": faults.status(204),
        "status 206": faults.body(bytes, status=206),
    }


def refused(body: bytes, request: ScoreRequest) -> bool:
    try:
        read_answer(body, request)
    except AnswerUnusable:
        return True
    return False


def test_an_answer_cut_off_at_any_byte_is_refused() -> None:
    [request] = plan(ITEMS, limit=10, reward=None, assistant_prefix="", explain=False)
    verdict = {"score": -12.5, "reason": "because", "detail": {"stage": "form", "hint": "é", "offset": 10}}
    items = [{"id": part.id, "verdicts": [verdict] * part.count} for part in request.parts]
    answer = {"reward": "test/default@1", "digest": "sha256:0", "request_id": "r", "items": items}
    right = json.dumps(answer, ensure_ascii=False).encode()
    assert not refused(right, request)
    assert all(refused(right[:length], request) for length in range(len(right)))


NAMES = [*UNUSABLE_JSON, *UNUSABLE_BYTES]
NAMES += ["text/html", "application/problem+json", "status 202", "status 204", "status 206"]


@pytest.mark.parametrize("name", NAMES)
def test_an_unusable_answer_is_asked_for_again(
    name: str, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults_of(faults)[name]])
        async with connect(service) as client, connect(fake_service()) as faultless:
            got = await client.score(ITEMS, reward="test/asked@1")
            assert got == await faultless.score(ITEMS, reward="test/asked@1")
        assert len(service.requests) == 2

    in_virtual_time(main())


@pytest.mark.parametrize("name", NAMES)
def test_an_unusable_answer_that_stays_raises_and_is_never_a_score(
    name: str, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        service = fake_service([faults_of(faults)[name]] * 1000)
        async with connect(service, deadline_s=20) as client:
            with pytest.raises(InvalidResponse) as caught:
                await client.score(ITEMS, reward="test/asked@1")
        assert caught.value.attempts == len(service.requests) > 2
        assert caught.value.elapsed_s <= 20
        assert caught.value.url == "http://service.test/score"

    in_virtual_time(main())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("items short", "/items has 2 entries, 3 are wanted"),
        ("verdicts long", "/items/0/verdicts has 3 entries, 2 are wanted"),
        ("score NaN", "NaN is no JSON number"),
        ("score true", "/items/0/verdicts/0/score is not a finite number"),
        ("items reordered", "/items/0/id is not the id that was sent"),
        ("another version", "/reward is 'test/asked@10', 'test/asked@1' was asked for"),
        ("text/html", "content type text/html; 200 with application/json is wanted"),
    ],
)
def test_the_error_says_what_is_wrong_and_where(
    name: str, words: str, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        async with connect(fake_service([faults_of(faults)[name]] * 99), deadline_s=1) as client:
            with pytest.raises(InvalidResponse) as caught:
                await client.score(ITEMS, reward="test/asked@1")
        assert words in caught.value.problem
        assert words in str(caught.value)

    in_virtual_time(main())


async def test_unknown_fields_of_the_answer_are_passed_over(fake_service: Any, faults: Any, connect: Any) -> None:
    def grow(answer: Any) -> None:
        answer["new"] = {"deep": [1]}
        answer["items"][0]["new"] = 1
        answer["items"][0]["verdicts"][0]["new"] = None
        answer["items"][0]["verdicts"][1]["detail"] = {"stage": "form", "hint": "", "new": 1}

    async with connect(fake_service([faults.json(grow)])) as client:
        result = await client.score(ITEMS)
    assert result.items[0].verdicts[1].detail == Detail(stage="form", hint="")


async def test_the_media_type_may_have_parameters_and_any_case(fake_service: Any, faults: Any, connect: Any) -> None:
    service = fake_service([faults.body(bytes, media="Application/JSON; charset=utf-8")])
    async with connect(service) as client:
        await client.score(ITEMS)
    assert len(service.requests) == 1


async def test_scores_are_floats_or_none_and_nothing_else(fake_service: Any, faults: Any, connect: Any) -> None:
    def scores(answer: Any) -> None:
        answer["items"][0]["verdicts"] = [{"score": 1, "reason": "ok"}, {"score": None, "reason": "bad_task"}]

    async with connect(fake_service([faults.json(scores)])) as client:
        result = await client.score(ITEMS)
    assert result.items[0].verdicts == (
        Verdict(score=1.0, reason="ok"),
        Verdict(score=None, reason="bad_task"),
    )
    assert type(result.scores[0]) is float
    assert result.scores[:2] == (1.0, None)


@pytest.mark.parametrize(
    "second",
    [
        {"score": True, "reason": "ok"},
        {"score": "1.0", "reason": "ok"},
        {"score": 1.0, "reason": True},
        {"score": 1.0, "reason": "ok", "detail": False},
        {"score": 1.0, "reason": "ok", "detail": []},
        {"reason": "ok"},
        ["score", "reason"],
    ],
    ids=str,
)
async def test_what_only_resembles_a_verdict_met_before_is_no_verdict(
    second: Any, fake_service: Any, faults: Any, connect: Any, no_jitter: Any
) -> None:
    def answers(answer: Any) -> None:
        answer["items"][0]["verdicts"] = [{"score": 1.0, "reason": "ok"}, second]

    service = fake_service([faults.json(answers)])
    async with connect(service, _rng=no_jitter) as client:
        await client.score(ITEMS)
    assert len(service.requests) == 2


async def test_every_verdict_is_its_own_however_alike_they_are(fake_service: Any, faults: Any, connect: Any) -> None:
    detail = {"stage": "match", "hint": "h", "offset": 1}
    verdicts = [
        {"score": 1, "reason": "ok"},
        {"score": 1.0, "reason": "ok"},
        {"score": 1.0, "reason": "ok", "detail": None},
        {"score": 1.0, "reason": "ok", "detail": detail},
        {"score": 1.0, "reason": "ok", "detail": {**detail, "offset": 2}},
        {"score": 1.0, "reason": "no"},
        {"score": 0.0, "reason": "ok"},
        {"score": -0.0, "reason": "ok"},
        {"score": None, "reason": "ok"},
    ]
    item = Item(completions=["x"] * len(verdicts), ground_truth=[])
    service = fake_service([faults.json(lambda answer: answer["items"][0].update(verdicts=verdicts))])
    async with connect(service) as client:
        result = await client.score([item])
    details = [verdict.detail for verdict in result.items[0].verdicts]
    assert repr(result.scores) == "(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, None)"
    assert [verdict.reason for verdict in result.items[0].verdicts] == ["ok"] * 5 + ["no"] + ["ok"] * 3
    assert [found and found.offset for found in details] == [None] * 3 + [1, 2] + [None] * 4


async def test_explain_is_asked_for_and_its_detail_read(fake_service: Any, faults: Any, connect: Any) -> None:
    detail = {
        "stage": "match",
        "pointer": "/0/arguments/city",
        "offset": 31,
        "expected": "Oslo",
        "got": {"any": ["JSON", None]},
        "hint": "The city is another one.",
    }
    service = fake_service([faults.json(first("detail", detail))])
    async with connect(service) as client:
        result = await client.score(ITEMS, explain=True)
    assert service.requests[0]["explain"] is True
    assert result.items[0].verdicts[0].detail == Detail(**detail)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "answered"), [("test/asked", "test/asked@3"), ("test/asked@3", "test/asked@3"), (None, "any/one@1")]
)
async def test_the_newest_version_of_the_reward_asked_for_is_taken(
    asked: str | None, answered: str, fake_service: Any, faults: Any, connect: Any
) -> None:
    async with connect(fake_service([faults.json(top("reward", answered))])) as client:
        assert (await client.score(ITEMS, reward=asked)).reward == answered


async def test_the_catalogue_lists_rewards_and_the_default(fake_service: Any, connect: Any) -> None:
    async with connect(fake_service()) as client:
        catalogue = await client.rewards()
    entry = RewardInfo(
        id="test/default@1",
        digest="sha256:0123",
        summary="For tests.",
        range=(-2.5, 4.0),
        needs=("ground_truth",),
        source="here",
    )
    assert catalogue == RewardCatalogue(default="test/default@1", rewards=(entry,))


@pytest.mark.parametrize(
    ("name", "value"),
    [("range", [0]), ("range", [0, None]), ("needs", [1]), ("needs", "tools"), ("id", ""), ("summary", None)],
)
def test_a_malformed_catalogue_is_refused(
    name: str, value: Any, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    def spoil(right: bytes) -> bytes:
        catalogue = json.loads(right)
        catalogue["rewards"][0][name] = value
        return json.dumps(catalogue).encode()

    async def main() -> None:
        async with connect(fake_service([faults.body(spoil)] * 99)) as client:
            with pytest.raises(InvalidResponse, match=f"/rewards/0/{name}"):
                await client.rewards(deadline_s=2)

    in_virtual_time(main())

"""The tree of errors: as drawn, as worded, as pickled; and what becomes of a refusal."""

import pickle
import re
from typing import Any

import pytest

import goodcall_client
from goodcall_client import (
    AsyncClient,
    AuthenticationFailed,
    GoodcallError,
    InvalidItem,
    InvalidResponse,
    Item,
    RequestRejected,
    RewardChanged,
    ServiceUnavailable,
    UnknownReward,
    _errors,
)

URL = "http://service.test/score"
ITEMS = [Item(completions=["a", "b", "c", "d", "e"], ground_truth=[]), Item(completions=["f"], ground_truth=[])]

ERRORS: list[GoodcallError] = [
    InvalidItem(3, "ground_truth", "Out of range float values are not JSON compliant"),
    RequestRejected(URL, 422, "invalid_request", "/items/3/tools", "tools must be a list.", "req-1"),
    AuthenticationFailed(URL, 401, "unauthorized", None, "no key was sent", None),
    UnknownReward(URL, 404, "unknown_reward", "/reward", "there is no tool_n1/hardend", "req-1"),
    ServiceUnavailable(URL, 7, 118.31, 120.0, "ConnectError: All connection attempts failed"),
    InvalidResponse(URL, 1, 0.5, 120.0, "/items/0/verdicts has 7 entries, 8 are wanted"),
    RewardChanged(URL, (("a/b@1", "sha256:0"), ("a/b@2", "sha256:1"))),
]


def leaves(base: type[GoodcallError]) -> list[type[GoodcallError]]:
    return [base, *(leaf for kind in base.__subclasses__() for leaf in leaves(kind))]


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = [
        (len(branch) // 4, name)
        for branch, name in re.findall(r"^    ([│├└─ ]*)([A-Z]\w+)", _errors.__doc__ or "", re.MULTILINE)
    ]
    real = [(len(kind.__mro__) - len(GoodcallError.__mro__), kind.__name__) for kind in leaves(GoodcallError)]
    real = [(depth - (name == "InvalidItem"), name) for depth, name in real]  # also a ValueError
    assert drawn == real


def test_every_error_is_public_and_documented() -> None:
    for kind in leaves(GoodcallError):
        assert getattr(goodcall_client, kind.__name__) is kind
        assert kind.__doc__


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_survives_pickling(error: GoodcallError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is type(error)
    assert (again.args, vars(again), str(again)) == (error.args, vars(error), str(error))


MESSAGES = [
    (
        "items[3].ground_truth cannot be sent as JSON: Out of range float values are not JSON compliant. "
        "Nothing was sent."
    ),
    (
        "http://service.test/score refused the request: 422 invalid_request at /items/3/tools: "
        "tools must be a list (request req-1)."
    ),
    "http://service.test/score refused the request: 401 unauthorized: no key was sent. Check api_key.",
    (
        "http://service.test/score refused the request: 404 unknown_reward at /reward: "
        "there is no tool_n1/hardend (request req-1). GET /rewards lists what it has."
    ),
    (
        "No answer from http://service.test/score: gave up after 7 attempts in 118.3 s (deadline 120 s). "
        "The last: ConnectError: All connection attempts failed. Is the service up, and is base_url right?"
    ),
    (
        "Unusable answer from http://service.test/score: gave up after 1 attempt in 0.5 s (deadline 120 s). "
        "The last: /items/0/verdicts has 7 entries, 8 are wanted. Does base_url lead to a Goodcall service?"
    ),
    (
        "http://service.test/score scored one call with different rewards: a/b@1 (sha256:0) and "
        "a/b@2 (sha256:1). No score was taken. Call again when the roll-out of the service is over."
    ),
]


@pytest.mark.parametrize(
    ("error", "message"),
    list(zip(ERRORS, MESSAGES, strict=True)),
    ids=[type(error).__name__ for error in ERRORS],
)
def test_a_message_says_what_where_and_what_to_do(error: GoodcallError, message: str) -> None:
    assert str(error) == message


async def test_a_problem_document_becomes_the_fields_of_the_error(fake_service: Any, faults: Any, connect: Any) -> None:
    problem = {
        "type": "about:blank",
        "title": "Invalid request",
        "status": 422,
        "detail": "A tool needs a name.",
        "code": "invalid_request",
        "pointer": "/items/0/tools/0",
        "request_id": "req-9",
    }
    async with connect(fake_service([faults.status(422, problem)])) as client:
        with pytest.raises(RequestRejected) as caught:
            await client.score(ITEMS)
    error = caught.value
    assert (error.url, error.status, error.code) == (URL, 422, "invalid_request")
    assert (error.pointer, error.detail) == ("/items/0/tools/0", "A tool needs a name.")
    assert error.request_id == "req-9"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, None, AuthenticationFailed),
        (403, "forbidden", AuthenticationFailed),
        (404, "unknown_reward", UnknownReward),
        (422, "unknown_reward", UnknownReward),
        (404, None, RequestRejected),
        (400, "invalid_json", RequestRejected),
    ],
)
async def test_refusals_that_callers_tell_apart_have_a_class(
    status: int, code: str | None, kind: type[RequestRejected], fake_service: Any, faults: Any, connect: Any
) -> None:
    async with connect(fake_service([faults.status(status, {"code": code})])) as client:
        with pytest.raises(RequestRejected) as caught:
            await client.score(ITEMS)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>404 Not Found</h1></html>",
        b"\xff\xfe",
        b"[]",
        b'"problem"',
        b"[" * 100_000,
        b'{"code": 7, "detail": ["x"], "pointer": null, "request_id": {}}',
        b'{"code": "", "detail": "", "title": ""}',
        b'{"code": NaN}',
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("status", [404, 502])
def test_an_error_page_of_anything_breaks_nothing(
    body: bytes, status: int, fake_service: Any, faults: Any, connect: Any, in_virtual_time: Any
) -> None:
    async def main() -> None:
        headers = {"x-request-id": "from-the-header"}
        service = fake_service([faults.status(status, body, headers)] * 1000)
        async with connect(service, deadline_s=1) as client:
            with pytest.raises(GoodcallError) as caught:
                await client.score(ITEMS)
        if isinstance(caught.value, RequestRejected):
            assert (caught.value.code, caught.value.pointer) == (None, None)
            assert caught.value.detail == "Not Found"
            assert caught.value.request_id == "from-the-header"
        else:
            assert isinstance(caught.value, ServiceUnavailable)
            assert caught.value.cause == "502: Bad Gateway"

    in_virtual_time(main())


async def test_a_status_without_a_name_and_a_body_still_makes_a_sentence(
    fake_service: Any, faults: Any, connect: Any
) -> None:
    async with connect(fake_service([faults.status(499)])) as client:
        with pytest.raises(RequestRejected, match="499: no reason was given"):
            await client.score(ITEMS)


async def test_a_detail_without_end_is_cut(fake_service: Any, faults: Any, connect: Any) -> None:
    async with connect(fake_service([faults.status(400, {"detail": "x" * 10_000})])) as client:
        with pytest.raises(RequestRejected) as caught:
            await client.score(ITEMS)
    assert len(caught.value.detail) == 1000


@pytest.mark.parametrize(("status", "hint"), [(307, "set base_url to the place"), (413, "lower max_completions")])
async def test_a_refusal_says_what_to_do(status: int, hint: str, fake_service: Any, faults: Any, connect: Any) -> None:
    async with connect(fake_service([faults.status(status)])) as client:
        with pytest.raises(RequestRejected, match=hint):
            await client.score(ITEMS)


@pytest.mark.parametrize(
    ("request_number", "pointer", "wanted"),
    [
        (0, "/items/0/tools", "/items/0/tools"),
        (1, "/items/0", "/items/0"),
        (1, "/items/0/completions/1", "/items/0/completions/3"),
        (2, "/items/0/completions/0/content", "/items/0/completions/4/content"),
        (2, "/items/1/completions/0", "/items/1/completions/0"),
        (2, "/items/1/ground_truth/0", "/items/1/ground_truth/0"),
        (1, "/items/7/tools", "/items/7/tools"),
        (1, "/items/0x", "/items/0x"),
        (1, "/items/\u0660", "/items/\u0660"),
        (1, "/reward", "/reward"),
    ],
)
async def test_a_pointer_leads_into_the_items_of_the_call_and_not_of_the_request(
    request_number: int, pointer: str, wanted: str, fake_service: Any, faults: Any, connect: Any
) -> None:
    """Requests of two completions: 0.0-1, 0.2-3, then 0.4 with item 1."""
    refusal = faults.status(422, {"code": "invalid_request", "pointer": pointer})
    service = fake_service([None] * request_number + [refusal])
    async with connect(service, max_completions_per_request=2, max_in_flight=1) as client:
        with pytest.raises(RequestRejected) as caught:
            await client.score(ITEMS)
    assert caught.value.pointer == wanted


@pytest.mark.parametrize("field", ["reward", "digest"])
async def test_two_versions_of_a_reward_are_never_mixed(
    field: str, fake_service: Any, faults: Any, connect: Any
) -> None:
    upgraded = faults.json(lambda answer: answer.update({field: "test/default@2"}))
    service = fake_service([None, upgraded, None])
    async with connect(service, max_completions_per_request=2, max_in_flight=1) as client:
        with pytest.raises(RewardChanged) as caught:
            await client.score(ITEMS)
    assert len(caught.value.seen) == 2
    assert caught.value.seen[0] == ("test/default@1", "sha256:0123")


async def test_the_api_key_is_sent_and_never_shown(fake_service: Any, faults: Any, connect: Any) -> None:
    key = "s3cr3t-k3y"
    service = fake_service([faults.status(401), faults.status(503, headers={"retry-after": "999"})])
    async with connect(service, api_key=key) as client:
        with pytest.raises(AuthenticationFailed) as refused:
            await client.score(ITEMS)
        with pytest.raises(ServiceUnavailable) as down:
            await client.score(ITEMS)
        assert key not in repr(client)
    assert service.headers[0]["authorization"] == f"Bearer {key}"
    for error in (refused.value, down.value):
        assert key not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize("api_key", ["", "two words", "line\nbreak", "schlüssel", "nul\x00"])
def test_an_api_key_that_no_header_can_carry_is_refused_without_quoting_it(api_key: str) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        AsyncClient("http://127.0.0.1:1", api_key=api_key)
    assert not api_key or api_key not in str(caught.value)

"""Attacks on a running service, one test a kind: what each is answered, and that none hangs, crashes or bloats it.

Others have files of their own: framing, slow callers, overload (``test_admission``), the end (``test_serve``), a
network that spoils answers (``test_faults``), schemas.
"""

import gzip
import json
import sys

import httpx
import pytest

from command_line import TIMEOUT_S
from goodcall.web.keys import key_of
from raw_http import CHUNKED, GET, JSON_HEAD, LINES_HEAD, Caller, exchange, peak_bytes, problem_of
from serving import ask, serving, until, worker_pids

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_BODY_BYTES = 4 << 20
PIECE = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
"""A chunk of a mebibyte."""
HUNDRED_MB = 100 << 20
ITEM = {"ground_truth": [], "completions": ["<think>t</think>No."]}
CANARY = "canary-7f3a"
KEY = f"goodcall_{'b' * 64}"


@pytest.fixture(scope="module", params=["1", "2"])
def service(request):
    with serving("--workers", request.param, GOODCALL_MAX_BODY_BYTES=str(MAX_BODY_BYTES)) as (process, url):
        yield [process.pid, *worker_pids(process)], url


@pytest.fixture(autouse=True)
def unharmed(service):
    """The same processes are there afterwards, serve, and hold nothing."""
    pids, url = service
    before = peak_bytes(pids)
    yield
    for peak, was in zip(peak_bytes(pids), before, strict=True):
        assert peak - was < 16 * MAX_BODY_BYTES
    assert score(url, json.dumps({"items": [ITEM]})).json()["items"][0]["verdicts"] == [{"score": 1.0, "reason": "ok"}]
    # What other workers have in flight is up to a second old.
    until(lambda: {"goodcall_bytes_in_flight 0.0", "goodcall_completions_in_flight 0.0"} <= set(metrics_of(url)))
    assert not [line for line in metrics_of(url) if 'status="500"' in line]


def metrics_of(url):
    return ask(url, "/metrics").text.splitlines()


@pytest.fixture
def url(service):
    return service[1]


def score(url, body, **headers):
    content = body if isinstance(body, bytes) else body.encode()
    headers = {"content-type": "application/json", **headers}
    # There is no certificate to check, and it takes longer to get ready for one than to ask.
    with httpx.Client(trust_env=False, verify=False, timeout=TIMEOUT_S) as client:  # noqa: S501
        return client.post(f"{url}/score", content=content, headers=headers)


def code_of(response):
    assert response.headers["content-type"] == "application/problem+json"
    assert CANARY not in response.text
    return response.status_code, response.json()["code"]


def verdicts(response):
    return [verdict for item in response.json()["items"] for verdict in item["verdicts"]]


def with_length(length, head=JSON_HEAD):
    return head + b"Content-Length: %d\r\n\r\n" % length


class TestT1Oversize:
    """Bodies of a hundred megabytes, and without end."""

    def test_a_body_that_says_how_long_it_is_is_refused_before_it_comes(self, url):
        with Caller(url) as caller:
            caller.send(with_length(HUNDRED_MB))
            assert problem_of(caller.answer()).code == "body_too_large"

    def test_a_caller_that_sends_it_all_first_is_told_too(self, url):
        with Caller(url) as caller:
            caller.send(with_length(HUNDRED_MB), bytes(HUNDRED_MB))
            answer = caller.answer()
            assert problem_of(answer).code == "body_too_large"
            assert len(answer.body) < 1000
            caller.send(GET)
            assert caller.answer().status == 200

    def test_chunks_without_end_are_refused_at_the_limit(self, url):
        with Caller(url) as caller:
            caller.send(JSON_HEAD + CHUNKED, *[PIECE] * 100)
            assert problem_of(caller.answer()).code == "body_too_large"

    def test_a_line_without_end_is_refused_in_its_place_and_the_next_is_scored(self, url):
        line = json.dumps(ITEM).encode()
        with Caller(url) as caller:
            caller.send(LINES_HEAD + CHUNKED, *[PIECE.replace(b" ", b"a")] * 20)
            caller.send(b"%x\r\n\n%b\r\n0\r\n\r\n" % (len(line) + 1, line))
            first, second = [json.loads(answer) for answer in caller.answer().body.splitlines()]
        assert first["problem"]["code"] == "body_too_large"
        assert second["verdicts"] == [{"score": 1.0, "reason": "ok"}]


class TestT2CompressionBombs:
    """A few kilobytes that hold fifty megabytes."""

    @pytest.mark.parametrize("coding", ["gzip", "zstd"])
    def test_a_bomb_is_refused_at_the_limit(self, url, coding):
        compress = {"gzip": gzip.compress, "zstd": zstd.compress}[coding]
        bomb = compress(b" " * (50 << 20))
        assert code_of(score(url, bomb, **{"content-encoding": coding})) == (413, "body_too_large")
        assert code_of(score(url, bomb * 50, **{"content-encoding": coding})) == (413, "body_too_large")

    def test_a_bomb_in_a_bomb_is_inflated_once(self, url):
        bomb = gzip.compress(gzip.compress(b" " * (50 << 20)))
        assert code_of(score(url, bomb, **{"content-encoding": "gzip"})) == (400, "invalid_json")
        assert code_of(score(url, bomb, **{"content-encoding": "gzip, gzip"})) == (415, "unsupported_media_type")

    def test_many_members_that_hold_nothing_are_read_to_their_end(self, url):
        empty = gzip.compress(b"") * 10_000
        assert code_of(score(url, empty, **{"content-encoding": "gzip"})) == (400, "invalid_json")


DEEP = "[" * 100_000 + "]" * 100_000


class TestT3DeepNesting:
    """A hundred thousand brackets."""

    @pytest.mark.parametrize(
        "body",
        [
            DEEP,
            f'{{"items": {DEEP}}}',
            f'{{"items": [{{"ground_truth": [], "completions": {DEEP}}}]}}',
            f'{{"items": [{{"ground_truth": [], "completions": [], "context": {{"execution": {DEEP}}}}}]}}',
            f'{{"items": [{{"ground_truth": {DEEP}, "completions": []}}]}}',
        ],
    )
    def test_in_the_request_they_are_refused(self, url, body):
        assert code_of(score(url, body)) in {(400, "invalid_json"), (422, "invalid_request")}

    def test_in_a_context_more_than_64_are_refused(self, url):
        deep = "[" * 65 + "]" * 65
        body = f'{{"items": [{{"ground_truth": [], "completions": [], "context": {{"execution": {deep}}}}}]}}'
        assert code_of(score(url, body)) == (400, "invalid_json")

    def test_in_a_completion_they_cost_its_score(self, url):
        item = {"ground_truth": [{"name": "f", "arguments": {}}], "completions": [call_text(DEEP), "x"]}
        reasons = [verdict["reason"] for verdict in verdicts(score(url, json.dumps({"items": [item]})))]
        assert reasons == ["json_too_deep", "think_missing"]


def call_text(arguments):
    return f'<think>t</think><tool_call>{{"name": "f", "arguments": {{"a": {arguments}}}}}</tool_call>'


ODD_NUMBERS = {
    "9" * 5000: "json_number_too_long",
    "1e999": "json_not_finite",
    "NaN": "json_not_finite",
    "Infinity": "json_not_finite",
    "-Infinity": "json_not_finite",
}


class TestT4T5Numbers:
    """Numbers that are too large for something, and what is none."""

    @pytest.mark.parametrize("number", ODD_NUMBERS)
    @pytest.mark.parametrize("field", ["explain", "items", "reward"])
    def test_in_the_request_they_are_refused(self, url, field, number):
        assert code_of(score(url, f'{{"items": [], "{field}": {number}}}'))[0] in {400, 422}

    @pytest.mark.parametrize("number", [*ODD_NUMBERS, "-1", "0.5"])
    def test_as_the_step_they_are_refused(self, url, number):
        body = f'{{"items": [{{"ground_truth": [], "completions": [], "context": {{"step": {number}}}}}]}}'
        assert code_of(score(url, body))[0] in {400, 422}

    @pytest.mark.parametrize(("number", "reason"), ODD_NUMBERS.items())
    def test_in_a_completion_they_cost_its_score(self, url, number, reason):
        item = {"ground_truth": [{"name": "f", "arguments": {}}], "completions": [call_text(number)]}
        assert [verdict["reason"] for verdict in verdicts(score(url, json.dumps({"items": [item]})))] == [reason]

    def test_integers_beyond_64_bits_are_exact(self, url):
        item = {
            "ground_truth": [{"name": "f", "arguments": {"a": 2**64 + 1}}],
            "completions": [call_text(2**64 + 1), call_text(2**64), call_text("-0")],
        }
        assert [it["score"] for it in verdicts(score(url, json.dumps({"items": [item]})))] == [1.0, 0.0, 0.0]


class TestT6RepeatedKeys:
    """``{"a": 1, "a": 2}``."""

    def test_in_the_request_they_are_refused(self, url):
        assert code_of(score(url, '{"items": [], "items": []}')) == (400, "invalid_json")

    def test_in_a_completion_they_cost_its_score(self, url):
        item = {
            "ground_truth": [{"name": "f", "arguments": {"a": {"b": 2}}}],
            "completions": [call_text('{"b": 1, "b": 2}')],
        }
        assert verdicts(score(url, json.dumps({"items": [item]})))[0]["reason"] == "json_duplicate_key"


_CALLS = '{"items": [{"ground_truth": [], "completions": [{"tool_calls": [{"function": %%}]}]}]}'
ANY_STRING = [
    '{"items": [], "reward": "%s"}',
    '{"items": [], "assistant_prefix": "%s"}',
    '{"items": [], "%s": 1}',
    '{"items": [{"ground_truth": [], "completions": ["x"], "id": "%s"}]}',
    '{"items": [{"ground_truth": [], "completions": ["x"], "assistant_prefix": "%s"}]}',
    '{"items": [{"ground_truth": [], "completions": ["x"], "%s": 1}]}',
    '{"items": [{"ground_truth": [], "completions": ["x"], "context": {"category": "%s"}}]}',
    '{"items": [{"ground_truth": [], "completions": ["x"], "context": {"execution": {"%s": "%s"}}}]}',
    '{"items": [{"ground_truth": [], "completions": ["x"], "context": {"%s": 1}}]}',
    '{"items": [{"ground_truth": "%s", "completions": ["x"]}]}',
    '{"items": [{"ground_truth": [{"name": "%s", "arguments": {"%s": "%s"}}], "completions": ["x"]}]}',
    '{"items": [{"ground_truth": [], "tools": "%s", "completions": ["x"]}]}',
    '{"items": [{"ground_truth": [], "tools": [{"name": "%s", "description": "%s"}], "completions": ["x"]}]}',
    '{"items": [{"ground_truth": [], "tools": [{"name": "f", "parameters": {"%s": "%s"}}], "completions": ["x"]}]}',
    '{"items": [{"ground_truth": [], "completions": ["%s", "x"]}], "explain": true}',
    '{"items": [{"ground_truth": [], "completions": [{"content": "%s", "reasoning_content": "%s"}]}]}',
    '{"items": [{"ground_truth": [], "completions": [{"%s": "%s"}]}]}',
    _CALLS.replace("%%", '{"name": "%s", "arguments": {}}'),
    _CALLS.replace("%%", '{"name": "", "arguments": "%s"}'),
    _CALLS.replace("%%", '{"name": "", "arguments": {"%s": "%s"}}'),
]


class TestT7BadUnicode:
    """Halves of surrogate pairs, and what is no UTF-8."""

    @pytest.mark.parametrize("field", ANY_STRING)
    def test_half_a_surrogate_pair_in_any_field_is_a_verdict_or_a_problem(self, url, field):
        for half in ("\\ud800", "\\uDFFF", "a\\udc00b", "\\udc00\\ud800"):
            response = score(url, field.replace("%s", half))
            assert response.status_code in {200, 400, 422}
            line = json.loads(field.replace("%s", half))["items"]
            if line:
                lines = score(url, json.dumps(line[0]), **{"content-type": "application/x-ndjson"})
                assert lines.status_code == 200

    @pytest.mark.parametrize("field", ANY_STRING)
    @pytest.mark.parametrize("text", [b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b"\x1b[31m", b"\n"])
    def test_bytes_that_stand_in_no_json_string_are_refused_in_any_field_that_is_not_judged(self, url, field, text):
        response = score(url, field.encode().replace(b"%s", text))
        if response.status_code == 200:
            assert not any(verdict["score"] for verdict in verdicts(response))
        else:
            assert code_of(response) == (400, "invalid_json")

    @pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
    def test_another_coding_of_the_body_is_refused(self, url, coding):
        assert code_of(score(url, json.dumps({"items": []}).encode(coding))) == (400, "invalid_json")

    def test_half_a_surrogate_pair_in_a_completion_costs_no_other_its_score(self, url):
        item = {**ITEM, "completions": ["\ud800", *ITEM["completions"]]}
        assert [verdict["score"] for verdict in verdicts(score(url, json.dumps({"items": [item]})))] == [0.0, 1.0]


class TestT14HeadFloodAndSmuggling:
    """In short; ``test_framing`` and ``test_slow_callers`` have the rest."""

    @pytest.mark.parametrize("headers", [b"X: a\r\n" * 1000, b"X: %b\r\n" % (b"a" * 70_000), b"X: a\r\n" * 1_000_000])
    def test_a_flood_of_headers_is_refused(self, url, headers):
        answer, rest = exchange(url, GET[:-2] + headers + b"\r\n")
        assert (problem_of(answer).status, rest) == (431, b"")

    @pytest.mark.parametrize(
        "framing",
        [
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Content-Length: -5\r\n",
        ],
    )
    def test_a_body_with_two_ends_is_refused_at_once(self, url, framing):
        answer, rest = exchange(url, JSON_HEAD + framing + b"\r\n0\r\n\r\n" + GET)
        assert (problem_of(answer).status, rest) == (400, b"")


class TestT18Keys:
    """Keys that are none."""

    def test_without_a_key_in_force_nothing_is_read_and_no_key_is_written_anywhere(self, tmp_path):
        path = tmp_path / "keys"
        path.write_text(f"{key_of(KEY, 'blue').line}\n", encoding="utf-8")
        with serving("--keys-file", str(path)) as (process, url):
            assert score(url, json.dumps({"items": [ITEM]}), authorization=f"Bearer {KEY}").status_code == 200
            for key in ("", KEY[:-1], KEY + "b", KEY.upper(), "x" * 30_000, CANARY):
                with Caller(url) as caller:
                    caller.send(with_length(1000, JSON_HEAD + f"Authorization: Bearer {key}\r\n".encode()))
                    answer = caller.answer()
                assert problem_of(answer).code == "unauthorized"
                assert answer.headers["www-authenticate"].startswith("Bearer ")
            answer, _ = exchange(url, GET[:-2] + b"Authorization: Bearer %b\r\n\r\n" % (b"x" * (1 << 20)))
            assert problem_of(answer).status == 431
            process.terminate()
            output, errors = process.communicate(timeout=TIMEOUT_S)
        assert not any(secret in output + errors for secret in (KEY, CANARY))


INJECTED = f'{CANARY}\n\x1b[31m{{"level": "error"}}'


class TestT20LogInjection:
    """Lines and colours that somebody would like to see in the log."""

    def test_nothing_that_is_sent_is_written(self):
        item = {**ITEM, "id": INJECTED, "completions": [INJECTED, call_text(INJECTED)]}
        with serving() as (process, url):
            assert score(url, json.dumps({"items": [item]})).status_code == 200
            assert score(url, json.dumps({"items": [item], "reward": INJECTED})).status_code == 422
            assert score(url, json.dumps({"items": [{**item, INJECTED: 1}]})).status_code == 422
            assert ask(url, f"/{CANARY}%0a%1b").status_code == 404
            exchange(url, b"%b /%b HTTP/1.1\r\n\r\n" % (CANARY.encode(), CANARY.encode()))
            exchange(url, GET[:-2] + b"X-Request-Id: %b\x1b\r\n\r\n" % CANARY.encode())
            process.terminate()
            output, errors = process.communicate(timeout=TIMEOUT_S)
        assert CANARY not in output + errors
        assert "\x1b" not in output + errors


class TestT25ResponseSplitting:
    """Line ends on their way into the answer's head."""

    def test_a_line_end_in_the_request_id_is_no_header(self, url):
        answer, rest = exchange(url, GET[:-2] + b"X-Request-Id: a\r\nb\r\n\r\n")
        assert (problem_of(answer).status, rest) == (400, b"")
        assert answer.headers["x-request-id"] not in {"a", "b"}

    @pytest.mark.parametrize("request_id", [b"a\nb", b"a\rb", b"a\0b"])
    def test_half_a_line_end_is_none_either(self, url, request_id):
        answer, rest = exchange(url, GET[:-2] + b"X-Request-Id: %b\r\n\r\n" % request_id)
        assert (problem_of(answer).status, rest) == (400, b"")

    @pytest.mark.parametrize("request_id", [b"a%0d%0ab", b"a\tb", b"a b", b"\xff", b"a" * 129, "é".encode(), b""])
    def test_what_is_no_id_is_replaced(self, url, request_id):
        with Caller(url) as caller:
            caller.send(GET[:-2] + b"X-Request-Id: %b\r\n\r\n" % request_id)
            assert len(caller.answer().headers["x-request-id"]) == 32


class TestWhatStockPartsDo:
    """Where the usual framework with its usual server does something else; the kinds above have the rest."""

    def test_no_problem_repeats_what_was_sent(self, url):
        for body in (CANARY, f'{{"items": "{CANARY}"}}', f'{{"items": [], "{CANARY}": 1}}', f'["{CANARY}"]'):
            code_of(score(url, body))

    def test_half_a_surrogate_pair_is_no_failure(self, url):
        assert code_of(score(url, '{"items": "\\ud800"}'))[0] in {400, 422}

    def test_the_page_of_documentation_that_loads_scripts_from_elsewhere_is_not_there(self, url):
        assert [code_of(ask(url, path)) for path in ("/docs", "/redoc")] == [(404, "not_found")] * 2

    def test_probes_are_answered_while_the_service_refuses_what_is_too_much(self, url):
        with Caller(url) as caller:
            caller.send(with_length(HUNDRED_MB))
            for path in ("/livez", "/readyz", "/limits"):
                assert ask(url, path).status_code == 200
            assert problem_of(caller.answer()).status == 413

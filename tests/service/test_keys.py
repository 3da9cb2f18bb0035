"""Keys: who gets in and who does not, and what the file of them may say."""

import contextlib
import json
import logging

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line import TIMEOUT_S, goodcall, goodcall_process
from goodcall.schema_bounds import DEFAULT_BOUNDS
from goodcall.web.app import create_app
from goodcall.web.key_file import KeyFile
from goodcall.web.keys import InvalidKeys, Key, Team, key_of, new_token, parse_keys
from goodcall.web.problems import Problem
from goodcall.web.settings import Settings
from goodcall.web.team_scorers import TeamScorers
from serving import ask, serving, until

# The same in every process, since tests are named for what they are given.
BLUE, RED, PROMETHEUS, NOBODYS = (f"goodcall_{digit * 64}" for digit in "b0f1")
LINES = [key_of(BLUE, "blue", "trainer-1").line, key_of(RED, "red").line, key_of(PROMETHEUS, None).line]
ITEM = {"ground_truth": [], "completions": ["<think>t</think>No.", "No."]}
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - what is tested
OPEN = ["/livez", "/readyz", "/version", "/limits", "/rewards", "/rewards/tool_n1/hardened", "/openapi.json"]


@pytest.fixture
def keys_file(tmp_path):
    path = tmp_path / "keys"
    write(path, *LINES, "team red share=3 max_completions_in_flight=7")
    return path


@pytest.fixture
def settings(keys_file):
    return Settings(keys_file=keys_file)


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def bearer(token):
    return {"authorization": f"Bearer {token}"}


async def score(service, headers):
    return await service.post("/score", json={"items": [ITEM]}, headers=headers)


@pytest.mark.parametrize("headers", [bearer(BLUE), {"authorization": f"bearer  {BLUE} "}, {"x-api-key": BLUE}])
async def test_a_key_opens_by_either_header(service, headers):
    assert (await score(service, headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer(BLUE[:-1]),
        bearer(BLUE + "0"),
        bearer(BLUE.upper()),
        bearer(NOBODYS),
        bearer(BLUE[:-1] + "é"),
        bearer("x" * (1 << 20)),
        bearer(key_of(BLUE, "blue").digest.hex()),
        {"authorization": BLUE},
        {"authorization": f"Basic {BLUE}"},
        {"authorization": f"Bearer {NOBODYS}", "x-api-key": BLUE},
    ],
)
async def test_whoever_shows_no_key_in_force_is_told_how_and_nothing_else(service, headers):
    headers = {name: value.encode("latin-1") for name, value in headers.items()}
    response = await score(service, headers)
    problem = Problem.model_validate_json(response.content)
    assert (problem.status, problem.code) == (401, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="goodcall"'
    assert "goodcall_" not in response.text


async def test_nothing_is_read_of_a_request_without_a_key(settings):
    async def body():
        raise AssertionError("the body was read")
        yield b""

    async with started(settings) as service:
        response = await service.post("/score", content=body(), headers={"content-type": "application/json"})
    assert response.status_code == 401


def started(settings):
    app = create_app(settings)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


@pytest.mark.parametrize("path", OPEN)
async def test_what_shows_nothing_of_anybody_is_open(service, path):
    response = await service.get(path)
    assert response.status_code in {200, 503}


async def test_metrics_tell_of_all_teams_and_are_for_operators(service):
    await score(service, bearer(BLUE))
    for headers, status in (({}, 401), (bearer(BLUE), 403)):
        assert (await service.get("/metrics", headers=headers)).status_code == status
    metrics = (await service.get("/metrics", headers=bearer(PROMETHEUS))).text
    assert 'goodcall_team_requests_total{status="200",team="blue"} 1.0' in metrics
    assert 'goodcall_team_requests_total{status="403",team="blue"}' not in metrics
    assert 'goodcall_team_completions_total{team="blue"} 2.0' in metrics
    assert '"red"' not in metrics
    assert "goodcall_keys_file_unusable 0.0" in metrics


async def test_an_operators_key_scores_nothing(service):
    response = await score(service, bearer(PROMETHEUS))
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


async def test_a_service_without_keys_asks_for_none():
    async with started(Settings()) as service:
        assert (await score(service, bearer("anything"))).status_code == 200
        metrics = (await service.get("/metrics")).text
    assert 'goodcall_team_requests_total{status="200",team="everyone"} 1.0' in metrics


def test_a_file_says_whose_keys_are_whose(keys_file):
    ring = parse_keys(f"# all of them\n\n{keys_file.read_text()}   # and no more")
    assert [(key.team, key.name) for key in ring.keys] == [("blue", "trainer-1"), ("red", ""), (None, "")]
    assert ring.teams == {"blue": Team("blue"), "red": Team("red", 3, 7)}
    assert ring.find(BLUE) == ring.keys[0]
    assert ring.find(new_token()) is None


DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (BLUE, "line 2: it begins neither with sha256: and 64 hexadecimal digits in lower case nor with team"),
        (f"{DIGEST[:-1]} team=a", "line 2: it begins neither"),
        (DIGEST, "line 2: a key has either team=NAME or role=operator"),
        (f"{DIGEST} role=king", "line 2: a key has either"),
        (f"{DIGEST} team=a role=operator", "line 2: a key has either"),
        (f"{DIGEST} team=a team=b", "line 2: after its first part it may have team, role, name, each once"),
        (f"{DIGEST} team=a colour=b", "line 2: after its first part"),
        (f"{DIGEST} team=a canary", "line 2: after its first part"),
        (f"{DIGEST} team=", "line 2: a name has 1 to 64 letters"),
        (f'{DIGEST} team=a name="b"', "line 2: a name has"),
        ("team", "line 2: a name has"),
        ("team a share=0", "line 2: share and max_completions_in_flight are whole numbers from 1 on"),
        ("team a share=1.5", "line 2: share and"),
        ("team a weight=1", "line 2: after its first part it may have share, max_completions_in_flight"),
        (LINES[0], "line 2: an earlier line is about the same key or team"),
        ("team blue\nteam blue", "line 3: an earlier line"),
    ],
)
def test_a_line_that_says_something_else_is_refused_and_not_repeated(line, message):
    with pytest.raises(InvalidKeys) as refused:
        parse_keys(f"{LINES[0]}\n{line}\n")
    assert str(refused.value).startswith(message)
    assert not any(secret in str(refused.value) for secret in (BLUE, "canary", "king", "colour"))


@pytest.mark.parametrize("text", ["", "\n\n", "# soon\n", "team blue share=2\n"])
def test_a_file_without_a_key_is_refused(text):
    with pytest.raises(InvalidKeys, match="there is no key in it"):
        parse_keys(text)


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), names | st.none(), names), unique_by=lambda it: it[0]))
def test_written_keys_are_read_as_they_were(parts):
    keys = [Key(*key) for key in [(bytes(32), "first", ""), *parts] if key[0] != bytes(32) or key[1] == "first"]
    ring = parse_keys("\n".join(key.line for key in keys))
    assert ring.keys == tuple(keys)
    assert ring.teams.keys() == {key.team for key in keys if key.team}


@given(st.text())
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InvalidKeys):
        assert parse_keys(text).keys


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def reports():
    return []


@pytest.fixture
def key_file(keys_file, clock, reports):
    return KeyFile(keys_file, report=reports.append, clock=clock)


def test_a_changed_file_is_in_force_a_second_later(key_file, keys_file, clock, reports):
    write(keys_file, LINES[1])
    clock.now_s = 0.9
    assert key_file.ring().find(BLUE)
    clock.now_s = 1.0
    assert key_file.ring().find(BLUE) is None
    assert key_file.ring().find(RED)
    assert reports == [False]


def test_a_file_that_is_swapped_behind_a_link_is_in_force(tmp_path, clock):
    versions = []
    for number, line in enumerate((LINES[0], LINES[1])):
        versions.append(tmp_path / f"version-{number}")
        versions[-1].mkdir()
        write(versions[-1] / "keys", line)
    link = tmp_path / "current"
    link.symlink_to(versions[0])
    key_file = KeyFile(link / "keys", report=bool, clock=clock)
    other = tmp_path / "next"
    other.symlink_to(versions[1])
    other.replace(link)
    clock.now_s = 1.0
    assert key_file.ring().find(RED)


@pytest.mark.parametrize("content", [b"", b"\xff", b"nonsense", None])
def test_a_file_that_cannot_be_used_leaves_the_old_keys_in_force_and_says_so_once(
    key_file, keys_file, clock, reports, caplog, content
):
    keys_file.unlink()
    if content is not None:
        keys_file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        for clock.now_s in (1.0, 2.0, 3.0):
            assert key_file.ring().find(BLUE)
    [record] = caplog.records
    assert str(keys_file) in record.getMessage()
    write(keys_file, LINES[1])
    clock.now_s = 4.0
    assert key_file.ring().find(BLUE) is None
    assert reports == [True, True, True, False]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_running_service_takes_new_keys_and_drops_old_ones(keys_file, workers):
    def status(token):
        answer = httpx.post(
            f"{url}/score", json={"items": [ITEM]}, headers=bearer(token), trust_env=False, timeout=TIMEOUT_S
        )
        return answer.status_code

    with serving("--workers", workers, "--keys-file", str(keys_file)) as (_, url):
        assert [status(BLUE), status(BLUE)] == [200, 200]
        fresh = goodcall("keys", "create", "green", "--file", keys_file).stdout.strip()
        for _ in range(2 * int(workers)):
            until(lambda: status(fresh) == 200)
        write(keys_file, key_of(fresh, "green").line)
        for _ in range(2 * int(workers)):
            until(lambda: status(BLUE) == 401)
        assert ask(url, "/livez").status_code == 200


def test_a_created_key_is_shown_once_and_kept_as_a_digest(tmp_path):
    path = tmp_path / "keys"
    made = [goodcall("keys", "create", *who, "--file", path) for who in (["blue"], ["--operator", "--name", "prom"])]
    tokens = [result.stdout.strip() for result in made]
    text = path.read_text()
    assert [result.exit_code for result in made] == [0, 0]
    assert all(token.startswith("goodcall_") and len(token) == 73 and token not in text for token in tokens)
    assert [parse_keys(text).find(token).team for token in tokens] == ["blue", None]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_is_added_after_a_last_line_without_an_end(tmp_path):
    path = tmp_path / "keys"
    path.write_text("team blue share=2")
    goodcall("keys", "create", "blue", "--file", path)
    assert parse_keys(path.read_text()).teams == {"blue": Team("blue", share=2)}


def test_a_line_for_a_store_of_secrets_is_printed_and_nothing_written(tmp_path):
    token, line = goodcall("keys", "create", "blue", "--print-line").stdout.splitlines()
    assert parse_keys(line).find(token).team == "blue"
    said = json.loads(goodcall("keys", "create", "blue", "--print-line", "--json").stdout)
    assert parse_keys(said["line"]).find(said["key"])
    assert list(tmp_path.iterdir()) == []


def test_keys_are_listed_by_what_is_kept_of_them(keys_file):
    listed = json.loads(goodcall("keys", "list", "--file", keys_file, "--json").stdout)
    assert [(key["team"], key["role"], key["name"]) for key in listed] == [
        ("blue", "team", "trainer-1"),
        ("red", "team", ""),
        (None, "operator", ""),
    ]
    table = goodcall("keys", "list", "--file", keys_file).stdout
    assert all(key["sha256"][:16] in table for key in listed)
    assert "trainer-1" in table


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["create"], 2, "name the TEAM"),
        (["create", "blue", "--operator"], 2, "name the TEAM"),
        (["create", "a b", "--print-line"], 2, "a name has 1 to 64"),
        (["create", "a", "--name", "é", "--print-line"], 2, "a name has 1 to 64"),
        (["create", "blue"], 2, "--file"),
        (["create", "blue", "--file", "/nowhere/keys"], 3, "can't write /nowhere/keys"),
        (["list", "--file", "/nowhere/keys"], 3, "can't read /nowhere/keys"),
        (["list", "--file", __file__], 2, "is no file of keys: line 1"),
    ],
)
def test_mistakes_with_keys_end_with_a_sentence(arguments, exit_code, message):
    result = goodcall("keys", *arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert message in result.stderr


def test_the_file_of_the_settings_is_taken_when_none_is_named(keys_file):
    result = goodcall_process("keys", "list", "--json", environment={"GOODCALL_KEYS_FILE": str(keys_file)})
    assert len(json.loads(result.stdout)) == 3
    result = goodcall_process("keys", "list", environment={"GOODCALL_KEY_FILE": str(keys_file)})
    assert (result.returncode, b"GOODCALL_KEYS_FILE" in result.stderr) == (2, True)


@pytest.mark.parametrize("host", [ANY_ADDRESS, "::", "192.0.2.1", "example.invalid"])
def test_beyond_loopback_serve_refuses_to_begin_without_keys_and_says_both_ways_out(host):
    result = goodcall("serve", "--host", host)
    assert result.exit_code == 2
    assert "--keys-file" in result.stderr
    assert "--no-auth" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keys-file", "/nowhere/keys"], "No such file"),
        (["--keys-file", __file__], "line 1"),
        (["--keys-file", __file__, "--no-auth"], "leave out one"),
    ],
)
def test_serve_refuses_to_begin_with_keys_that_cannot_be_used(options, message):
    result = goodcall("serve", *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_beyond_loopback_serve_begins_with_keys_or_when_told_that_none_are_needed(keys_file):
    for options in (["--keys-file", str(keys_file)], ["--no-auth"]):
        with serving("--host", ANY_ADDRESS, *options) as (_, url):
            assert ask(url.replace(ANY_ADDRESS, "127.0.0.1"), "/livez").status_code == 200


def test_teams_remember_nothing_together():
    scorers = TeamScorers(max_completion_bytes=1, cache_bytes=1 << 20, bounds=DEFAULT_BOUNDS)
    blue, red = (scorers.of(team, {"blue", "red"}) for team in ("blue", "red"))
    assert blue is not red
    assert scorers.of("blue", {"red", "blue"}) is blue
    assert scorers.of("blue", {"blue"}) is not blue

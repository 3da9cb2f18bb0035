"""Admission and turns: what is let in, what is refused, and who scores next."""

import asyncio
import itertools
import json
import math
from contextlib import ExitStack, closing

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from goodcall.web.admission import ALWAYS_ALLOWED, Admission, Budget
from goodcall.web.app import create_app
from goodcall.web.keys import Team, key_of, new_token
from goodcall.web.limits import Limits
from goodcall.web.metrics import Metrics
from goodcall.web.pace import HALF_LIFE_S, Pace
from goodcall.web.problems import Problem, RequestProblem
from goodcall.web.settings import Settings
from goodcall.web.turns import HEAD_START_S, TURN_S, Turns
from serving import Connection, ask, serving, until

BLUE, RED = Team("blue"), Team("red")
JSON_TYPE = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
TEXT = "<think>t</think>No."


def item(completions):
    return {"ground_truth": [], "completions": [TEXT] * completions}


def limits(**given):
    return Limits.of(Settings(**given))


def problem_of(response):
    problem = Problem.model_validate_json(response.content)
    return problem.status, problem.code, response.headers.get("retry-after")


class TestBudget:
    """The rule of what may be in flight."""

    @pytest.fixture
    def budget(self):
        return Budget(100, 60)

    def test_a_team_alone_may_have_all_and_no_more(self, budget):
        budget.add(BLUE, 100)
        assert budget.refusal(BLUE, 1) == "too_many_in_flight"
        budget.add(BLUE, -1)
        assert budget.refusal(BLUE, 1) is None

    def test_a_team_that_comes_gets_its_share_whatever_another_has(self, budget):
        budget.add(BLUE, 100)
        for _ in range(50):
            assert budget.refusal(RED, 1) is None
            budget.add(RED, 1)
        assert budget.refusal(RED, 1) == "too_many_in_flight"

    def test_a_team_has_its_share_while_another_is_active_and_all_again_after(self, budget):
        budget.add(BLUE, 50)
        budget.add(RED, 1)
        assert budget.refusal(BLUE, 1) == "too_many_in_flight"
        budget.add(RED, -1)
        assert budget.refusal(BLUE, 50) is None

    def test_shares_are_weighted(self, budget):
        heavy = Team("heavy", share=3)
        budget.add(heavy, 75)
        budget.add(RED, 24)
        assert [budget.refusal(team, 1) for team in (heavy, RED)] == ["too_many_in_flight", None]
        budget.add(heavy, -1)
        assert budget.refusal(heavy, 1) is None

    def test_a_bound_of_its_own_holds_for_a_team_alone(self, budget):
        budget.add(BLUE, 7)
        assert budget.refusal(BLUE, 3, 10) is None
        assert budget.refusal(BLUE, 4, 10) == "too_many_in_flight"

    def test_one_request_of_a_team_is_let_in_though_it_is_larger_than_its_share(self, budget):
        assert budget.refusal(BLUE, 1000) is None
        budget.add(BLUE, 60)
        assert budget.refusal(RED, 60, 10) is None

    def test_nobody_is_let_in_beyond_twice_the_limit(self, budget):
        for number in range(4):
            budget.add(Team(str(number)), 50)
        assert budget.refusal(RED, 1) == "service_full"

    @given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60), st.booleans())))
    def test_what_is_in_flight_stays_below_twice_the_limit_and_nobody_waits_for_ever(self, steps):
        budget, held = Budget(100, 60), [[] for _ in range(5)]
        for number, amount, leaves in steps:
            team = Team(str(number))
            if leaves and held[number]:
                budget.add(team, -held[number].pop())
            elif budget.refusal(team, amount) is None:
                budget.add(team, amount)
                held[number].append(amount)
            assert budget.total == sum(map(sum, held)) <= 200
            if budget.total <= 100 and not sum(held[number]):
                assert budget.refusal(team, 60) is None


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


async def take_turns(requests, clock=None):
    """The order in which requests, each a team and its turns, get their turns of a second."""
    clock = clock or Clock()
    turns, order = Turns(clock), []

    async def request(name, place, count):
        for _ in range(count):
            await place.take_turn()
            order.append(name)
            clock.now_s += 1
        place.leave()

    await asyncio.gather(*[request(name, turns.line_up(team), count) for name, team, count in requests])
    return "".join(order)


async def test_turns_go_round_over_teams_and_to_the_first_come_within_one():
    order = await take_turns([("a", BLUE, 3), ("b", BLUE, 3), ("c", BLUE, 3), ("x", RED, 2), ("y", RED, 2)])
    assert order == "axaxaybybbccc"


async def test_a_team_with_a_larger_share_has_more_turns():
    order = await take_turns([("a", Team("heavy", share=2), 8), ("b", RED, 4)])
    assert (order[:6].count("a"), order[:6].count("b")) == (4, 2)


async def test_turns_are_reckoned_by_the_time_that_they_took():
    clock = Clock()
    turns, order = Turns(clock), []

    async def request(name, team, seconds):
        place = turns.line_up(team)
        for _ in range(6):
            await place.take_turn()
            order.append(name)
            clock.now_s += seconds
        place.leave()

    await asyncio.gather(request("a", BLUE, 3.0), request("b", RED, 1.0))
    assert order.index("b") < 2
    assert "".join(order)[:8].count("b") == 6


async def test_a_team_that_was_away_does_not_save_up_turns():
    clock = Clock()
    turns, order = Turns(clock), []

    async def request(name, place, count):
        for _ in range(count):
            await place.take_turn()
            order.append(name)
            clock.now_s += 1
            if order == ["a"] * 10:
                late.append(asyncio.create_task(request("b", turns.line_up(RED), 5)))
        place.leave()

    late = []
    await request("a", turns.line_up(BLUE), 20)
    await asyncio.gather(*late)
    assert "".join(order)[10:20].count("b") == 5
    assert "bbb" not in "".join(order)


async def test_a_team_that_was_away_has_a_small_head_start():
    clock = Clock()
    turns, order = Turns(clock), []

    async def request(name, place, count):
        for _ in range(count):
            await place.take_turn()
            order.append(name)
            clock.now_s += HEAD_START_S / 10
        place.leave()

    await request("a", turns.line_up(BLUE), 100)
    await asyncio.gather(request("a", turns.line_up(BLUE), 20), request("b", turns.line_up(RED), 20))
    assert "".join(order)[100:110].count("b") >= 8
    assert "".join(order)[110:130].count("a") >= 8


async def test_a_turn_ends_after_its_time():
    clock = Clock()
    turns = Turns(clock)
    place, other = turns.line_up(BLUE), turns.line_up(RED)
    waiting = asyncio.create_task(other.take_turn())
    await place.take_turn()
    clock.now_s += TURN_S * 0.9
    assert place.has_turn
    await place.take_turn()
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.now_s += TURN_S * 0.2
    assert not place.has_turn
    after = asyncio.create_task(place.take_turn())
    await waiting
    assert other.has_turn
    assert not after.done()
    clock.now_s += 1
    other.leave()
    assert not other.has_turn
    await after
    place.leave()


async def test_the_loop_turns_between_two_turns_of_a_request_alone():
    clock = Clock()
    place, ticks = Turns(clock).line_up(BLUE), itertools.count()

    async def probe():
        while True:
            next(ticks)
            await asyncio.sleep(0)

    probing = asyncio.create_task(probe())
    for _ in range(10):
        await place.take_turn()
        clock.now_s += TURN_S
    probing.cancel()
    assert next(ticks) >= 10


async def test_who_leaves_while_waiting_holds_nobody_up():
    turns = Turns()
    first, second, third = (turns.line_up(BLUE) for _ in range(3))
    await first.take_turn()
    waits = [asyncio.create_task(place.take_turn()) for place in (second, third)]
    await asyncio.sleep(0)
    waits[0].cancel()
    await asyncio.gather(waits[0], return_exceptions=True)
    second.leave()
    first.leave()
    await waits[1]
    third.leave()


async def test_who_is_interrupted_while_waiting_stops_at_once():
    turns = Turns()
    scoring, waiting = turns.line_up(BLUE), turns.line_up(BLUE)
    await scoring.take_turn()
    wait = asyncio.create_task(waiting.take_turn())
    await asyncio.sleep(0)
    waiting.interrupt(ClientDisconnect())
    with pytest.raises(ClientDisconnect):
        await wait


async def test_who_is_interrupted_while_scoring_stops_where_its_turn_ends():
    clock = Clock()
    place = Turns(clock).line_up(BLUE)
    await place.take_turn()
    place.interrupt(ClientDisconnect())
    await place.take_turn()
    clock.now_s += TURN_S
    with pytest.raises(ClientDisconnect):
        await place.take_turn()


async def never():
    await asyncio.Event().wait()


def admission(**given):
    return Admission(limits(**given), Metrics())


async def test_room_is_given_back_whatever_happens():
    let_in = admission()

    async def fail():
        async with let_in.enter(BLUE, 1000, never) as slot:
            slot.learn(10, 1000)
            await slot.take_turn()
            assert (let_in.bytes.total, let_in.completions.total) == (1000, 10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert (let_in.bytes.total, let_in.completions.total) == (0, 0)


async def test_what_bodies_hold_is_learnt_so_that_the_next_is_refused_unread():
    let_in = admission(max_completions_in_flight=100)
    async with let_in.enter(BLUE, 1000, never) as slot:
        slot.learn(60, 1000)
        with pytest.raises(RequestProblem) as refused:
            async with let_in.enter(BLUE, 1000, never):
                pass
        assert refused.value.code == "too_many_in_flight"
        async with let_in.enter(BLUE, 500, never):
            assert let_in.completions.total == 90


async def test_a_request_that_holds_more_than_was_thought_is_refused_before_it_is_scored():
    let_in = admission(max_completions_in_flight=100)
    async with let_in.enter(BLUE, 1000, never) as first, let_in.enter(BLUE, 1000, never) as second:
        first.learn(60, 1000)
        with pytest.raises(RequestProblem) as refused:
            second.learn(60, 1000)
        assert refused.value.headers == {"Retry-After": "1"}
        assert let_in.completions.total == 60


class TestPace:
    """How fast it went lately."""

    @pytest.fixture
    def clock(self):
        return Clock()

    @pytest.fixture
    def pace(self, clock):
        return Pace(clock)

    def score(self, pace, clock, completions, seconds):
        pace.begin()
        clock.now_s += seconds
        pace.end(completions)

    def test_nothing_is_known_before_anything_was_scored(self, pace, clock):
        assert pace.completions_within(1) == math.inf
        self.score(pace, clock, 0, 1)
        assert pace.completions_within(1) == math.inf

    def test_it_is_what_was_scored_over_the_time_that_it_took(self, pace, clock):
        self.score(pace, clock, 100, 0.1)
        assert pace.completions_within(0.5) == pytest.approx(500)

    def test_idle_time_does_not_make_it_slower(self, pace, clock):
        self.score(pace, clock, 100, 0.1)
        clock.now_s += 60
        self.score(pace, clock, 100, 0.1)
        assert pace.completions_within(1) == pytest.approx(1000)

    def test_requests_at_the_same_time_share_it(self, pace, clock):
        pace.begin()
        pace.begin()
        clock.now_s += 0.2
        pace.end(100)
        pace.end(100)
        assert pace.completions_within(1) == pytest.approx(1000)

    def test_what_was_long_ago_counts_for_little(self, pace, clock):
        self.score(pace, clock, 1000, 0.1)
        self.score(pace, clock, 1, 10 * HALF_LIFE_S)
        assert pace.completions_within(HALF_LIFE_S) < 2


async def test_more_than_is_scored_in_the_wait_that_is_expected_is_refused():
    let_in = admission(max_expected_wait_s=0.5)
    clock = Clock()
    let_in.pace = Pace(clock)
    async with let_in.enter(BLUE, 1000, never) as slot:
        slot.learn(100, 1000)
        await slot.take_turn()
        slot.scored, clock.now_s = 100, 0.01
    async with let_in.enter(BLUE, 1000, never) as first:
        first.learn(3000, 1000)
        async with let_in.enter(BLUE, None, never) as second:
            second.learn(2000, 1000)
            with pytest.raises(RequestProblem) as refused:
                second.learn(2001, 1000)
    assert refused.value.code == "too_many_in_flight"


async def test_what_one_client_sends_at_once_is_let_in_however_slow_it_is():
    let_in = admission(max_expected_wait_s=0.5)
    clock = Clock()
    let_in.pace = Pace(clock)
    async with let_in.enter(BLUE, 1000, never) as slot:
        slot.learn(1, 1000)
        await slot.take_turn()
        slot.scored, clock.now_s = 1, 30.0
    async with let_in.enter(BLUE, 1000, never) as first, let_in.enter(BLUE, None, never) as second:
        first.learn(ALWAYS_ALLOWED - 10, 1000)
        second.learn(10, 1000)


@pytest.fixture
def key():
    return {team: new_token() for team in ("blue", "red")}


@pytest.fixture
def keys_file(key, tmp_path):
    path = tmp_path / "keys"
    path.write_text("".join(f"{key_of(token, team).line}\n" for team, token in key.items()), encoding="utf-8")
    return path


@pytest.fixture
def open_service():
    """Makes clients of apps with settings of the test's."""

    def made(**given):
        app = create_app(Settings(**given))
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service", headers=JSON_TYPE)

    return made


class HeldBody:
    """A body that is sent when the test says so."""

    def __init__(self, *items):
        self.content = json.dumps({"items": items}).encode()
        self.asked = asyncio.Event()
        self.sent = asyncio.Event()

    async def __aiter__(self):
        self.asked.set()
        await self.sent.wait()
        yield self.content

    @property
    def headers(self):
        return {**JSON_TYPE, "content-length": str(len(self.content))}


async def post_held(service, body, **headers):
    """A request that is in flight when this returns."""
    response = asyncio.create_task(service.post("/score", content=body, headers=body.headers | headers))
    await body.asked.wait()
    return response


async def test_bytes_over_the_limit_are_refused_before_they_are_read(open_service):
    async with open_service(max_bytes_in_flight=100) as service:
        held, refused = HeldBody(item(1)), HeldBody(item(1))
        first = await post_held(service, held)
        response = await service.post("/score", content=refused, headers=refused.headers)
        assert problem_of(response) == (429, "too_many_in_flight", "1")
        assert not refused.asked.is_set()
        held.sent.set()
        assert (await first).status_code == 200
        assert (await service.post("/score", json={"items": [item(1)]})).status_code == 200
        metrics = (await service.get("/metrics")).text
    assert 'goodcall_refused_total{code="too_many_in_flight",team="everyone"} 1.0' in metrics
    assert "goodcall_bytes_in_flight 0.0" in metrics
    assert "goodcall_completions_in_flight 0.0" in metrics


async def test_bytes_that_were_not_declared_count_as_they_come(open_service):
    async def chunks():
        for _ in range(4):
            yield b" " * 50
        pytest.fail("it was read to its end")

    async with open_service(max_bytes_in_flight=150) as service:
        held = HeldBody(item(1))
        first = await post_held(service, held)
        response = await service.post("/score", content=chunks())
        assert problem_of(response) == (429, "too_many_in_flight", "1")
        held.sent.set()
        assert (await first).status_code == 200


async def test_completions_over_the_limit_are_refused_before_they_are_scored(open_service):
    async with open_service(max_completions_in_flight=1000) as service:
        statuses = await asyncio.gather(*[service.post("/score", json={"items": [item(600)]}) for _ in range(3)])
        metrics = (await service.get("/metrics")).text
    assert sorted(response.status_code for response in statuses) == [200, 429, 429]
    assert "goodcall_batch_completions_sum 600.0" in metrics


async def test_a_team_that_comes_is_let_in_while_another_has_all(open_service, keys_file, key):
    async with open_service(max_bytes_in_flight=200, keys_file=keys_file) as service:
        held = [HeldBody(item(1)) for _ in range(2)]
        blue, red = ({"authorization": f"Bearer {token}"} for token in key.values())
        first = [await post_held(service, body, **blue) for body in held]
        assert (await service.post("/score", json={"items": [item(1)]}, headers=blue)).status_code == 429
        assert (await service.post("/score", json={"items": [item(1)]}, headers=red)).status_code == 200
        for body in held:
            body.sent.set()
        assert [(await response).status_code for response in first] == [200, 200]


async def test_a_small_request_of_one_team_is_done_before_many_large_ones_of_another(open_service, keys_file, key):
    done = []

    async def score(service, team, completions):
        headers = {"authorization": f"Bearer {key[team]}"}
        response = await service.post("/score", json={"items": [item(completions)]}, headers=headers)
        assert response.status_code == 200
        done.append(team)

    async with open_service(keys_file=keys_file) as service:
        await asyncio.gather(*[score(service, "blue", 1024) for _ in range(10)], score(service, "red", 256))
    # How many turns a request takes is a matter of seconds, and so of the machine.
    assert done.index("red") < len(done) // 2


async def test_probes_are_answered_while_the_service_is_full(open_service):
    async with open_service(max_bytes_in_flight=1) as service:
        held = HeldBody(item(1))
        first = await post_held(service, held)
        assert (await service.post("/score", json={"items": [item(1)]})).status_code == 429
        assert (await service.get("/livez")).status_code == 200
        held.sent.set()
        assert (await first).status_code == 200


async def test_a_request_that_cannot_be_finished_in_time_is_refused_and_gives_its_room_back(open_service):
    async with open_service(request_deadline_s=0.01) as service:
        held = HeldBody(item(1))
        response = await service.post("/score", content=held, headers=held.headers)
        assert problem_of(response) == (503, "deadline_exceeded", "1")
        metrics = (await service.get("/metrics")).text
    assert 'goodcall_refused_total{code="deadline_exceeded",team="everyone"} 1.0' in metrics
    assert "goodcall_bytes_in_flight 0.0" in metrics


async def test_the_deadline_holds_while_a_batch_is_scored(open_service):
    async with open_service(request_deadline_s=0.001) as service:
        # Explained, they take many turns.
        response = await service.post("/score", json={"items": [item(20_000)], "explain": True})
        assert problem_of(response)[1] == "deadline_exceeded"
        metrics = (await service.get("/metrics")).text
    assert "goodcall_completions_in_flight 0.0" in metrics


async def test_a_line_that_cannot_be_scored_in_time_gets_a_problem(open_service):
    async with open_service(request_deadline_s=0.001) as service:
        content = json.dumps(item(20_000)).encode()
        response = await service.post("/score", params={"explain": "true"}, content=content, headers=NDJSON)
    [answer] = [json.loads(line) for line in response.content.splitlines()]
    assert answer["problem"]["code"] == "deadline_exceeded"


async def test_lines_are_refused_at_the_door_while_the_service_is_full(open_service):
    async with open_service(max_completions_in_flight=1) as service:
        held = HeldBody(item(1))
        first = await post_held(service, held)
        response = await service.post("/score", content=json.dumps(item(1)).encode(), headers=NDJSON)
        assert problem_of(response) == (429, "too_many_in_flight", "1")
        held.sent.set()
        assert (await first).status_code == 200


async def test_a_stream_for_whose_line_there_is_no_room_ends_with_a_problem(open_service):
    async def chunks():
        yield json.dumps(item(1)).encode() + b"\n"
        yield b" " * 200
        pytest.fail("it was read on")

    async with open_service(max_bytes_in_flight=250) as service:
        held = HeldBody(item(1))
        first = await post_held(service, held)
        # Of the same team, which has all there is: alone, anything is let in.
        response = await service.post("/score", content=chunks(), headers=NDJSON)
        answers = [json.loads(line) for line in response.content.splitlines()]
        held.sent.set()
        assert (await first).status_code == 200
        metrics = (await service.get("/metrics")).text
    assert answers[0]["verdicts"] == [{"score": 1.0, "reason": "ok"}]
    assert [answer["problem"]["code"] for answer in answers[1:]] == ["too_many_in_flight"]
    assert "goodcall_bytes_in_flight 0.0" in metrics


@pytest.mark.parametrize("kind", [JSON_TYPE, NDJSON])
async def test_a_caller_that_goes_away_while_its_batch_is_scored_frees_its_room(kind):
    app = create_app(Settings())
    body = json.dumps({"items": [item(20_000)]} if kind is JSON_TYPE else item(20_000)).encode()
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent = []

    async def receive():
        return next(messages, {"type": "http.disconnect"})

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/score",
        "headers": [(name.encode(), value.encode()) for name, value in kind.items()],
        "query_string": b"",
    }
    await app(scope, receive, send)
    admitted = app.state.admission
    assert (admitted.bytes.total, admitted.completions.total) == (0, 0)
    if kind is JSON_TYPE:
        assert sent[0]["status"] == 499
        assert b"goodcall_batch_completions_sum 0.0" in app.state.metrics.exposition()


def test_at_ten_times_its_capacity_a_service_answers_what_it_accepts_and_says_when_to_come_back():
    """Ten times what may be in flight comes at once; each request is held at its last byte until all have come."""
    batch, capacity = item(64), 4 * 64
    with (
        serving(GOODCALL_MAX_COMPLETIONS_IN_FLIGHT=str(capacity)) as (_, url),
        ExitStack() as opened,
    ):
        callers = [opened.enter_context(closing(Connection(url))) for _ in range(40)]
        callers[0].score(**batch)  # so that the service knows what a body holds
        for caller in callers:
            caller.begin_score(**batch)
        refused = callers[4:]
        for caller in refused:
            answer = caller.getresponse()
            assert (answer.status, answer.headers["retry-after"]) == (429, "1")
            assert json.loads(answer.read())["code"] == "too_many_in_flight"
        assert ask(url, "/livez").status_code == 200
        for caller in callers[:4]:
            assert len(caller.finish_score()) == 64
        until(lambda: "goodcall_completions_in_flight 0.0" in ask(url, "/metrics").text)
        assert len(callers[0].score(**batch)) == 64


def test_a_caller_that_goes_away_leaves_no_room_taken():
    with serving() as (_, url):
        with closing(Connection(url)) as caller:
            caller.begin_score(**item(64))
            until(lambda: "goodcall_completions_in_flight 1.0" in ask(url, "/metrics").text)
        until(lambda: "goodcall_completions_in_flight 0.0" in ask(url, "/metrics").text)

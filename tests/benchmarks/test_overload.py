"""The load that does not wait for answers, and the report on what it does to a service."""

import json

from benchmarks.open_loop import Answers, Load, answers_to
from benchmarks.overload import Neighbours, Overload, goals, make_body, write
from benchmarks.servers import GOODCALL, serving
from goodcall.web.wire import decode_request
from serving import ask, until

TINY = {"GOODCALL_MAX_COMPLETIONS_IN_FLIGHT": "512"}


def answers(*accepted_s, refused=0):
    return Answers(accepted_s=list(accepted_s), refused_s=[0.001] * refused, sending_s=1.0)


def report(**changed):
    seen = {"capacity_per_s": 25.0, "flood": answers(0.5, 0.6, refused=9), "probes_s": [0.01], "recovered_s": 0.5}
    overload = Overload(memory_bytes=[70_000_000] * 3, **(seen | changed))
    return overload, Neighbours(alone=answers(0.01), beside=answers(0.015), greedy=answers(0.9, refused=99))


def test_a_body_holds_so_many_completions_and_half_of_them_are_right():
    request = decode_request(make_body(64))
    assert request.explain
    assert sum(len(item.completions) for item in request.items) == 64
    right = [
        json.dumps(json.loads(bytes(item.ground_truth))) in text for item in request.items for text in item.completions
    ]
    assert right == [True, False] * 32


def test_more_than_a_service_can_do_is_answered_with_200_or_with_429_and_when_to_come_back():
    with serving(GOODCALL, TINY) as server:
        seen = answers_to(server.url, Load(body=make_body(256), per_s=400, seconds=0.5))
        assert (seen.sent, seen.others) == (200, 0)
        assert seen.accepted_s
        assert seen.refused_s
        # All is given back, and there is room again at once.
        until(lambda: "goodcall_completions_in_flight 0.0" in ask(server.url, "/metrics").text)
        again = answers_to(server.url, Load(body=make_body(256), per_s=5, seconds=1))
        assert len(again.accepted_s) == 5


def test_the_report_says_of_every_goal_whether_it_was_met():
    written = write(*report())
    assert written.count("| yes |") == len(list(goals(*report())))
    assert "| the flood | 11 | 11 | 2 | 9 | 600 | 600 |" in written
    slow = write(*report(flood=answers(1.5)))
    assert slow.count("| yes |") == len(list(goals(*report()))) - 1
    assert slow.count("| **no** |") == 1

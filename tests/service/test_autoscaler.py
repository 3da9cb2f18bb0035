"""The autoscaler's decisions against the documented algorithm, and a simulation that loses and invents nothing."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_line import goodcall
from goodcall.capacity.autoscaler import Autoscaler, Metric, Policy, Rules, Sample, Settings, Target
from goodcall.capacity.simulation import Bursts, Pods, simulate

AT_ONCE = Rules(stabilisation_s=0, policies=(Policy(percent=1000), Policy(pods=1000)))
DOWN_AT_ONCE = Rules(stabilisation_s=0, policies=(Policy(percent=100),))


def settings_of(metric=Metric.CPU, value=0.5, least=1, most=100, up=AT_ONCE, down=DOWN_AT_ONCE):
    targets = (Target(metric=metric, value=value),)
    return Settings(targets=targets, min_replicas=least, max_replicas=most, up=up, down=down)


def sample(mean, ready, unready=0, metric=Metric.CPU):
    return (Sample(metric=metric, total=mean * ready, ready=ready, unready=unready),)


@pytest.mark.parametrize(
    ("replicas", "mean", "wanted"),
    [
        (1, 1.0, 2),
        (2, 1.0, 4),
        (4, 0.25, 2),
        (4, 0.54, 4),
        (4, 0.55, 4),
        (4, 0.56, 5),
        (4, 0.45, 4),
        (4, 0.44, 4),
        (4, 0.37, 3),
        (3, 0.0, 1),
        (10, 50.0, 100),
    ],
)
def test_replicas_follow_the_ratio_of_metric_and_target_beyond_the_tolerance(replicas, mean, wanted):
    assert Autoscaler(settings_of()).decide(0, replicas, sample(mean, replicas)) == wanted


@pytest.mark.parametrize(
    ("metric", "mean", "wanted"),
    [
        # Twice the target on two pods asks for four; the two that start count as idle, and four there are.
        (Metric.CPU, 1.0, 4),
        # Four times the target asks for eight with them as without.
        (Metric.CPU, 2.0, 8),
        # 1.2 times the target, and with two idle ones the ratio turns: nothing is done.
        (Metric.CPU, 0.6, 4),
        # On the way down pods that start are left out for the CPU …
        (Metric.CPU, 0.1, 1),
        # … and are on target for what they have no value of.
        (Metric.IN_FLIGHT, 0.1, 3),
    ],
)
def test_pods_that_are_starting_are_reckoned_with_cautiously(metric, mean, wanted):
    scaler = Autoscaler(settings_of(metric))
    assert scaler.decide(0, 4, sample(mean, 2, unready=2, metric=metric)) == wanted


def test_scaling_up_is_held_to_the_policy_that_allows_most():
    up = Rules(stabilisation_s=0, policies=(Policy(percent=100), Policy(pods=4)))
    scaler = Autoscaler(settings_of(up=up))
    assert scaler.decide(0, 1, sample(50, 1)) == 5
    assert scaler.decide(5, 5, sample(50, 5)) == 5
    assert scaler.decide(15, 5, sample(50, 5)) == 10
    assert scaler.decide(30, 10, sample(50, 10)) == 20


def test_scaling_down_is_held_to_its_policy():
    down = Rules(stabilisation_s=0, policies=(Policy(percent=10, period_s=60),))
    scaler = Autoscaler(settings_of(down=down))
    assert scaler.decide(0, 20, sample(0, 20)) == 18
    assert scaler.decide(30, 18, sample(0, 18)) == 18
    assert scaler.decide(60, 18, sample(0, 18)) == 16


def test_scaling_down_waits_until_nothing_within_the_window_asked_for_more():
    scaler = Autoscaler(settings_of(down=Rules(stabilisation_s=300, policies=DOWN_AT_ONCE.policies)))
    assert scaler.decide(0, 4, sample(1.0, 4)) == 8
    for at_s in range(15, 300, 15):
        assert scaler.decide(at_s, 8, sample(0.0, 8)) == 8
    assert scaler.decide(315, 8, sample(0.0, 8)) == 1


def test_scaling_up_waits_until_everything_within_the_window_asked_for_as_much():
    scaler = Autoscaler(settings_of(up=Rules(stabilisation_s=60, policies=AT_ONCE.policies)))
    assert scaler.decide(0, 4, sample(0.5, 4)) == 4
    for at_s in (15, 30, 45):
        assert scaler.decide(at_s, 4, sample(1.0, 4)) == 4
    assert scaler.decide(60, 4, sample(1.0, 4)) == 8


def test_of_several_metrics_the_greatest_answer_counts():
    targets = (Target(metric=Metric.CPU, value=0.5), Target(metric=Metric.IN_FLIGHT, value=100))
    both = Settings(targets=targets, min_replicas=1, max_replicas=100, up=AT_ONCE, down=DOWN_AT_ONCE)
    samples = sample(0.5, 2) + sample(400, 2, metric=Metric.IN_FLIGHT)
    assert Autoscaler(both).decide(0, 2, samples) == 8


@given(
    means=st.lists(st.floats(0, 20), min_size=1, max_size=30),
    least=st.integers(1, 5),
    more=st.integers(0, 20),
    starting=st.integers(0, 5),
)
def test_replicas_stay_within_their_bounds(means, least, more, starting):
    default = Settings(targets=(Target(metric=Metric.CPU, value=0.7),), min_replicas=least, max_replicas=least + more)
    scaler, replicas = Autoscaler(default), least
    for number, mean in enumerate(means):
        unready = min(starting, replicas - 1)
        replicas = scaler.decide(15.0 * number, replicas, sample(mean, replicas - unready, unready))
        assert least <= replicas <= least + more


BURSTS = st.builds(
    Bursts,
    completions=st.integers(1, 60_000),
    every_s=st.floats(5, 300),
    request_s=st.floats(0.001, 3),
    per_request=st.sampled_from([64, 1024]),
    in_flight=st.integers(1, 64),
    first_s=st.floats(0, 60),
)


@settings(max_examples=60, deadline=None)
@given(
    bursts=st.lists(BURSTS, min_size=1, max_size=3),
    pods=st.builds(
        Pods,
        cores=st.integers(1, 4),
        start_s=st.floats(0, 90),
        scrape_s=st.sampled_from([5.0, 15.0, 30.0]),
        window_s=st.sampled_from([0.0, 15.0, 60.0]),
    ),
    metric=st.sampled_from(list(Metric)),
    down_window_s=st.sampled_from([0.0, 60.0, 300.0]),
    least=st.integers(1, 3),
)
def test_every_completion_that_comes_is_scored_once_and_never_faster_than_its_work(
    bursts, pods, metric, down_window_s, least
):
    scaled = settings_of(
        metric,
        0.7 if metric is Metric.CPU else 4096,
        least=least,
        most=10,
        down=Rules(stabilisation_s=down_window_s, policies=DOWN_AT_ONCE.policies),
    )
    outcome = simulate(bursts, pods, scaled, 300, least)
    steps = sum(len(times(run, 300)) for run in bursts)
    assert outcome.arrived == outcome.scored == sum(run.completions * len(times(run, 300)) for run in bursts)
    assert len(outcome.waits_s) == steps
    shortest_s = min(run.request_s * min(run.completions, run.per_request) / run.per_request for run in bursts)
    assert all(wait_s >= shortest_s * 0.999999 for wait_s in outcome.waits_s)
    work_s = sum(run.request_s * run.completions / run.per_request * len(times(run, 300)) for run in bursts)
    most = max(replicas for _, replicas in outcome.replicas)
    assert outcome.seconds * most * pods.cores >= work_s * 0.999999
    assert least * 0.999999 <= outcome.mean_replicas <= 10 * 1.000001


def times(run, seconds):
    """When a run's bursts come."""
    found, number = [], 0
    while run.first_s + number * run.every_s < seconds:
        found.append(run.first_s + number * run.every_s)
        number += 1
    return found


@pytest.mark.parametrize(("replicas", "wait_s"), [(1, 8.0), (2, 4.0), (4, 2.0), (8, 1.0), (16, 1.0)])
def test_without_an_autoscaler_a_burst_takes_its_work_over_its_cores(replicas, wait_s):
    run = Bursts(completions=8 * 1024, every_s=60, request_s=1.0, in_flight=8)
    outcome = simulate([run], Pods(cores=1), None, 120, replicas)
    assert outcome.waits_s == pytest.approx([wait_s, wait_s])
    assert outcome.replicas == [(0.0, replicas)]


def test_a_client_with_few_requests_under_way_uses_few_cores():
    run = Bursts(completions=8 * 1024, every_s=60, request_s=1.0, in_flight=2)
    assert simulate([run], Pods(cores=1), None, 60, 8).waits_s == pytest.approx([4.0])


def test_a_burst_that_is_over_before_anybody_looks_changes_nothing():
    run = Bursts(completions=8192, every_s=60, request_s=0.02)
    outcome = simulate([run], Pods(), settings_of(value=0.7, least=2), 3600, 2)
    assert len(outcome.replicas) == 1


def test_a_long_window_down_keeps_for_the_next_burst_what_the_last_one_asked_for():
    run = Bursts(completions=64 * 1024, every_s=120, request_s=1.0, in_flight=64)
    waits_s = []
    for window_s in (0, 300):
        down = Rules(stabilisation_s=window_s, policies=DOWN_AT_ONCE.policies)
        scaled = settings_of(value=0.7, least=2, most=20, down=down)
        waits_s.append(simulate([run], Pods(cores=1, start_s=30), scaled, 3600, 2).waits_s[-1])
    # Without it every burst finds the two that there are at least. With it there are as many as it takes for a burst to
    # last no longer than the target's share of the metric's window, and then no more.
    assert waits_s == pytest.approx([32, 22])
    assert 0.7 * 30 * 0.9 <= waits_s[1] <= 0.7 * 30 * 1.1


def test_the_simulation_is_the_same_each_time_and_the_command_prints_it():
    options = ("capacity", "simulate", "--prompts", "8192", "--completion-bytes", "100000", "--minutes", "10")
    first, second = (goodcall(*options, "--json") for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout == second.stdout
    shown = json.loads(first.stdout)
    assert (shown["steps"], shown["completions"]) == (10, 10 * 8192 * 8)
    assert "wait s longest" in goodcall(*options).stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-replicas", "1"], "--max-replicas is less than --min-replicas"),
        (["--minutes", "1", "--step-s", "600"], ""),
        (["--metric", "memory"], "memory"),
    ],
)
def test_wrong_usage_ends_with_2(options, words):
    result = goodcall("capacity", "simulate", *options)
    assert result.exit_code == (0 if not words else 2)
    assert words in result.stderr

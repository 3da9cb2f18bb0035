"""Replicas for a training run: what the arithmetic keeps to, and what the command says."""

import json
import re
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_line import goodcall
from goodcall.capacity.costs import DOCUMENTED, Costs
from goodcall.capacity.measure import verifier_us
from goodcall.capacity.plan import TrainingLoad, Unreachable, Wanted, plan
from serving import serving
from suites import REPOSITORY

LOADS = st.builds(
    TrainingLoad,
    prompts=st.integers(1, 20_000),
    group=st.integers(1, 64),
    step_s=st.floats(1, 600),
    runs=st.integers(1, 50),
    completion_bytes=st.integers(1, 200_000),
    clients=st.integers(1, 64),
    in_flight=st.integers(1, 64),
    network_gbit_s=st.floats(1, 400),
)
WANTED = st.builds(
    Wanted,
    cores=st.integers(1, 64),
    utilisation=st.floats(0.1, 1),
    wait_s=st.floats(0.05, 120),
    least=st.integers(1, 5),
)


def replicas(load, wanted):
    """How many, or infinitely many where no number does."""
    try:
        return plan(load, wanted).replicas
    except Unreachable:
        return float("inf")


@given(load=LOADS, wanted=WANTED, more=st.integers(1, 10))
def test_more_load_never_needs_fewer_replicas(load, wanted, more):
    for heavier in (
        replace(load, prompts=load.prompts + more * load.clients),
        replace(load, runs=load.runs + more),
        replace(load, completion_bytes=load.completion_bytes + 1000 * more),
        replace(load, step_s=load.step_s / (1 + more)),
    ):
        if heavier.most_at_once == load.most_at_once:
            assert replicas(heavier, wanted) >= replicas(load, wanted)


@given(load=LOADS, wanted=WANTED)
def test_asking_for_less_never_needs_more_replicas(load, wanted):
    for easier in (
        replace(wanted, wait_s=wanted.wait_s * 2),
        replace(wanted, utilisation=min(1, wanted.utilisation * 2)),
        replace(wanted, cores=wanted.cores * 2),
    ):
        assert replicas(load, easier) <= replicas(load, wanted)


@given(load=LOADS, wanted=WANTED)
def test_a_plan_keeps_what_was_wanted_and_one_replica_less_would_not(load, wanted):
    try:
        found = plan(load, wanted)
    except Unreachable:
        return
    assert found.wait_s <= wanted.wait_s * 1.001
    assert found.utilisation <= wanted.utilisation * 1.001
    assert found.replicas == max(found.for_load, found.for_wait, wanted.least)
    if found.for_load > 1:
        mean_cores = found.cpu_us * found.completions_per_s / 1e6
        assert mean_cores > (found.for_load - 1) * wanted.cores * wanted.utilisation * 0.999


@given(load=LOADS, wanted=WANTED)
def test_the_wait_is_never_below_the_time_of_the_work_that_is_waited_for(load, wanted):
    try:
        found = plan(load, wanted)
    except Unreachable:
        return
    one_request_s = DOCUMENTED.of_request_s(min(load.of_client, load.per_request), load.group, load.completion_bytes)
    busy_s = found.cpu_us * found.completions_per_step / 1e6
    assert found.service_s >= min(one_request_s, busy_s) * 0.999
    assert found.service_s >= busy_s / (found.replicas * wanted.cores) * 0.999
    assert found.wait_s == pytest.approx(found.client_s + found.wire_s + found.service_s)


def test_when_no_number_of_replicas_helps_the_message_says_what_does():
    with pytest.raises(Unreachable, match=r"clients take 1\.4\d s .*--clients"):
        plan(TrainingLoad(prompts=32_768, group=8, step_s=60), Wanted())
    with pytest.raises(Unreachable, match=r"4 requests under way at most; raise their max_in_flight"):
        plan(
            TrainingLoad(prompts=1024, group=8, step_s=60, completion_bytes=100_000, network_gbit_s=400),
            Wanted(wait_s=1.1),
        )


def test_the_costs_are_those_of_the_benchmarks():
    """A figure that has moved by more than a factor of two is one to change here too."""
    page = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    table = page.partition("## Length of a completion")[2].partition("## Tools")[0]
    rows = re.findall(r"\| ([\d,]+) \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|", table)
    assert len(rows) >= 5
    for length, measured in rows:
        costs = replace(DOCUMENTED, task_us=0)
        reckoned_us = costs.of_request_s(64, 8, int(length.replace(",", ""))) / 64 * 1e6
        assert 0.5 < reckoned_us / float(measured) < 2
    first_time = float(re.search(r"\| server, grouped, each task for the first time \| ([\d.]+)", page)[1])
    assert 0.5 < DOCUMENTED.of_request_s(1024, 8, 1400) / 1024 * 1e6 / first_time < 2
    client = float(re.search(r"client's own share is ([\d.]+) µs", page)[1])
    assert 0.5 < DOCUMENTED.client_us / client < 2


def test_a_flat_cost_is_all_that_a_completion_costs():
    costs = Costs().flat(10)
    assert costs.of_request_s(100, 8, 5000) == pytest.approx(1e-3)


@settings(max_examples=5, deadline=None)
@given(length=st.integers(200, 5000))
def test_the_verifier_can_be_timed(length):
    assert 0 < verifier_us(length, group=4) < 10_000


def test_the_command_prints_the_plan_as_a_table_and_as_json():
    options = ("--prompts", "128", "--group", "8", "--step-s", "30")
    shown = goodcall("capacity", "plan", *options)
    assert shown.exit_code == 0
    assert "2 replicas with 2 cores each" in shown.stdout
    printed = json.loads(goodcall("capacity", "plan", *options, "--json").stdout)
    expected = plan(TrainingLoad(prompts=128, group=8, step_s=30), Wanted())
    assert printed == {**asdict(expected), "costs": asdict(DOCUMENTED), "costs_from": "docs/benchmarks.md"}


def test_the_command_reckons_with_a_cost_that_is_given_or_measured():
    given_ = json.loads(goodcall("capacity", "plan", "--cost-us", "1000", "--json", "--wait-s", "60").stdout)
    assert (given_["costs_from"], given_["cpu_us"]) == ("given", pytest.approx(1000))
    measured = json.loads(goodcall("capacity", "plan", "--measure", "--json", "--wait-s", "60").stdout)
    assert measured["costs_from"].startswith("the verifier in this process")
    assert measured["cpu_us"] > 0


def test_the_command_times_a_running_service():
    with serving() as (_, url):
        found = json.loads(goodcall("capacity", "plan", "--url", url, "--json", "--wait-s", "60").stdout)
    assert found["costs_from"] == f"wall time of {url}"
    assert found["cpu_us"] > 0


def test_a_wait_that_nothing_keeps_ends_with_1():
    result = goodcall("capacity", "plan", "--wait-s", "0.01", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["replicas"] is None
    assert "no number of replicas" in result.stderr


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        (["--measure", "--cost-us", "5"], 2, "keep one of them"),
        (["--url", "ftp://x"], 2, "must begin with http://"),
        (["--url", "http://127.0.0.1:1"], 3, "can't be timed"),
        (["--prompts", "0"], 2, "--prompts"),
        (["--utilisation", "1.5"], 2, "--utilisation"),
    ],
)
def test_wrong_usage_and_absent_services_end_with_their_codes(options, exit_code, words):
    result = goodcall("capacity", "plan", *options)
    assert result.exit_code == exit_code
    assert words in result.stderr

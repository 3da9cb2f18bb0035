"""The guard fails on what got a quarter slower, and says what to do."""

import pytest

from benchmarks.guard import TOLERANCE, regressions


@pytest.mark.parametrize(("measured", "regressed"), [(0.1, False), (0.2, False), (0.249, False), (0.251, True)])
def test_a_figure_may_get_a_quarter_worse_and_no_more(measured, regressed):
    assert TOLERANCE == 0.25
    assert bool(regressions({"scoring": measured}, {"scoring": 0.2})) is regressed


def test_a_regression_names_figure_baseline_measurement_and_remedy():
    [regression] = regressions({"scoring": 0.3, "decoding": 0.1}, {"scoring": 0.2, "decoding": 0.1})
    words = str(regression)
    assert all(part in words for part in ("scoring", "0.300", "0.200", "50%", "benchmarks.guard --write"))


def test_a_figure_without_a_baseline_is_no_regression():
    assert regressions({"new": 1.0}, {}) == []

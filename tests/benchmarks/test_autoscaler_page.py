"""The page on the autoscaler is what its simulation says."""

from benchmarks import autoscaler
from suites import REPOSITORY


def test_the_document_is_that_of_the_code():
    """After a wanted change: ``make autoscaler``."""
    assert (REPOSITORY / "docs" / "autoscaler.md").read_text(encoding="utf-8") == autoscaler.write()


def test_what_the_page_concludes_is_what_was_seen():
    seen = {setting.name: setting.outcome() for setting in (*autoscaler.SETTINGS, *autoscaler.LOADS)}
    base = seen[autoscaler.BASE.name]
    assert all(len(seen[load.name].replicas) == 1 for load in autoscaler.LOADS[:-1])
    assert 0.7 * 30 * 0.85 < base.waits_s[-1] < 0.7 * 30 * 1.1
    assert seen["CPU at 50 %"].waits_s[-1] < 0.5 * 30 * 1.1
    assert seen["CPU as the mean of 15 s"].waits_s[-1] < 0.7 * 15 * 1.1
    for nothing in ("CPU as the mean of 60 s", "up only when wanted for 60 s"):
        assert len(seen[nothing].replicas) == 1
    for flapping in ("down after 0 s", "down after 60 s"):
        assert max(seen[flapping].waits_s) - min(seen[flapping].waits_s) < 0.01
        assert len(seen[flapping].replicas) > 20
    assert all(outcome.waits_s[0] == base.waits_s[0] for name, outcome in seen.items() if name in HEAVY)
    in_flight = [outcome for name, outcome in seen.items() if "in flight" in name]
    assert all(outcome.waits_s[-1] < base.waits_s[-1] / 2 for outcome in in_flight)


HEAVY = {setting.name for setting in autoscaler.SETTINGS if setting.least == 2}

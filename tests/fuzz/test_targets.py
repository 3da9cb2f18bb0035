"""The targets of the fuzzer on their seeds, whole, cut short and with a byte changed."""

import pytest

from fuzz.seeds import seeds_of
from fuzz.targets import TARGETS

EVERY = 7
"""Seeds there are hundreds of; a few will do here."""


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_raises_at_none_of_its_seeds_nor_at_what_is_left_of_them(target):
    seeds = list(seeds_of(target))[::EVERY]
    assert len(seeds) > 50
    for seed in seeds:
        middle = len(seed) // 2
        for data in (seed, seed[:middle], seed[: middle - 1] + b"\xed" + seed[middle:], seed[1:] + seed[:1], b""):
            TARGETS[target](data)


@pytest.mark.parametrize("name", ["parser", "schema_compiler"])
def test_a_target_raises_where_verdicts_change_with_explain(name, monkeypatch):
    """Or it would prove nothing."""
    monkeypatch.setattr("fuzz.targets._gist", lambda verdict: verdict.detail)
    with pytest.raises(AssertionError):
        TARGETS[name](next(seeds_of(name)))

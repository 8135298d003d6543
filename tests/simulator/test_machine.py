"""The machine that decides who serves, alone: every two and three faults of a pair, against the oracle."""

from __future__ import annotations

from itertools import combinations

import pytest

from stubs.wire import Failback
from tests.unit.stubs.test_resilience import FAULTS, Fault, assert_as_the_oracle_says


@pytest.mark.parametrize("failback", Failback)
@pytest.mark.parametrize("first", FAULTS[:-1], ids=lambda fault: fault.name)
def test_every_pair_of_faults_settles_and_heals_as_the_oracle_says(first: Fault, failback: Failback) -> None:
    """ROLE-2 to ROLE-14: no fault hides what another one does."""
    for one, other in combinations(FAULTS, 2):
        if one is first and one.hits != other.hits:
            assert_as_the_oracle_says((one, other), failback)


HIT = sorted({fault.hits for fault in FAULTS})
TRIPLES = [
    tuple(one_of[turn % len(one_of)] for one_of in places)
    for turn, places in enumerate(combinations([[fault for fault in FAULTS if fault.hits == hit] for hit in HIT], 3))
]
"""Every three places that a fault can hit, in ways that vary from one triple to the next."""


@pytest.mark.parametrize("failback", Failback)
@pytest.mark.parametrize("hit", HIT[:-2])
def test_every_three_faults_settle_and_heal_as_the_oracle_says(hit: str, failback: Failback) -> None:
    """ROLE-2 to ROLE-14, REDIR-8: the first of the three is of the place that the test names."""
    triples = [faults for faults in TRIPLES if faults[0].hits == hit]
    assert triples
    for faults in triples:
        assert_as_the_oracle_says(faults, failback)

"""Two faults at once, whatever the one and the other are: both hold, or the second is refused; each ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.bad_links import Flap, Loss, Rate
from testbed.errors import MisuseError
from testbed.network.evidence import Evidence
from testbed.network.proof import prove_in_force, proved
from testbed.partitions import Manner, Vanished, cut, in_manner

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from testbed.network.links import Links
    from testbed.partitions import NetworkFault

FAULTS: Mapping[str, Collection[NetworkFault]] = {
    "cut": cut("a", "b"),
    "reset": in_manner(cut("a", "b"), Manner.RESET),
    "lost": [Vanished("a")],
    "loss": [Loss("a", "b", 300)],
    "rate": [Rate("a", "b", 64_000)],
    "flap": [Flap("a", "b", 60, 100)],
    "flap alone": [Flap("a", "b", 60, 100, one_way=True)],
}
EXCLUDED = {frozenset(("cut", "reset")), frozenset(("flap", "flap alone"))}
"""Pairs that want different things of the same packets."""


@pytest.mark.parametrize("second", FAULTS)
@pytest.mark.parametrize("first", FAULTS)
def test_two_faults_hold_at_once_or_the_second_is_refused(links: Links, first: str, second: str) -> None:
    """What ends of the second leaves the first as it was."""
    one, other = FAULTS[first], FAULTS[second]
    with proved(links, one):
        if {first, second} in EXCLUDED:
            with pytest.raises(MisuseError, match="heal it before"), links.held(other):
                pytest.fail("two faults that exclude each other are in force")
        else:
            with proved(links, other) as proof:
                assert {now.fault for now in links.current()} == {*one, *other}
                assert proof.during
        assert {now.fault for now in links.current()} == set(one)
        shown = prove_in_force(links, one)
        assert not [each for each in shown if isinstance(each, Evidence) and each.covered_by is not None]
    assert links.current() == ()

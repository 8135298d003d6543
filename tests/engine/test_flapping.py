"""Links that are down and up by turns: the kernel keeps the time, and stops when it is told or when its lease ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.bad_links import Flap
from testbed.errors import FaultError
from testbed.network import measure
from testbed.network.proof import prove_passing, proved
from testbed.partitions import Link
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from testbed.network.links import Links


@pytest.mark.parametrize(
    "fault",
    [Flap("a", "b", 100, 200), Flap("b", "a", 200, 100, one_way=True), Flap("host", "a", 150, 150)],
    ids=str,
)
def test_a_link_flaps_as_asked_and_is_steady_before_and_after(links: Links, fault: Flap) -> None:
    """Both phases have their length; both directions are down together, or one alone."""
    with proved(links, [fault]):
        assert [one.fault for one in links.current()] == [fault]
    assert links.current() == ()


def test_a_flap_stops_with_its_lease(links: Links) -> None:
    """Also in the middle of a time down."""
    fault = Flap("a", "b", 5000, 100)
    links.inject([fault], lease_ms=300)
    wait_until(links.current, lambda seen: not seen, within_s=10, what="the end of the lease")
    prove_passing(links, [Link("a", "b"), Link("b", "a")])
    assert measure.flaps_no_more(links, fault).is_as_asked


def test_a_flap_with_other_phases_or_that_goes_on_is_reported(links: Links) -> None:
    """Neither another length nor a link that flaps on passes for what was asked."""
    links.inject([Flap("a", "b", 300, 100)])
    wrong = [one for one in measure.flap(links, Flap("a", "b", 100, 300), within_s=0.1) if not one.is_as_asked]
    assert any("ms down, at least" in str(one) for one in wrong)
    assert any("ms up, at most" in str(one) for one in wrong)
    with pytest.raises(FaultError, match="not proved to be"):
        prove_passing(links, [Flap("a", "b", 300, 100)])

"""Two faults at once, whatever the one and the other are: both hold, or the second is refused; each ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.bad_links import Flap, Loss, Rate
from testbed.errors import FaultError, MisuseError
from testbed.network.evidence import Evidence
from testbed.network.lease import Renewal
from testbed.network.proof import prove_in_force, proved
from testbed.partitions import Link, Manner, Vanished, cut, in_manner

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


def test_a_fault_that_is_refused_at_one_server_leaves_what_others_hold_there(links: Links) -> None:
    """One way of it is held already, and the other one cannot be: the first stays."""
    there, back = Link("a", "b"), Link("b", "a", Manner.REJECT)
    with links.held([there]), links.held([Link("b", "a")]):
        with pytest.raises(MisuseError, match="heal it before"), links.held([there, back]):
            pytest.fail("two faults that exclude each other are in force")
        assert {now.fault for now in links.current()} == set(cut("a", "b"))
    assert links.current() == ()


def test_a_rate_that_was_replaced_is_not_healed_by_its_former_holder(links: Links) -> None:
    """To a kernel both are the same element."""
    old, new = Rate("a", "b", 1_000_000), Rate("a", "b", 64_000)
    links.inject([old])
    links.heal([old])
    links.inject([new])
    links.heal([old])
    assert {now.fault for now in links.current()} == {new}
    prove_in_force(links, [new])
    links.heal([new])
    assert links.current() == ()


def test_a_cut_that_is_not_there_is_not_proved_by_what_loses_all_packets(links: Links) -> None:
    """Its probes are stopped all the same."""
    with links.held([Loss("a", "b", 1000)]), pytest.raises(FaultError, match="no kernel has it: a -> b"):
        prove_in_force(links, [Link("a", "b")])


def test_an_interrupt_while_a_fault_is_let_go_leaves_nothing_of_it(
    links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a kernel nor as claimed."""
    ended: list[Renewal] = []

    def interrupted(renewal: Renewal) -> None:
        ended.append(renewal)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Renewal, "end", interrupted)
        with pytest.raises(KeyboardInterrupt), links.held(cut("a", "b")):
            pass
    assert (links.current(), links.claims.held()) == ((), frozenset())
    ended[0].end()

"""Faults between sides, as people ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.link_faults import CLIENTS, SERVICES, cuts, delays, flaps, losses, rates, scopes
from testbed.partitions import Link, Manner, Path

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_cut_is_of_all_links_between_the_sides() -> None:
    """Both ways or one, whole or by service."""
    assert cuts("a", "bc") == {Link("a", "b"), Link("b", "a"), Link("a", "c"), Link("c", "a")}
    assert cuts("a", "bc", one_way=True, manner=Manner.RESET) == {
        Link("a", "b", Manner.RESET),
        Link("a", "c", Manner.RESET),
    }
    assert cuts("a", "b", one_way=True, scope=scopes(port=5)) == {Path("a", "b", "tcp", 5), Path("a", "b", "udp", 5)}
    assert cuts("a", "b", one_way=True, scope=scopes(protocol="icmp")) == {Path("a", "b", "icmp")}


def test_a_reset_of_a_service_drops_what_cannot_be_reset() -> None:
    """The portals' link is TCP and UDP."""
    found = cuts("a", "b", one_way=True, manner=Manner.RESET, scope=SERVICES["portal-link"])
    assert {(one.protocol, one.manner) for one in found if isinstance(one, Path)} == {
        ("tcp", Manner.RESET),
        ("udp", Manner.DROP),
    }


def test_of_a_link_with_clients_only_what_they_send_can_be_broken() -> None:
    """Nothing can be set where they are; a flap is kept by the server, whichever end was named first."""
    assert cuts([CLIENTS], "a") == cuts("a", [CLIENTS]) == {Link(CLIENTS, "a")}
    assert losses([CLIENTS], "a", 50) == {Loss(CLIENTS, "a", 500)}
    assert flaps("a", [CLIENTS], down_ms=50, up_ms=60) == {Flap(CLIENTS, "a", 50, 60)}
    assert cuts("a", ["b", CLIENTS]) == {Link("a", "b"), Link("b", "a"), Link(CLIENTS, "a")}
    assert flaps("a", ["b", CLIENTS], down_ms=50, up_ms=60) == {Flap("a", "b", 50, 60), Flap(CLIENTS, "a", 50, 60)}
    assert cuts([CLIENTS, "b"], "a", one_way=True) == {Link(CLIENTS, "a"), Link("b", "a")}


def test_worsenings_go_both_ways_unless_one_is_asked_for() -> None:
    """A flap is one fault of both."""
    assert losses("a", "b", 2.5) == {Loss("a", "b", 25), Loss("b", "a", 25)}
    assert rates("a", "b", 64_000, one_way=True) == {Rate("a", "b", 64_000)}
    assert delays("a", "b", 5, jitter_ms=1, one_way=True) == {Delay("a", "b", 5, 1)}
    assert flaps("a", "b", down_ms=50, up_ms=60, one_way=True) == {Flap("a", "b", 50, 60, one_way=True)}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cuts("ab", "bc"), "a link has two ends, and b is one"),
        (lambda: cuts("a", [CLIENTS], one_way=True), "nothing can be set at clients"),
        (lambda: rates("a", ["b", CLIENTS], 64_000, one_way=True), "name them first"),
        (lambda: flaps("a", [CLIENTS], down_ms=50, up_ms=60, one_way=True), "name them first"),
        (lambda: losses("a", "b", 0.05), "in steps of 0.1 %"),
        (lambda: losses("a", "b", float("inf")), "a share, not inf %"),
        (lambda: delays("a", "b", 60_001), "a delay of at most 60000 ms"),
        (lambda: scopes(service="mail"), "no service is called 'mail'; there are portal, "),
        (lambda: scopes(service="cti", port=5), "not both"),
        (lambda: cuts("a", "b", manner=Manner.RESET, scope=scopes(protocol="udp")), "only TCP can be reset"),
        (lambda: flaps("a", "b", down_ms=10, up_ms=100), "from 50 to 5000 ms"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(make: Callable[[], object], said: str) -> None:
    """Before anything is done."""
    with pytest.raises(ValueError, match=said):
        make()

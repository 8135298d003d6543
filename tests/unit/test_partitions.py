"""Partitions are sets of directed links."""

from __future__ import annotations

from collections import Counter

import pytest

from testbed.partitions import Link, Path, bridge, cut, cut_path, halves, isolate, one_way, ring


def test_cut_goes_both_ways_and_one_way_does_not() -> None:
    """A two-way cut is the two one-way cuts."""
    assert one_way("a", "b") == {Link("a", "b")}
    assert cut("a", "b") == {Link("a", "b"), Link("b", "a")}


def test_cut_path_keeps_to_its_port() -> None:
    """Both directions of one service."""
    assert cut_path("a", "b", "tcp", 1) == {Path("a", "b", "tcp", 1), Path("b", "a", "tcp", 1)}


def test_isolate_cuts_one_from_all_others_only() -> None:
    """The others still hear each other, and the one may stand among them."""
    assert isolate("a", ["a", "b", "c"]) == cut("a", "b") | cut("a", "c")


def test_bridge_keeps_the_middle_whole() -> None:
    """The sides are apart; the middle, even if named in a side, hears all."""
    assert bridge(["a", "m"], "m", ["b", "c"]) == halves(["a"], ["b", "c"])


@pytest.mark.parametrize("count", range(10))
def test_ring_lets_each_hear_a_majority_of_its_own(count: int) -> None:
    """Everyone hears more than half, no more than needed, and from four on no two hear the same ones."""
    names = [str(number) for number in range(count)]
    links = ring(names)
    hears = [frozenset(a for a in names if a == b or Link(a, b) not in links) for b in names]
    assert all(2 * len(some) > count for some in hears)
    assert all(len(some) <= count // 2 + 2 for some in hears)
    assert {Link(link.target, link.source) for link in links} == links
    if count > 3:
        assert Counter(hears).most_common(1)[0][1] == 1


def test_ring_refuses_a_name_twice() -> None:
    """A name that stands twice would hear itself from afar."""
    with pytest.raises(ValueError, match="twice"):
        ring(["a", "b", "a"])


def test_link_refuses_one_end() -> None:
    """A server cannot be cut from itself: loopback always passes."""
    with pytest.raises(ValueError, match="two ends"):
        Link("a", "a")

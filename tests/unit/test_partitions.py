"""Partitions are sets of directed links."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from testbed.bad_links import Delay, Loss, Rate
from testbed.partitions import (
    Link,
    Manner,
    Path,
    bridge,
    cut,
    cut_path,
    halves,
    in_manner,
    isolate,
    one_way,
    overlapping,
    ring,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.partitions import NetworkFault


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


def test_overlapping_sides_share_whoever_stands_in_both() -> None:
    """Who stands in both hears all; the rest of each side hears nobody of the rest of the other."""
    assert overlapping(["a", "b", "m", "n"], ["m", "n", "c"]) == halves(["a", "b"], ["c"])
    assert overlapping(["a"], ["a"]) == frozenset()


def test_any_partition_can_be_made_in_another_manner() -> None:
    """The same links."""
    assert in_manner(cut("a", "b"), Manner.RESET) == {Link("a", "b", Manner.RESET), Link("b", "a", Manner.RESET)}


@pytest.mark.parametrize(
    ("make", "told_"),
    [
        (lambda: Path("a", "b", "icmp", 1), "no ports"),
        (lambda: Path("a", "b", "tcp", 0), "1 to 65535"),
        (lambda: Path("a", "b", "udp", 1, Manner.RESET), "only TCP can be reset"),
        (lambda: Loss("a", "a", 1), "two ends"),
        (lambda: Loss("a", "b", 0), "from 0.1 to 100 %"),
        (lambda: Loss("a", "b", 1001), "from 0.1 to 100 %"),
        (lambda: Rate("a", "b", 1000), "from 64 kbit/s"),
        (lambda: Delay("a", "b", 0), "a delay"),
        (lambda: Delay("a", "b", 5, 6), "jitter at most as long"),
        (lambda: Delay("a", "b", 3000, 2001), "jitter of at most 2000 ms"),
        (lambda: Delay("a", "b", 5, hurried_percent=100), "from 0 to 99 % can overtake"),
        (lambda: Delay("a", "b", 5, duplicated_percent=101), "from 0 to 100 % can come twice"),
        (lambda: Delay("a", "b", 5, duplicated_percent=101), "from 0 to 100 %"),
        (lambda: Delay("a", "b", 0, duplicated_percent=1, hurried_percent=1), "nothing overtakes"),
    ],
)
def test_a_fault_that_cannot_be_meant_is_refused_in_words(make: Callable[[], object], told_: str) -> None:
    """Where it is made, before anything is done."""
    with pytest.raises(ValueError, match=told_):
        make()


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (Link("a", "b", Manner.RESET), "cut a -> b (reset)"),
        (Path("a", "b", "tcp"), "cut a -> b tcp"),
        (Path("a", "b", "tcp", 9443, Manner.REJECT), "cut a -> b tcp port 9443 (reject)"),
        (Loss("a", "b", 125), "loss a -> b loses 12.5 %"),
        (Rate("a", "b", 256_000), "rate a -> b at 256 kbit/s"),
        (Delay("a", "b", 50, 5, 1, 2), "delay a -> b 50±5 ms late, 1 % twice, 2 % overtake"),
    ],
)
def test_a_fault_tells_what_it_does_to_which_link(fault: NetworkFault, line: str) -> None:
    """One line, as status and history show it."""
    assert told(fault) == line

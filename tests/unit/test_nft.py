"""The text of nft transactions, and the reading of nft's listing."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from stubs import ports
from testbed.network import listing as listings
from testbed.network import nft, tc
from testbed.network.blocks import (
    Block,
    DelayTo,
    Flow,
    InForce,
    Listing,
    LossFrom,
    Lost,
    RateTo,
    Source,
    SourcePort,
)
from testbed.network.decks import deck
from testbed.partitions import Manner

A = IPv4Address("10.213.0.2")


DROP = {"drop": None}


def listing(**sets: list[Any]) -> dict[str, Any]:
    """A listing as nft 1.0.6 writes it, with these elements."""
    maps = (
        "cut_sources",
        "cut_protocols",
        "cut_ports",
        "lossy_sources",
        "shaped_targets",
        "flapping_sources",
        "flapping_targets",
    )
    names = ("lost_in", "lost_out", "probes_arrived", "probes_passed")
    made = [
        {kind: {"table": "portal_testbed", "name": name, **({"elem": sets[name]} if name in sets else {})}}
        for kind, them in (("map", maps), ("set", names))
        for name in them
    ]
    return {"nftables": [{"metainfo": {}}, {"table": {}}, *made, {"chain": {}}, {"rule": {}}]}


def element(value: object, packets: int = 0, **more: int) -> dict[str, Any]:
    """One element with its counter."""
    return {"elem": {"val": value, **more, "counter": {"packets": packets, "bytes": 0}}}


def parse(found: object) -> Listing:
    """Read it."""
    return listings.parse(found)


@pytest.mark.parametrize(
    "text",
    [
        nft.install(),
        nft.block([Source(A), Lost()]),
        nft.unblock([Lost()]),
        nft.flush(),
        nft.REMOVE,
    ],
)
def test_text_never_closes_two_braces_on_a_line(text: str) -> None:
    """Nft 1.0.6 takes that for a syntax error."""
    assert all(line.count("}") <= 1 for line in text.splitlines())
    assert text.endswith("\n")


def test_install_counts_probes_around_the_faults() -> None:
    """Loopback first; no stream comes to them; then arrived, faults, passed, and at last the probes are dropped."""
    rules = [
        line.split("ingress ")[1]
        for line in nft.install().splitlines()
        if line.startswith("add rule") and "ingress" in line
    ]
    assert [rule.split()[0:2] for rule in (rules[0], rules[4])] == [["iif", "lo"], ["jump", "faults"]]
    assert rules[1] == f"ip dscp {ports.STREAM_DSCP} drop"
    assert all("@probes_arrived" in rule for rule in rules[2:4])
    assert all("@probes_passed" in rule for rule in rules[5:7])
    assert rules[7] == f"ip dscp {ports.PROBE_DSCP} drop"
    assert len(rules) == 8


def test_install_flushes_each_chain_that_it_fills_and_no_set() -> None:
    """Rules are not doubled by a second installation, and what is in force stays."""
    text = nft.install()
    filled = {line.split()[4] for line in text.splitlines() if line.startswith("add rule")}
    flushed = {line.split()[4] for line in text.splitlines() if line.startswith("flush chain")}
    assert filled == flushed == {"faults", "ingress", "egress"}
    assert "flush set" not in text


def test_block_replaces_an_element_with_its_lease() -> None:
    """Added, deleted and added with the new lease: no kernel then keeps the old one."""
    assert nft.block([Source(A)], lease_ms=1500).splitlines() == [
        "add element inet portal_testbed cut_sources { 10.213.0.2 : drop }",
        "delete element inet portal_testbed cut_sources { 10.213.0.2 }",
        "add element inet portal_testbed cut_sources { 10.213.0.2 timeout 1500ms : drop }",
    ]


def test_block_without_a_lease_stays() -> None:
    """No time-out is written: the kernel keeps it until it is undone."""
    assert "timeout" not in nft.block([Source(A), Lost()])


def test_renew_only_deletes_first() -> None:
    """Deleting what is gone fails, and that is how a lapsed lease is noticed rather than revived."""
    assert [line.split()[0] for line in nft.renew([Source(A)], lease_ms=1).splitlines()] == [
        "delete",
        "add",
    ]


def test_unblock_adds_before_it_deletes() -> None:
    """Deleting what is not there would fail."""
    assert [line.split()[0] for line in nft.unblock([Source(A)]).splitlines()] == ["add", "delete"]


def test_block_of_a_lost_server_covers_both_ways_and_families() -> None:
    """In and out, IPv4 and IPv6."""
    lines = nft.block([Lost()]).splitlines()
    assert len({tuple(line.split()[4:7]) for line in lines}) == 4


@pytest.mark.parametrize("lease_ms", [0, -1])
def test_block_refuses_a_lease_without_time(lease_ms: int) -> None:
    """Nft reads a time-out of nought as none: the fault would stay for ever."""
    with pytest.raises(ValueError, match="lease"):
        nft.block([Source(A)], lease_ms=lease_ms)


def test_block_refuses_nothing() -> None:
    """An empty transaction would look like a done one."""
    with pytest.raises(ValueError, match="nothing"):
        nft.block([])


def test_parse_reads_what_is_in_force() -> None:
    """Addresses, ports, leases and counters come back; protocols by number or by name."""
    seen = parse(
        listing(
            cut_sources=[
                [element("10.213.0.2", 7), DROP],
                [element("10.213.0.3", 1, timeout=2, expires=0), {"goto": {"target": "stop_reset"}}],
            ],
            cut_protocols=[[element({"concat": ["10.213.0.2", "icmp"]}), {"goto": {"target": "stop_prohibit"}}]],
            cut_ports=[
                [element({"concat": ["10.213.0.2", 6, 50798]}), DROP],
                [element({"concat": ["10.213.0.2", "udp", 5]}), {"goto": {"target": "stop_reject"}}],
            ],
            lossy_sources=[[element("10.213.0.3", 5), {"jump": {"target": "loss_10_213_0_3_250"}}]],
            shaped_targets=[[shaped("10.213.0.3", "rate 256000"), 5], [shaped("10.213.0.2", "delay 50 10 1 2"), 6]],
        )
    )
    b = IPv4Address("10.213.0.3")
    assert seen.in_force == (
        InForce(block=Source(A), lease_left_s=None, packets=7),
        InForce(block=Source(b, Manner.RESET), lease_left_s=0, packets=1),
        InForce(block=SourcePort(A, "icmp", None, Manner.PROHIBIT), lease_left_s=None, packets=0),
        InForce(block=SourcePort(A, "tcp", 50798), lease_left_s=None, packets=0),
        InForce(block=SourcePort(A, "udp", 5, Manner.REJECT), lease_left_s=None, packets=0),
        InForce(block=LossFrom(b, 250), lease_left_s=None, packets=5),
        InForce(block=RateTo(b, 256000), lease_left_s=None, packets=0),
        InForce(block=DelayTo(A, 50, 10, 1, 2), lease_left_s=None, packets=0),
    )


def test_parse_takes_a_half_lost_server_for_lost() -> None:
    """One element left of four still drops something: it must not be reported as healed."""
    seen = parse(listing(lost_out=[element("ipv4", 3, timeout=9, expires=4)]))
    assert seen.in_force == (InForce(block=Lost(), lease_left_s=4, packets=3),)


def test_parse_counts_probes_by_flow() -> None:
    """Arrived and passed are told apart, by source, protocol and port."""
    value = {"concat": ["10.213.0.2", 17, 50796]}
    seen = parse(listing(probes_arrived=[element(value, 5)], probes_passed=[element(value, 3)]))
    flow = Flow(A, "udp", 50796)
    assert (seen.arrived, seen.passed) == ({flow: 5}, {flow: 3})


def shaped(value: str, comment: str) -> dict[str, Any]:
    """An element of the map that gives classes."""
    return {"elem": {**element(value)["elem"], "comment": comment}}


def test_deck_loses_exactly_the_share_and_is_shuffled() -> None:
    """Of 1,000 places so many; not in a row, and others for another address."""
    cards = deck(A, 300)
    assert (len(cards), len(set(cards)), min(cards) >= 0, max(cards) < 1000) == (300, 300, True, True)
    assert cards != tuple(range(300))
    assert sum(card < 500 for card in cards) != 300
    assert cards == deck(A, 300) != deck(IPv4Address("10.213.0.3"), 300)


def test_class_numbers_are_apart_in_any_small_network() -> None:
    """The class of a target in the packet filter is the one that the queue is made for."""
    addresses = [IPv4Address(int(A) + number) for number in range(2048)]
    assert len({tc.class_of(address) for address in addresses}) == len(addresses)
    kinds = {message["type"] for message in tc.shape([RateTo(A, 1_000_000)])}
    assert kinds == {36, 40}
    assert all(message["despite"] for message in tc.unshape())


@pytest.mark.parametrize("one", [LossFrom(A, 5), Source(A, Manner.RESET), SourcePort(A, "udp", 5, Manner.REJECT)])
def test_block_makes_the_chain_that_its_element_jumps_to(one: Block) -> None:
    """Before the element, in the same transaction, and anew: a deck begins at its first card."""
    lines = nft.block([one]).splitlines()
    chain = lines[0].split()[-1]
    assert lines[0] == f"add chain inet portal_testbed {chain}"
    assert lines[1] == f"flush chain inet portal_testbed {chain}"
    assert lines[-1].endswith(f" {chain} }}")


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {},
        {"nftables": []},
        {"nftables": [{"set": {}}]},
        listing(cut_sources=["10.213.0.2"]),
        listing(cut_sources=[element("10.213.0.2")]),
        listing(cut_sources=[[element("nowhere"), DROP]]),
        listing(cut_sources=[[element("10.213.0.2"), {"goto": {"target": "stop_somehow"}}]]),
        listing(cut_ports=[[element({"concat": ["10.213.0.2", 132, 8]}), DROP]]),
        listing(shaped_targets=[[element("10.213.0.2"), 5]]),
        listing(shaped_targets=[[shaped("10.213.0.2", "fly 1"), 5]]),
        listing(probes_passed=[{"elem": {"val": {"concat": ["10.213.0.2", 17, 1]}}}]),
    ],
)
def test_parse_refuses_what_it_does_not_know(odd: object) -> None:
    """A listing of another form is an error, and never an empty answer."""
    with pytest.raises(listings.UnexpectedListingError):
        parse(odd)


def test_no_two_kinds_of_packets_bear_the_same_mark() -> None:
    """Or what the orchestrator asks would be dropped as a stream, say. Code points for local use (RFC 2474)."""
    marks = {name: value for name, value in vars(ports).items() if name.endswith("_DSCP")}
    assert len(marks) == len(set(marks.values())) == 4
    assert all(0 < mark < 64 and mark % 2 == 1 for mark in marks.values())

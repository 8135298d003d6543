"""The text of nft transactions, and the reading of nft's listing."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from testbed.network import nft

A = IPv4Address("10.213.0.2")


def listing(**sets: list[Any]) -> dict[str, Any]:
    """A listing as nft 1.0.6 writes it, with these elements."""
    names = ("blocked_sources", "blocked_ports", "lost_in", "lost_out", "probes_arrived", "probes_passed")
    made = [{"set": {"name": name, **({"elem": sets[name]} if name in sets else {})}} for name in names]
    return {"nftables": [{"metainfo": {}}, {"table": {}}, *made, {"chain": {}}, {"rule": {}}]}


def element(value: object, packets: int = 0, **more: int) -> dict[str, Any]:
    """One element with its counter."""
    return {"elem": {"val": value, **more, "counter": {"packets": packets, "bytes": 0}}}


@pytest.mark.parametrize(
    "text",
    [
        nft.install(),
        nft.block([nft.Source(A), nft.Lost()]),
        nft.unblock([nft.Lost()]),
        nft.flush(),
        nft.REMOVE,
    ],
)
def test_text_never_closes_two_braces_on_a_line(text: str) -> None:
    """Nft 1.0.6 takes that for a syntax error."""
    assert all(line.count("}") <= 1 for line in text.splitlines())
    assert text.endswith("\n")


def test_install_counts_probes_around_the_faults() -> None:
    """Loopback first; then arrived, faults, passed, and at last the probes are dropped."""
    rules = [
        line.split("ingress ")[1]
        for line in nft.install().splitlines()
        if line.startswith("add rule") and "ingress" in line
    ]
    assert [rule.split()[0:2] for rule in (rules[0], rules[2])] == [["iif", "lo"], ["jump", "faults"]]
    assert ["@probes_arrived" in rules[1], "@probes_passed" in rules[3], rules[4].endswith("drop")] == [True] * 3
    assert len(rules) == 5


def test_install_flushes_each_chain_that_it_fills_and_no_set() -> None:
    """Rules are not doubled by a second installation, and what is in force stays."""
    text = nft.install()
    filled = {line.split()[4] for line in text.splitlines() if line.startswith("add rule")}
    flushed = {line.split()[4] for line in text.splitlines() if line.startswith("flush chain")}
    assert filled == flushed == {"faults", "ingress", "egress"}
    assert "flush set" not in text


def test_block_replaces_an_element_with_its_lease() -> None:
    """Added, deleted and added with the new lease: no kernel then keeps the old one."""
    assert nft.block([nft.Source(A)], lease_ms=1500).splitlines() == [
        "add element inet portal_testbed blocked_sources { 10.213.0.2 }",
        "delete element inet portal_testbed blocked_sources { 10.213.0.2 }",
        "add element inet portal_testbed blocked_sources { 10.213.0.2 timeout 1500ms }",
    ]


def test_block_without_a_lease_stays() -> None:
    """No time-out is written: the kernel keeps it until it is undone."""
    assert "timeout" not in nft.block([nft.Source(A), nft.Lost()])


def test_renew_only_deletes_first() -> None:
    """Deleting what is gone fails, and that is how a lapsed lease is noticed rather than revived."""
    assert [line.split()[0] for line in nft.renew([nft.Source(A)], lease_ms=1).splitlines()] == [
        "delete",
        "add",
    ]


def test_unblock_adds_before_it_deletes() -> None:
    """Deleting what is not there would fail."""
    assert [line.split()[0] for line in nft.unblock([nft.Source(A)]).splitlines()] == ["add", "delete"]


def test_block_of_a_lost_server_covers_both_ways_and_families() -> None:
    """In and out, IPv4 and IPv6."""
    lines = nft.block([nft.Lost()]).splitlines()
    assert len({tuple(line.split()[4:7]) for line in lines}) == 4


@pytest.mark.parametrize("lease_ms", [0, -1])
def test_block_refuses_a_lease_without_time(lease_ms: int) -> None:
    """Nft reads a time-out of nought as none: the fault would stay for ever."""
    with pytest.raises(ValueError, match="lease"):
        nft.block([nft.Source(A)], lease_ms=lease_ms)


def test_block_refuses_nothing() -> None:
    """An empty transaction would look like a done one."""
    with pytest.raises(ValueError, match="nothing"):
        nft.block([])


def test_parse_reads_what_is_in_force() -> None:
    """Addresses, ports, leases and counters come back; protocols by number or by name."""
    seen = nft.parse(
        listing(
            blocked_sources=[element("10.213.0.2", 7), element("10.213.0.3", 1, timeout=2, expires=0)],
            blocked_ports=[
                element({"concat": ["10.213.0.2", 6, 50798]}),
                element({"concat": ["10.213.0.2", "udp", 5]}),
            ],
        )
    )
    b = IPv4Address("10.213.0.3")
    assert seen.in_force == (
        nft.InForce(block=nft.Source(A), lease_left_s=None, packets=7),
        nft.InForce(block=nft.Source(b), lease_left_s=0, packets=1),
        nft.InForce(block=nft.SourcePort(A, "tcp", 50798), lease_left_s=None, packets=0),
        nft.InForce(block=nft.SourcePort(A, "udp", 5), lease_left_s=None, packets=0),
    )


def test_parse_takes_a_half_lost_server_for_lost() -> None:
    """One element left of four still drops something: it must not be reported as healed."""
    seen = nft.parse(listing(lost_out=[element("ipv4", 3, timeout=9, expires=4)]))
    assert seen.in_force == (nft.InForce(block=nft.Lost(), lease_left_s=4, packets=3),)


def test_parse_counts_probes_by_flow() -> None:
    """Arrived and passed are told apart, by source, protocol and port."""
    value = {"concat": ["10.213.0.2", 17, 50796]}
    seen = nft.parse(listing(probes_arrived=[element(value, 5)], probes_passed=[element(value, 3)]))
    flow = nft.Flow(A, "udp", 50796)
    assert (seen.arrived, seen.passed) == ({flow: 5}, {flow: 3})


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {},
        {"nftables": []},
        {"nftables": [{"set": {}}]},
        listing(blocked_sources=["10.213.0.2"]),
        listing(blocked_sources=[element("nowhere")]),
        listing(blocked_ports=[element({"concat": ["10.213.0.2", 1, 8]})]),
        listing(probes_passed=[{"elem": {"val": {"concat": ["10.213.0.2", 17, 1]}}}]),
    ],
)
def test_parse_refuses_what_it_does_not_know(odd: object) -> None:
    """A listing of another form is an error, and never an empty answer."""
    with pytest.raises(nft.UnexpectedListingError):
        nft.parse(odd)

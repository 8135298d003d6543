"""Plain cuts as messages: the same attributes that nft sends for the text, and the same cuts."""

from __future__ import annotations

import base64
from ipaddress import IPv4Address

import pytest

from testbed.network import elements
from testbed.network.blocks import Block, FlapWith, LossFrom, Lost, Source, SourcePort
from testbed.partitions import Manner

A, B = IPv4Address("10.213.0.2"), IPv4Address("10.213.0.3")
TABLE = "13000100" + b"portal_testbed\0".hex() + "00"
DROP = "10000280 0c000280 08000100 00000000"


def named(name: str) -> str:
    """A map's name as an attribute."""
    content = name.encode() + b"\0"
    return (4 + len(content)).to_bytes(2, "little").hex() + "0200" + content.hex() + "00" * (-len(content) % 4)


def sent(message: elements.Message) -> str:
    """What a message holds."""
    return base64.b64decode(message["attributes"]).hex()


@pytest.mark.parametrize(
    ("one", "lease_ms", "where", "golden"),
    [
        (Source(A), None, "cut_sources", f"24000380 20000180 0c000180 08000100 0ad50002 {DROP}"),
        (
            SourcePort(A, "tcp", 9443),
            1500,
            "cut_ports",
            f"38000380 34000180 0c000400 00000000000005dc 14000180 10000100 0ad50002 06000000 24e30000 {DROP}",
        ),
        (
            SourcePort(A, "icmp", None),
            None,
            "cut_protocols",
            f"28000380 24000180 10000180 0c000100 0ad50002 01000000 {DROP}",
        ),
    ],
)
def test_a_cut_is_asked_for_in_the_bytes_of_nft(one: Block, lease_ms: int | None, where: str, golden: str) -> None:
    """As nft 1.0.6 sends them for `create element`, but for a number of the map that matters to new maps alone."""
    (message,) = elements.block([one], lease_ms=lease_ms)
    assert (message["type"], message["flags"]) == (12, 0x600)
    assert sent(message) == TABLE + named(where) + golden.replace(" ", "")


def test_a_cut_is_undone_by_its_key_after_its_manner_was_looked_at() -> None:
    """Added as nft's `add element` does, so that another manner is refused, and then deleted."""
    added, deleted = elements.unblock([Source(A)])
    assert (added["type"], added["flags"], deleted["type"], deleted["flags"]) == (12, 0x400, 14, 0)
    assert sent(added) == sent(elements.block([Source(A)])[0])
    assert sent(deleted) == TABLE + named("cut_sources") + "14000380100001800c000180080001000ad50002"


def test_all_cuts_of_a_map_are_one_message() -> None:
    """In one transaction for the server, however many."""
    messages = elements.block([Source(A), Source(B), SourcePort(A, "udp", 1)])
    assert len(messages) == 2
    assert ["0ad50002" in sent(messages[1]), "0ad50003" in sent(messages[1])] == [True, True]


@pytest.mark.parametrize(
    "other",
    [
        Source(A, Manner.RESET),
        SourcePort(A, "udp", 5, Manner.REJECT),
        Lost(),
        LossFrom(A, 5),
        FlapWith(A, 50, 60, both=True),
    ],
)
def test_what_is_no_plain_cut_goes_the_long_way(other: Block) -> None:
    """All of a change, or nothing of it."""
    assert elements.are_plain([Source(A), SourcePort(A, "tcp", 9443)])
    assert not elements.are_plain([Source(A), other])


def test_a_lease_without_time_is_refused() -> None:
    """The kernel would take it for none."""
    with pytest.raises(ValueError, match="lease"):
        elements.block([Source(A)], lease_ms=0)

"""What evidence proves, and which links a fault is about."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from testbed.errors import MisuseError
from testbed.network import nft
from testbed.network.links import End, Links
from testbed.network.proof import Evidence, Probe, covers
from testbed.partitions import Link, NetworkFault, Path, Vanished

PROBE = Probe("a", "b")


@pytest.mark.parametrize(
    ("sent", "arrived", "passed", "verdict"),
    [
        (2, 2, 2, "passing"),
        (2, 3, 3, "passing"),  # another's probes as well
        (2, 2, 0, "stopped"),
        (0, 0, 0, "stopped"),  # its own server, lost, let none out
        (2, 0, 0, "neither"),  # silence
        (2, 1, 0, "neither"),
        (2, 2, 1, "neither"),
        (1, 1, 1, "neither"),
    ],
)
def test_evidence_is_positive_or_proves_nothing(sent: int, arrived: int, passed: int, verdict: str) -> None:
    """Only counted probes are evidence; silence is neither passing nor stopped."""
    one = Evidence(probe=PROBE, tried=2, sent=sent, arrived=arrived, passed=passed)
    assert (one.is_passing, one.is_stopped) == (verdict == "passing", verdict == "stopped")


def test_evidence_without_a_probe_proves_nothing() -> None:
    """A covered link was not probed."""
    one = Evidence(probe=PROBE, covered_by=Vanished("b"))
    assert (one.is_passing, one.is_stopped) == (False, False)


@pytest.mark.parametrize(
    ("fault", "is_covered"),
    [
        (Link("a", "b"), True),
        (Link("b", "a"), False),
        (Path("a", "b", "udp", 50796), True),
        (Path("a", "b", "tcp", 50796), False),
        (Vanished("a"), True),
        (Vanished("b"), True),
        (Vanished("c"), False),
    ],
)
def test_covers_keeps_directions_and_ports_apart(fault: NetworkFault, *, is_covered: bool) -> None:
    """A link is excused by a fault that stops it, and by no other."""
    assert covers(fault, PROBE) is is_covered


def test_links_refuse_faults_where_none_can_be_set() -> None:
    """An unknown name, and a link that ends outside, are the caller's mistakes."""
    links = Links({"host": End(IPv4Address("10.213.0.1"))})
    for fault in (Link("host", "nobody"), Link("nobody", "host"), Vanished("host")):
        with pytest.raises(MisuseError):
            links.blocks([fault])


def test_links_translate_blocks_back_into_faults() -> None:
    """An address that no end has is reported all the same, as a block without a fault."""
    links = Links({"a": End(IPv4Address("10.213.0.2")), "b": End(IPv4Address("10.213.0.3"))})
    stranger = nft.Source(IPv4Address("10.9.9.9"))
    held: list[nft.Block] = [nft.Source(IPv4Address("10.213.0.2")), nft.Lost(), stranger]
    listing = nft.Listing(in_force=tuple(nft.InForce(block=one, lease_left_s=None, packets=0) for one in held))
    found = links.in_force({"b": listing})
    assert [one.fault for one in found] == [Link("a", "b"), Vanished("b"), None]
    assert found[2].block == stranger

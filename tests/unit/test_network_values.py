"""The values around a network fault: when it was applied, what it needs of a kernel, where it is set, who holds it."""

from __future__ import annotations

import struct
import threading
import time
from ipaddress import IPv4Address

import pytest

from stubs.server import route
from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.network import kernel, phases
from testbed.network.applied import Applied
from testbed.network.blocks import FlapWith, Source
from testbed.network.lease import Claims, Renewal
from testbed.network.links import End, Links
from testbed.network.translation import excludes, fault_of, placed
from testbed.partitions import Link, Manner, NetworkFault, Path, Vanished, cut

ADDRESSES = {name: IPv4Address(f"10.213.0.{number}") for number, name in enumerate("abc", start=2)}
EVERY: list[NetworkFault] = [
    Link("a", "b"),
    Link("a", "b", Manner.RESET),
    Path("a", "b", "tcp", 9443, Manner.REJECT),
    Path("a", "b", "icmp", None, Manner.PROHIBIT),
    Vanished("a"),
    Loss("a", "b", 5),
    Rate("a", "b", 64_000),
    Delay("a", "b", 50, 5, 1, 2),
    Flap("a", "b", 50, 60),
    Flap("a", "b", 50, 60, one_way=True),
]


@pytest.mark.parametrize("fault", EVERY, ids=str)
def test_a_fault_comes_back_from_the_block_that_stands_for_it(fault: NetworkFault) -> None:
    """What a server's kernel holds is told as what was asked for."""
    server, block = placed(fault, ADDRESSES.__getitem__)
    names = {address: name for name, address in ADDRESSES.items()}
    assert fault_of(block, at=server, names=names) == fault


def test_a_block_of_a_server_against_itself_is_nobodys_fault() -> None:
    """It is reported as strange, and does not break the report."""
    links = Links({name: End(address) for name, address in ADDRESSES.items()})
    names = {address: name for name, address in ADDRESSES.items()}
    assert fault_of(Source(ADDRESSES["a"]), at="a", names=names) is None
    assert links.current() == ()


@pytest.mark.parametrize("one", EVERY, ids=str)
def test_what_is_wanted_of_the_same_packets_excludes_each_other(one: NetworkFault) -> None:
    """A fault never itself, nor one of another link."""
    assert not excludes(one, one)
    assert not excludes(one, Link("b", "c"))
    assert excludes(Rate("a", "b", 64_000), Delay("a", "b", 5))
    assert not excludes(Loss("a", "b", 5), Rate("a", "b", 64_000))


def test_only_what_needs_an_option_asks_for_it() -> None:
    """A plain cut works on every kernel that the testbed works on."""
    needed = {str(fault): kernel.needs(fault) for fault in EVERY}
    assert needed["a -> b"] == needed["a vanished"] == frozenset()
    assert needed["a -> b (reset)"] == {"CONFIG_NFT_REJECT_INET"}
    assert needed["a -> b loses 0.5 %"] == {"CONFIG_NFT_NUMGEN"}
    assert needed["a -> b at 64 kbit/s"] == {"CONFIG_NET_SCH_HTB"}
    assert kernel.needs(EVERY[7]) == {"CONFIG_NET_SCH_HTB", "CONFIG_NET_SCH_NETEM"}
    assert set().union(*needed.values()) == set(kernel.OPTIONS)


def test_a_change_tells_how_far_apart_the_servers_had_it() -> None:
    """From the first to the last; nothing changed is not apart."""
    applied = Applied(planned_ms=100.0, committed_ms={"a": 101.5, "b": 100.5, "c": 103.0})
    assert applied.row() == {
        "planned_ms": 100.0,
        "committed_ms": {"a": 101.5, "b": 100.5, "c": 103.0},
        "skew_ms": 2.5,
    }
    assert Applied(planned_ms=1.0, committed_ms={}).skew_ms == 0


def test_a_fault_is_free_when_its_last_holder_let_go() -> None:
    """And is held as long as one has it."""
    claims, faults = Claims(), cut("a", "b")
    claims.claim(faults)
    claims.claim(faults)
    assert claims.release(faults) == frozenset()
    assert claims.held() == faults
    assert claims.release(faults) == faults
    assert claims.held() == frozenset()


def test_a_renewal_renews_once_more_at_its_end_and_keeps_its_failure() -> None:
    """Whoever was frozen for longer than the lease learns of it there."""
    renewed: list[int] = []
    renewal = Renewal(lambda: renewed.append(1), lease_ms=60_000)
    first_ms = renewal.held_ms
    renewal.end()
    assert (renewed, renewal.failure) == ([1], None)
    assert renewal.held_ms > first_ms

    def fail() -> None:
        raise OSError("gone")

    failing = Renewal(fail, lease_ms=60_000)
    begun_ms = failing.held_ms
    failing.end()
    assert str(failing.failure) == "gone"
    assert failing.held_ms == begun_ms <= failing.failed_ms
    assert renewal.lapse([Link("a", "b")]) is None
    lapse = failing.lapse([Link("a", "b")])
    assert lapse is not None
    assert (lapse.held_ms, lapse.noticed_ms, lapse.__cause__) == (begun_ms, failing.failed_ms, failing.failure)
    assert str(lapse).startswith(f"a fault ended before its time (a -> b): renewed at {begun_ms:.0f} ms")
    assert "lease-renewal" not in {thread.name for thread in threading.enumerate()}


def test_a_lease_that_is_surely_over_is_not_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in its place by now is somebody else's; and what was held had lapsed."""
    renewed: list[int] = []
    renewal = Renewal(lambda: renewed.append(1), lease_ms=60_000)
    began_ms, real = renewal.held_ms, time.monotonic
    monkeypatch.setattr("testbed.network.lease.time.monotonic", lambda: real() + 61)
    renewal.end()
    lapse = renewal.lapse([Link("a", "b")])
    assert (renewed, lapse is not None and lapse.held_ms) == ([], began_ms)
    assert "stood still for 61" in str(renewal.failure)


def test_what_is_held_twice_is_shared() -> None:
    """Whoever fails to hold it once more leaves it to the other one."""
    claims = Claims()
    claims.claim([Link("a", "b"), Link("b", "a")])
    claims.claim([Link("a", "b")])
    assert claims.shared() == {Link("a", "b")}
    claims.release([Link("a", "b")])
    assert claims.shared() == frozenset()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (struct.pack("=HH4s", 8, 7, b"seve"), b"seve"),
        (struct.pack("=HHBxxx", 5, 1, 9) + struct.pack("=HH4s", 8, 0x8007, b"seve"), b"seve"),
        (struct.pack("=HH4s", 8, 6, b"six!"), b""),
        (struct.pack("=HH", 0, 7), b""),
        (b"\x01", b""),
    ],
)
def test_an_attribute_is_found_among_others(content: bytes, found: bytes) -> None:
    """Whatever its flags; what is no attribute ends the search."""
    assert route._attribute(content, 7) == found  # noqa: SLF001 - the reading is the part that can go wrong


def test_nobody_counts_on_a_device_that_is_not_there() -> None:
    """Then what was sent is all that is known."""
    assert route.class_bytes("nosuch0", 1) is None


def test_a_flap_of_one_way_has_no_rules_on_the_way_out() -> None:
    """And of both ways the same cycle for both."""
    both = FlapWith(ADDRESSES["a"], 50, 60, both=True)
    assert [way for way, _ in phases.ways(FlapWith(ADDRESSES["a"], 50, 60, both=False))] == [phases.IN]
    assert [way for way, _ in phases.ways(both)] == [phases.IN, phases.OUT]
    assert "add @flaps_begun { ip daddr timeout 110ms }" in phases.rules(both, "daddr")

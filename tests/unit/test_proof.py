"""What evidence proves, and which links a fault is about."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from testbed.bad_links import Delay, Flap, Loss, Rate
from testbed.errors import MisuseError
from testbed.network.blocks import Block, InForce, Listing, Lost, Source
from testbed.network.evidence import (
    Evidence,
    Probe,
    Went,
    blinds,
    count_within,
    enough_probes,
    hides,
    rate_within,
    spoils,
    stops,
    stream_for,
)
from testbed.network.links import End, Links
from testbed.partitions import Link, Manner, NetworkFault, Path, Vanished

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
        (Path("a", "b", "udp"), True),
        (Loss("a", "b", 500), False),
    ],
)
def test_covers_keeps_directions_and_ports_apart(fault: NetworkFault, *, is_covered: bool) -> None:
    """A link is excused by a fault that stops it, and by no other."""
    assert stops(fault, PROBE) is is_covered


def test_links_refuse_faults_where_none_can_be_set() -> None:
    """An unknown name, and a link that ends outside, are the caller's mistakes."""
    links = Links({"host": End(IPv4Address("10.213.0.1"))})
    for fault in (Link("host", "nobody"), Link("nobody", "host"), Vanished("host")):
        with pytest.raises(MisuseError):
            links.blocks([fault])


def test_links_translate_blocks_back_into_faults() -> None:
    """An address that no end has is reported all the same, as a block without a fault."""
    links = Links({"a": End(IPv4Address("10.213.0.2")), "b": End(IPv4Address("10.213.0.3"))})
    stranger = Source(IPv4Address("10.9.9.9"))
    held: list[Block] = [Source(IPv4Address("10.213.0.2")), Lost(), stranger]
    listing = Listing(in_force=tuple(InForce(block=one, lease_left_s=None, packets=0) for one in held))
    found = links.in_force({"b": listing})
    assert [one.fault for one in found] == [Link("a", "b"), Vanished("b"), None]
    assert found[2].block == stranger


def test_a_worsened_link_spoils_the_proof_that_it_carries() -> None:
    """It stops nothing surely, and lets nothing pass surely."""
    assert spoils(Loss("a", "b", 500), PROBE)
    assert not spoils(Rate("a", "b", 64_000), PROBE)  # probes pass by its queue
    assert not spoils(Loss("b", "a", 500), PROBE)


def test_what_may_not_leave_shows_nothing_of_what_stops_it_at_the_other_end() -> None:
    """A flapping link is judged at its target: what comes from there is dropped by turns before it leaves."""
    assert blinds(Flap("b", "a", 50, 60), PROBE)
    assert not blinds(Flap("b", "a", 50, 60, one_way=True), PROBE)
    assert not blinds(Flap("a", "b", 50, 60), PROBE)
    assert blinds(Link("a", "b"), PROBE)


def test_what_shapes_a_link_hides_only_what_else_shapes_it() -> None:
    """A loss is counted by probes that pass by the queue; what stops or loses packets hides all."""
    rate, delay, loss = Rate("a", "b", 64_000), Delay("a", "b", 5), Loss("a", "b", 500)
    assert hides(rate, delay)
    assert hides(delay, rate)
    assert not hides(rate, loss)
    assert not hides(Rate("b", "a", 64_000), delay)
    assert all(hides(other, one) for other in (Link("a", "b"), Vanished("b")) for one in (rate, delay, loss))
    assert hides(loss, rate)
    assert not hides(Loss("b", "a", 500), rate)


@pytest.mark.parametrize(("answered", "is_stopped"), [(2, True), (1, False), (0, False)])
def test_evidence_of_a_manner_wants_every_probe_answered(answered: int, *, is_stopped: bool) -> None:
    """A drop where a reset was asked for is no reset."""
    one = Evidence(probe=PROBE, tried=2, sent=2, arrived=2, manner=Manner.RESET, answered=answered)
    assert one.is_stopped is is_stopped


@pytest.mark.parametrize(
    ("share", "found", "is_as_asked"),
    [
        # 5 deviations of 1,000 draws at 0.3 are 5 * sqrt(210) = 72.5, and one more for the packets of others.
        (0.3, 300, True),
        (0.3, 228, True),
        (0.3, 226, False),
        (0.3, 372, True),
        (0.3, 374, False),
        (0.3, 0, False),
        (0.01, 0, False),  # none at all is never as asked
        (1.0, 1000, True),
        (1.0, 999, False),
        (0.0, 0, True),
        (0.0, 1, False),
    ],
)
def test_a_count_is_judged_by_five_deviations(share: float, found: int, *, is_as_asked: bool) -> None:
    """Chance leaves them once in 1.7 million times; all or none is exact."""
    assert count_within(Loss("a", "b", 300), "probes lost", found, of=1000, share=share).is_as_asked is is_as_asked


@pytest.mark.parametrize(("share", "least"), [(0.001, 14_000), (0.3, 1000), (1.0, 1000), (0.999, 14_000)])
def test_rare_losses_take_more_probes(share: float, least: int) -> None:
    """Fourteen of the rarer kind are expected: none of them happens by chance less than once in a million."""
    assert enough_probes(share) in (least, least - 1, least + 1)


@pytest.mark.parametrize("bits_per_s", [64_000, 256_000, 1_000_000, 10_000_000, 100_000_000])
@pytest.mark.parametrize(
    ("factor", "is_as_asked"), [(1.0, True), (0.91, True), (1.09, True), (0.89, False), (1.11, False)]
)
def test_a_rate_is_as_asked_within_a_tenth(bits_per_s: int, factor: float, *, is_as_asked: bool) -> None:
    """Counted over what was timed, which is never nothing."""
    rate = Rate("a", "b", bits_per_s)
    stream = stream_for(rate)
    timed = stream.count - stream.skip
    took_ms = timed * stream.size * 8 / (bits_per_s * factor) * 1000
    alone = Went(sent=timed, lasted_ms=took_ms, carried=0, carried_ms=0)
    assert rate_within(rate, stream, alone).is_as_asked is is_as_asked
    # Three of its packets got through among those of others, which the kernel counted as well.
    shared = Went(sent=3, lasted_ms=took_ms, carried=timed * stream.size, carried_ms=took_ms)
    assert rate_within(rate, stream, shared).is_as_asked is is_as_asked
    assert timed >= 80


def test_a_stream_that_passes_by_the_queue_is_no_rate() -> None:
    """However exactly the queue lets others through."""
    rate = Rate("a", "b", 64_000)
    stream = stream_for(rate)
    passing = Went(sent=stream.count - stream.skip, lasted_ms=3, carried=8000, carried_ms=1000)
    assert not rate_within(rate, stream, passing).is_as_asked
